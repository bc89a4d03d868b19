"""Two first starts at once make the databases of Dagster once, and both go on."""

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from resources.home.make import make_home
from resources.instance.databases import DATABASES, make_databases

START = """
import sys, time
from pathlib import Path
from dagster import DagsterInstance
from resources.settings.environment import read_environment
from resources.instance.prepare import prepare_dagster_home
home, begin = Path(sys.argv[1]), Path(sys.argv[2])
print("ready", flush=True)
while not begin.exists():
    time.sleep(0.01)
with DagsterInstance.from_config(str(prepare_dagster_home(read_environment(home)))) as instance:
    print(len(instance.get_runs(limit=1)), instance.all_instigator_state(), flush=True)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "desk")
    return tmp_path / "desk"


def test_two_first_starts_at_once_both_go_on(home: Path, tmp_path: Path) -> None:
    begin = tmp_path / "begin"
    words = [sys.executable, "-c", START, str(home), str(begin)]
    started = [
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    begin.touch()
    for process in started:
        said, failed = process.communicate(timeout=300)
        assert (process.returncode, said) == (0, "0 []\n"), failed
    assert all((home / "dagster" / name).is_file() for name in DATABASES)


def test_a_start_waits_for_the_one_that_makes_the_databases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.instance.databases._LOCK_SECONDS", 0.1)
    with FileLock(tmp_path / "prepare.lock"), pytest.raises(TimeoutError):
        make_databases(tmp_path)
