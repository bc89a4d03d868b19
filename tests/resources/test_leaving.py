"""A message leaves from a process of its own, which the stop button ends; nothing else is ever ended."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.safety.stop_button import measure
from resources.trading.leaving.send import Permission, drop, post
from resources.trading.state import StillLeavingError, TradingStateStore
from spot.errors import SourceUnavailableError, TradingHaltedError
from spot.risk.state import TradingState
from tests.support.processes import wait_for

ZONE = "SK"


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = TradingStateStore(tmp_path / "state")
    store.set_up()
    return store


def _permission(
    store: Any, *, seconds: float = 3600.0, state: Any = TradingState.ACTIVE, **other: Any
) -> Any:
    now = datetime.now(UTC)
    return Permission(
        state_folder=store.folder,
        zone=ZONE,
        state=state,
        judged_at=now,
        valid_until=now + timedelta(seconds=seconds),
        **other,
    )


def _register(store: Any, *, pid: Any, start: Any, boot: Any = None) -> Any:
    """A registration as a sender makes it, held under its lock by this process."""
    here = boot or Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
    space = "".join(letter for letter in str(Path("/proc/self/ns/pid").readlink()) if letter.isdigit())
    folder = store.folder / "senders"
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder / f"{ZONE}.{pid}.{start}.{here}.{space}", os.O_RDONLY | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _start_of(pid: Any) -> Any:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_a_small_run_of_the_benchmark_meets_its_figures() -> None:
    result = measure(6, 0, settle_seconds=0.15)
    assert result["messages_after_acknowledgement"] == 0
    assert result["messages_arrived"] > 0
    assert result["p99_s"] < 1.0


def test_the_sender_is_light_and_its_arguments_hold_no_secret() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import resources.trading.leaving.child;"
        "print([name for name in sys.modules if name.split('.')[0] in"
        " ('polars', 'dagster', 'httpx', 'pydantic', 'filelock', 'numpy', 'site')])"
    )
    words = [sys.executable, "-I", "-S", "-c", code, str(Path.cwd())]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_file_leaves_whole_and_not_while_halted(store: Any, tmp_path: Path) -> None:
    drop(_permission(store), tmp_path / "drop", {"a.json": b"{}"})
    assert (tmp_path / "drop" / "a.json").read_bytes() == b"{}"
    store.halt(ZONE, reason="stop", actor="Ann")
    with pytest.raises(TradingHaltedError, match="halted"):
        drop(_permission(store), tmp_path / "drop", {"b.json": b"{}"})
    assert [path.name for path in (tmp_path / "drop").iterdir()] == ["a.json"]
    assert not list((store.folder / "senders").iterdir())


def test_a_message_that_was_judged_in_a_milder_state_does_not_leave(store: Any, tmp_path: Path) -> None:
    store.reduce(ZONE, reason="closing", actor="Ann")
    with pytest.raises(TradingHaltedError, match="REDUCING"):
        drop(_permission(store), tmp_path, {"a": b"x"})
    drop(_permission(store, state=TradingState.REDUCING), tmp_path, {"a": b"x"})


def test_a_publisher_that_was_frozen_past_the_gate_sends_nothing(store: Any, tmp_path: Path) -> None:
    long_ago = time.clock_gettime(time.CLOCK_BOOTTIME) - 60.0
    with pytest.raises(TradingHaltedError, match="the gate closed"):
        drop(_permission(store, seconds=59.0, judged_at_boot_seconds=long_ago), tmp_path, {"a": b"x"})


def test_a_receiver_that_takes_no_connection_is_a_failure_without_its_address(store: Any) -> None:
    with pytest.raises(SourceUnavailableError, match="ConnectionRefusedError") as failure:
        post(
            _permission(store),
            url="http://127.0.0.1:9/token-canary",
            secret="s",
            headers={},
            body=b"",
            seconds=2.0,
        )
    assert "canary" not in str(failure.value)


def test_what_a_sender_left_behind_is_cleared_and_its_number_may_belong_to_another_by_now(store: Any) -> None:
    """A process that was killed leaves its registration; a process that has its number lives on."""
    other = subprocess.Popen(["sleep", "60"])
    try:
        os.close(_register(store, pid=other.pid, start=_start_of(other.pid)))
        store.halt(ZONE, reason="stop", actor="Ann")
        assert not list((store.folder / "senders").iterdir())
        held = _register(store, pid=other.pid, start="1")
        store.halt(ZONE, reason="stop", actor="Ann")
        os.close(held)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_process_that_is_no_sender_is_never_ended_although_somebody_registered_it(store: Any) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        wait_for(lambda: Path(f"/proc/{other.pid}/cmdline").read_bytes().startswith(b"sleep"))
        held = _register(store, pid=other.pid, start=_start_of(other.pid))
        store.halt(ZONE, reason="stop", actor="Ann")
        os.close(held)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_sender_on_another_machine_cannot_be_ended_and_the_halt_says_so(store: Any) -> None:
    held = _register(store, pid=4711, start="1", boot="0" * 32)
    began = time.monotonic()
    with pytest.raises(
        StillLeavingError, match=r"NOT HALTED YET.*process 4711.*sends for SK.*another machine"
    ):
        store.halt(reason="stop", actor="Ann")
    assert time.monotonic() - began < 1.0
    assert store.state(ZONE) is TradingState.HALTED
    assert TradingStateStore(store.folder).halt("BE", reason="stop", actor="Ann").state is TradingState.HALTED
    os.close(held)
    store.halt(reason="stop", actor="Ann")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_registration_does_not_hold_a_halt_up(store: Any, make: Any) -> None:
    (store.folder / "senders").mkdir()
    make(store.folder / "senders" / "SK.1.1.1.1")
    store.halt(ZONE, reason="stop", actor="Ann")


def test_without_a_list_of_senders_none_registers(store: Any) -> None:
    (store.folder / "senders").write_text("?")
    store.halt(ZONE, reason="stop", actor="Ann")
    with pytest.raises(SourceUnavailableError):
        drop(_permission(store), store.folder.parent, {"a": b"x"})


@pytest.mark.parametrize("is_lost", [False, True], ids=["registered", "its registration is lost"])
def test_a_frozen_sender_is_ended_at_once(store: Any, is_lost: Any) -> None:
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]);"
        "from pathlib import Path; from resources.trading.leaving.senders import registered\n"
        "with registered(Path(sys.argv[3]), 'SK'): time.sleep(60)"
    )
    words = [sys.executable, "-I", "-S", "-c", code, str(Path.cwd()), "spotdesk-sender"]
    words += [str(store.folder), ZONE]
    sender = subprocess.Popen(words)
    wait_for(lambda: any((store.folder / "senders").glob("SK.*")))
    sender.send_signal(signal.SIGSTOP)
    if is_lost:
        shutil.rmtree(store.folder)
    store.halt("BE", reason="stop", actor="Ann")
    assert sender.poll() is None
    began = time.monotonic()
    store.halt(ZONE, reason="stop", actor="Ann")
    assert time.monotonic() - began < 1.0
    assert sender.wait(timeout=5) == -signal.SIGKILL


def test_a_publisher_that_tries_again_at_once_holds_no_halt_up(store: Any, tmp_path: Path) -> None:
    """A sender that began after the state was written finds it: the halt does not run after each of them."""
    is_over = threading.Event()

    def publish() -> None:
        while not is_over.is_set():
            with contextlib.suppress(TradingHaltedError, SourceUnavailableError):
                drop(_permission(store), tmp_path / "drop", {"a": b"x"})

    threads = [threading.Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            time.sleep(0.2)
            store.halt(ZONE, reason="stop", actor="Ann")
            (tmp_path / "drop" / "a").unlink(missing_ok=True)
            time.sleep(0.2)
            assert not (tmp_path / "drop" / "a").exists()
            store.resume(ZONE, reason="checked", actor="Ann")
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def test_the_command_says_that_a_message_may_still_leave(store: Any) -> None:
    """Exit code 2, and no word that it is halted."""
    (store.folder.parent / "desk.json").write_text("{}")
    store.folder.rename(store.folder.parent / "trading_state")
    moved = TradingStateStore(store.folder.parent / "trading_state")
    held = _register(moved, pid=4711, start="1", boot="0" * 32)
    words = [sys.executable, "-m", "desk.trading.stop", "halt", "--json"]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SPOTDESK_HOME": str(store.folder.parent)},
    )
    os.close(held)
    assert done.returncode == 2
    assert "NOT HALTED YET" in done.stderr
    assert not done.stdout
    assert json.loads((moved.folder / "desk.json").read_text())["state"] == "HALTED"
