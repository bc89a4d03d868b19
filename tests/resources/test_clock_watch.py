"""The clock of the machine as the desk sees it, with the clock of a whole process set by libfaketime."""

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from resources.trading.clock_watch import ClockWatch
from resources.trading.state import TradingStateStore
from resources.wall_clock import boot_id
from spot.errors import ConfigurationError
from tests.support.processes import wait_for

needs_faketime = pytest.mark.skipif(
    shutil.which("faketime") is None and "SPOTDESK_NO_SKIP" not in os.environ,
    reason="needs Debian's faketime; CI installs it and skips nothing",
)


@pytest.fixture
def watch(tmp_path: Path) -> Any:
    TradingStateStore(tmp_path / "trading_state").set_up()
    return ClockWatch(tmp_path / "trading_state")


def _show(home: Any, offset: Any, *words: Any) -> Any:
    """`spotdesk clock ...` in a process whose wall clock is off, and whose boot clock is not."""
    (home / "desk.json").write_text("{}")
    code = (
        "import sys; from desk.trading.clock import app; from spot.errors import SpotdeskError\n"
        "app(sys.argv[1:])"
    )
    environment = {**os.environ, "SPOTDESK_HOME": str(home), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    command = ["faketime", "-f", offset, sys.executable, "-c", code, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@needs_faketime
@pytest.mark.parametrize(("offset", "word"), [("-7d", "stepped back"), ("+2h", "jumped ahead")])
def test_a_clock_that_moved_is_told_until_a_person_confirms_it(
    watch: Any, tmp_path: Path, offset: Any, word: Any
) -> None:
    assert watch.look() == ""
    assert _show(tmp_path, "+0", "show").returncode == 0
    moved = _show(tmp_path, offset, "show")
    assert (moved.returncode, word in moved.stdout) == (1, True)
    assert "spotdesk clock confirm" in moved.stdout
    assert word in watch.look()  # the clock is right again, and nobody has looked at what happened meanwhile
    assert _show(tmp_path, "+0", "confirm", "--by", "Ann", "--reason", "NTP is on again").returncode == 0
    assert watch.look() == ""
    assert "NTP is on again" in (watch.folder / "clock_log.jsonl").read_text()


def test_a_confirmation_wants_a_name_and_a_reason(watch: Any) -> None:
    for by, reason in (("", "x"), ("Ann", " ")):
        with pytest.raises(ConfigurationError):
            watch.confirm(by=by, reason=reason)


def test_after_a_restart_two_providers_clear_it_with_nobody_there(watch: Any) -> None:
    watch.look()
    path = watch.folder / "clock.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"boot": "an earlier boot", "latest": time.time() + 3600.0}))
    assert "before an instant that was seen" in watch.look()
    now = datetime.now(UTC)
    watch.hear("one.example", now)
    assert watch.look()
    watch.hear("one.example", now)
    assert watch.look()
    watch.hear("two.example", now + timedelta(seconds=20))
    assert watch.look() == ""


def test_two_providers_that_say_another_time_block(watch: Any) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    watch.hear("one.example", later)
    assert watch.look() == ""
    watch.hear("two.example", later)
    assert "behind what two providers say" in watch.look()


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"latest": NaN}', b"[" * 60_000])
def test_what_cannot_be_read_is_not_believed_and_a_person_confirms_it(watch: Any, content: Any) -> None:
    (watch.folder / "clock.json").write_bytes(content)
    assert "cannot be read" in watch.look()
    watch.confirm(by="Ann", reason="checked")
    assert watch.look() == ""


def test_a_frozen_process_that_holds_the_lock_holds_nobody_up_for_long(watch: Any) -> None:
    watch.look()
    code = (
        "import fcntl, os, sys, time; fcntl.flock(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX);"
        "open(sys.argv[2], 'w').close(); time.sleep(60)"
    )
    held = watch.folder.parent / "held"
    holder = subprocess.Popen([sys.executable, "-c", code, str(watch.folder / "clock.lock"), str(held)])
    try:
        wait_for(held.exists)
        began = time.monotonic()
        assert "cannot be read or kept" in watch.look()
        assert time.monotonic() - began < 5.0
    finally:
        holder.kill()
        holder.wait()


def test_a_desk_that_was_never_set_up_keeps_nothing(tmp_path: Path) -> None:
    watch = ClockWatch(tmp_path / "none")
    watch.hear("one.example", datetime.now(UTC))
    assert watch.problem() == ""
    assert not (tmp_path / "none").exists()
    assert Path("/proc/sys/kernel/random/boot_id").read_text().strip() == boot_id()
