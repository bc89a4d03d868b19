"""A desk is moved, copied, backed up and restored as people do it, and works on bit for bit."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resources.home.make import make_home
from resources.home.marker import read_marker

ZONES = """
defaults: {source: simulated, model: naive, strategies: [storage], training_days: 50,
  minimum_training_days: 30, evaluation_days: 10}
zones: {DE_LU: {}}
"""


def spotdesk(home: Path, *words: str, code: int = 0) -> str:
    """What the command prints on a desk; it ends with `code`."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SPOTDESK_")}
    done = subprocess.run(
        [sys.executable, "-m", "desk.main", "--home", str(home), *words],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{words}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def run(home: Path, first: str, last: str) -> str:
    return spotdesk(home, "run", "--zone", "DE_LU", "--from", first, "--to", last)


def contents(home: Path) -> dict[str, tuple[str, int]]:
    """Name of each file to its digest and when it was written."""
    return {
        str(path.relative_to(home)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


def first_signal(home: Path) -> str:
    said = spotdesk(home, "sql", "select min(signal_id) as id from signals", "--json")
    return str(json.loads(said)[0]["id"])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_desk_works_on_where_it_is_moved_to_and_a_copy_leaves_it_alone(tmp_path: Path) -> None:
    home = tmp_path / "first"
    make_home(home, settings={"zones.yaml": ZONES})
    run(home, "2025-06-10", "2025-06-11")
    signal = first_signal(home)

    moved = home.rename(tmp_path / "moved")
    run(moved, "2025-06-12", "2025-06-12")
    assert "equal bit for bit" in spotdesk(moved, "replay", "--signal", signal)
    assert "HALTED" not in spotdesk(moved, "status", "--verify")
    why = ("--by", "Ann", "--reason", "a drill")
    spotdesk(moved, "retrain", "--zone", "DE_LU", *why)
    spotdesk(moved, "promote", "--zone", "DE_LU", "--version", "2", *why)

    copy = tmp_path / "copy"
    shutil.copytree(moved, copy, symlinks=True)
    before = contents(moved)
    assert "is a copy of desk" in run(copy, "2025-06-13", "2025-06-13")
    assert "HALTED" in spotdesk(copy, "state", code=1)
    assert "equal bit for bit" in spotdesk(copy, "replay", "--signal", signal)
    spotdesk(copy, "rollback", "--zone", "DE_LU", "--to", "1", *why)
    assert "version 1: loads" in spotdesk(copy, "status", "--verify")
    assert contents(moved) == before, "the copy writes nothing into the original"

    spotdesk(moved, "rollback", "--zone", "DE_LU", "--to", "1", *why)
    assert "version 1: loads" in spotdesk(moved, "status", "--verify")
    assert read_marker(moved).desk_id != read_marker(copy).desk_id


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_restored_desk_replays_and_runs_and_trades_only_when_a_person_says_so(tmp_path: Path) -> None:
    home, new = tmp_path / "desk", tmp_path / "new"
    make_home(home, settings={"zones.yaml": ZONES})
    run(home, "2025-06-10", "2025-06-11")
    signal = first_signal(home)
    words = tmp_path / "words"
    words.write_text("a long passphrase\n")
    with (home / ".env").open("a") as file:
        file.write("SPOTDESK_PJM_KEY=canary-71\n")
    secret = ("--passphrase-file", str(words))
    file = tmp_path / "desk.tar.gz"
    said = spotdesk(home, "backup", str(file), "--with-secrets", *secret)
    assert "encrypted" in said
    assert "canary-71" not in said
    shutil.rmtree(home)
    said = spotdesk(tmp_path, "restore", str(file), str(new), *secret)
    assert "It is HALTED and on paper" in said
    assert "SPOTDESK_PJM_KEY=canary-71" in (new / ".env").read_text()
    assert "HALTED" in spotdesk(new, "state", code=1)
    assert "equal bit for bit" in spotdesk(new, "replay", "--signal", signal)
    assert "loads" in spotdesk(new, "status", "--verify")
    run(new, "2025-06-12", "2025-06-12")
    assert "HALTED" in spotdesk(new, "state", code=1), "a run resumes nothing"
    assert "set `live: true`" in spotdesk(
        new, "live", "--zone", "DE_LU", "--by", "Ann", "--reason", "x", code=2
    )
    spotdesk(new, "resume", "--reason", "the other one is gone")
    assert "ACTIVE" in spotdesk(new, "state")
