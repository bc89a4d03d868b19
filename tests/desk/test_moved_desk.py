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
defaults: {source: simulated, model: fast, strategies: [storage], training_days: 60, evaluation_days: 14}
zones: {DE_LU: {}}
"""
WHY = ("--by", "Ann", "--reason", "a drill")


def spotdesk(home: Path, *words: str, code: int = 0) -> str:
    """What the command prints on a desk; it ends with `code`."""
    done = ended(home, *words)
    assert done.returncode == code, f"{words}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    return done.stdout + done.stderr


def ended(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """The command on a desk, after its end; it never shows a trace."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SPOTDESK_")}
    done = subprocess.run(
        [sys.executable, "-m", "desk.main", "--home", str(home), *words],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


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


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk that ran for two days and was moved since."""
    home = tmp_path_factory.mktemp("desks") / "first"
    make_home(home, settings={"zones.yaml": ZONES})
    run(home, "2025-06-10", "2025-06-11")
    return home.rename(home.parent / "moved")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_restored_desk_replays_and_trades_only_when_a_person_says_so(desk: Path, tmp_path: Path) -> None:
    words, file, new = tmp_path / "words", tmp_path / "desk.tar.gz", tmp_path / "new"
    words.write_text("a long passphrase\n")
    (desk / ".env").write_text("SPOTDESK_PJM_KEY=canary-71\n")
    secret = ("--passphrase-file", str(words))
    said = spotdesk(desk, "backup", str(file), "--with-secrets", *secret)
    assert "encrypted" in said
    assert "canary-71" not in said
    assert "It is HALTED and on paper" in spotdesk(desk, "restore", str(file), str(new), *secret)
    assert (new / ".env").read_text() == "SPOTDESK_PJM_KEY=canary-71\n"
    assert "equal bit for bit" in spotdesk(new, "replay", "--signal", first_signal(desk))
    assert "version 1: loads" in spotdesk(new, "status", "--verify")
    assert "set `live: true`" in spotdesk(new, "live", "--zone", "DE_LU", *WHY, code=2)
    assert "HALTED" in spotdesk(new, "state", code=1)
    spotdesk(new, "resume", "--reason", "the other one is gone")
    assert "ACTIVE" in spotdesk(new, "state")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_desk_works_on_where_it_was_moved_to_and_a_copy_leaves_it_alone(desk: Path, tmp_path: Path) -> None:
    signal = first_signal(desk)
    run(desk, "2025-06-12", "2025-06-12")
    assert "equal bit for bit" in spotdesk(desk, "replay", "--signal", signal)
    spotdesk(desk, "retrain", "--zone", "DE_LU", *WHY)
    spotdesk(desk, "promote", "--zone", "DE_LU", "--version", "2", *WHY)
    assert "version 2: loads" in spotdesk(desk, "status", "--verify")

    copy = shutil.copytree(desk, tmp_path / "copy", symlinks=True)
    before = contents(desk)
    assert "is a copy of desk" in run(copy, "2025-06-13", "2025-06-13")
    assert "HALTED" in spotdesk(copy, "state", code=1), "a run resumes nothing"
    assert "equal bit for bit" in spotdesk(copy, "replay", "--signal", signal)
    spotdesk(copy, "rollback", "--zone", "DE_LU", "--version", "1", *WHY)
    assert "version 1: loads" in spotdesk(copy, "status", "--verify")
    assert contents(desk) == before, "the copy writes nothing into the original"
    assert read_marker(desk).desk_id != read_marker(copy).desk_id

    spotdesk(desk, "rollback", "--zone", "DE_LU", "--version", "1", *WHY)
    assert "version 1: loads" in spotdesk(desk, "status", "--verify")
