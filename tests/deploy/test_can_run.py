"""The deploy test says what a machine lacks before it begins, and does not hang or fail in the middle."""

import os
import subprocess
from pathlib import Path

import pytest

UNPRIVILEGED = ["setpriv", "--reuid", "65534", "--clear-groups"]


@pytest.fixture
def script(project_root: Path) -> Path:
    return project_root / "deploy/test/can_run.sh"


@pytest.mark.skipif(os.getuid() != 0 and "SPOTDESK_NO_SKIP" not in os.environ, reason="needs root")
def test_without_rights_it_names_all_that_is_missing(script: Path) -> None:
    words = [*UNPRIVILEGED, "bash", "-s", "before"]  # which may not read the file where it lies
    with script.open() as text:
        done = subprocess.run(words, stdin=text, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 3
    assert "- root: this is user" in done.stderr
    assert "a new mount namespace" in done.stderr
    assert "overlay file systems" in done.stderr


def test_podman_that_does_not_answer_is_named(script: Path, tmp_path: Path) -> None:
    broken = tmp_path / "podman"
    broken.write_text("#!/bin/sh\necho 'no subuid for this user' >&2\nexit 125\n")
    broken.chmod(0o755)
    variables = {**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", str(script), "after", "an-image"], capture_output=True, text=True, env=variables, check=False
    )
    assert done.returncode == 3
    assert "podman info: no subuid for this user" in done.stderr
