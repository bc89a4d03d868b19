"""With the network cut to loopback the main job works, and nothing even tries to go further."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

GUARD = Path(__file__).parent / "network_guard"


def run_offline(
    words: list[str], *, log: Path, home: Path, root: Path, timeout: int = 850
) -> CompletedProcess[str]:
    """Run a command with Python's sockets watched.

    Where the system lets us, in a network namespace that has loopback alone.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": str(GUARD),
        "SPOTDESK_NETWORK_LOG": str(log),
        "SPOTDESK_HOME": str(home),
    }
    cut = ["unshare", "--net", "--map-root-user"]
    may_cut = (
        shutil.which("unshare") is not None
        and subprocess.run([*cut, "true"], capture_output=True, check=False).returncode == 0
    )
    return subprocess.run(
        [*(cut if may_cut else []), *words],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_the_guard_sees_and_stops_an_attempt(tmp_path: Path, project_root: Path) -> None:
    log = tmp_path / "log.txt"
    code = "import urllib.request as u; u.urlopen('http://192.0.2.1/', timeout=1)"
    done = run_offline([sys.executable, "-c", code], log=log, home=tmp_path, root=project_root, timeout=300)
    assert done.returncode != 0
    assert "192.0.2.1" in log.read_text()


@pytest.mark.slow
def test_the_demo_reaches_nothing(tmp_path: Path, project_root: Path) -> None:
    log = tmp_path / "log.txt"
    command = [
        str(Path(sys.executable).parent / "spotdesk"),
        "demo",
        "--quick",
        "--home",
        str(tmp_path / "home"),
    ]
    done = run_offline(command, log=log, home=tmp_path / "home", root=project_root)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert not log.exists(), log.read_text()
    assert "simulated" in done.stdout
