"""An upgrade asks the new image whether it reads what serves, and keeps clear of a gate."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

OLD, NEW = "desk@sha256:" + "0" * 64, "desk@sha256:" + "1" * 64
_ENGINE = f"""#!/bin/sh
echo "engine $*" >>"$SAID"
case $1 in
  ps) for one in mlflow code web daemon metrics watch screen; do echo "spotdesk_${{one}}_1"; done ;;
  inspect) echo "{OLD}" ;;
  exec) case $* in *next_gate*) echo "${{GATE:-}}" ;; *) echo "${{RUNS:-0}}" ;; esac ;;
  run) exit "${{VERDICT:-0}}" ;;
esac
"""
_COMPOSE = """#!/bin/sh
echo "compose $SPOTDESK_IMAGE $*" >>"$SAID"
"""


class Host:
    """A copy of the scripts, with an engine and a compose that only note what they are asked."""

    def __init__(self, folder: Path, scripts: Path) -> None:
        self.folder = folder
        shutil.copytree(scripts, folder / "compose", ignore=shutil.ignore_patterns("secrets"))
        for name, text in {"podman": _ENGINE, "compose.sh": _COMPOSE}.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    def upgrade(self, **variables: str) -> "subprocess.CompletedProcess[str]":
        """One call of the script."""
        own = {
            "PATH": os.environ["PATH"],
            "ENGINE": str(self.folder / "podman"),
            "COMPOSE": str(self.folder / "compose.sh"),
            "SAID": str(self.folder / "said"),
            **variables,
        }
        return subprocess.run(
            [str(self.folder / "compose" / "upgrade.sh"), NEW],
            env=own,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def said(self) -> list[str]:
        """What was asked, in order."""
        return (self.folder / "said").read_text().splitlines()


@pytest.fixture
def host(tmp_path: Path, project_root: Path) -> Host:
    return Host(tmp_path, project_root / "deploy" / "compose")


def test_an_image_that_reads_what_serves_is_deployed(host: Host) -> None:
    done = host.upgrade()
    assert done.returncode == 0, done.stderr
    asked = next(i for i, line in enumerate(host.said) if "models verify" in line)
    stopped = next(i for i, line in enumerate(host.said) if line.startswith("engine stop"))
    assert asked < stopped, "it asks before it stops anything"
    assert NEW in host.said[asked], "the new image is asked"
    assert "--network container:" not in host.said[asked], "podman refuses that for a container of a pod"
    assert (host.folder / "compose" / "previous").read_text().strip() == OLD


def test_an_image_that_cannot_read_a_serving_version_changes_nothing(host: Host) -> None:
    done = host.upgrade(VERDICT="1")
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert not any(line.startswith("engine stop") or " up " in line for line in host.said)
    assert not (host.folder / "compose" / "previous").exists()


def test_a_person_can_force_it(host: Host) -> None:
    assert host.upgrade(VERDICT="1", FORCE="1").returncode == 0
    assert not any("models verify" in line for line in host.said)


@pytest.mark.parametrize(("gate", "code"), [("", 0), ("400", 0), ("300", 1), ("12", 1)])
def test_nothing_is_stopped_right_before_a_gate(host: Host, gate: str, code: int) -> None:
    done = host.upgrade(GATE=gate)
    assert done.returncode == code, done.stderr
    assert any(line.startswith("engine stop") for line in host.said) == (code == 0)
    assert (f"closes in {gate} s: nothing was changed" in done.stderr) == (code == 1)


def test_runs_that_do_not_end_before_a_gate_keep_the_release_that_serves(host: Host) -> None:
    done = host.upgrade(GATE="302", RUNS="1")
    assert done.returncode == 1
    assert "1 runs are still under way: nothing was changed" in done.stderr
    assert any(line.startswith("engine start") for line in host.said), "the daemon goes on"
    assert not any(" up " in line for line in host.said)


def test_the_way_back_does_not_wait_for_a_gate(host: Host) -> None:
    assert host.upgrade(GATE="12", FORCE="1").returncode == 0
