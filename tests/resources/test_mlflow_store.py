"""A process killed while it makes the model store leaves none or a whole one."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resources.models.registry import ModelRegistry

_CHILD = (
    "import sys; from resources.models.registry import ModelRegistry; import mlflow; print('ready',"
    " flush=True); ModelRegistry(tracking_uri=sys.argv[1], artifact_folder=sys.argv[2]).prepare()"
)


@pytest.mark.slow
def test_a_process_killed_while_it_makes_the_store_leaves_none_or_a_whole_one(tmp_path: Path) -> None:
    uri, artifacts = f"sqlite:///{tmp_path / 'mlflow.db'}", str(tmp_path / "artifacts")
    command = [sys.executable, "-W", "ignore", "-c", _CHILD, uri, artifacts]
    moments = random.Random(5)
    n_killed = 0
    for _ in range(4):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(moments.uniform(0.2, 1.2))
            child.send_signal(signal.SIGKILL)
            n_killed += child.wait() == -signal.SIGKILL
    assert n_killed > 0
    registry = ModelRegistry(tracking_uri=uri, artifact_folder=artifacts)
    assert registry.prepare()
    assert registry.versions("FR") == []
