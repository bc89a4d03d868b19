"""State files as an enemy would leave them: HALTED with the reason, in under a second, no traceback."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from resources.trading.state import TradingStateStore
from spot.errors import ConfigurationError
from spot.risk.state import TradingState


def _link(to: Any) -> Any:
    return lambda path: path.symlink_to(to)


def _socket(path: Any) -> None:
    """Bound by its short name: an address of this kind has a hundred bytes at most."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def _huge(path: Any) -> None:
    with path.open("wb") as file:
        file.truncate(200_000_000)


HOSTILE = {
    "a device": _link("/dev/full"),
    "an endless device": _link("/dev/zero"),
    "a dangling link": _link("/nowhere/at/all"),
    "a link to a state that is ACTIVE": _link("active.json"),
    "a fifo": os.mkfifo,
    "a folder": os.mkdir,
    "a socket": _socket,
    "200 MB": _huge,
    "no UTF-8": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "deep JSON": lambda path: path.write_bytes(b"[" * 60_000),
    "a number of 60,000 digits": lambda path: path.write_bytes(b"1" * 60_000),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = TradingStateStore(tmp_path / "trading_state")
    store.set_up()
    record = {"scope": "desk", "state": "ACTIVE"}
    (store.folder / "active.json").write_text(json.dumps(record))
    return store


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("name", ["desk.json", "zone-SK.json"])
def test_it_is_halted_with_the_reason_in_under_a_second_and_can_be_halted_and_resumed(
    store: Any, name: Any, make: Any
) -> None:
    make(store.folder / name)
    began = time.monotonic()
    assert store.state("SK") is TradingState.HALTED
    record = store.record(name.removesuffix(".json"))
    assert (record.state, bool(record.reason)) == (TradingState.HALTED, True)
    assert store.halt("SK", reason="stop", actor="Ann").state is TradingState.HALTED
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("name", ["log.jsonl", "lock"])
def test_nothing_beside_the_state_holds_a_halt_up(store: Any, name: Any, make: Any) -> None:
    make(store.folder / name)
    began = time.monotonic()
    assert store.halt("SK", reason="stop", actor="Ann").state is TradingState.HALTED
    assert time.monotonic() - began < 1.5
    assert store.state("SK") is TradingState.HALTED


@pytest.mark.parametrize("make", [_link("/nowhere"), os.mkfifo, os.mkdir, _socket])
def test_a_mark_that_is_no_file_is_halted(store: Any, make: Any) -> None:
    (store.folder / "ready").unlink()
    make(store.folder / "ready")
    assert store.state("SK") is TradingState.HALTED
    store.set_up()
    assert store.state("SK") is TradingState.HALTED


@pytest.mark.parametrize("make", [_link("/nowhere/at/all"), os.mkfifo, _socket, lambda path: path.touch()])
def test_a_folder_that_is_none_is_halted(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "trading_state")
    store = TradingStateStore(tmp_path / "trading_state")
    assert store.state("SK") is TradingState.HALTED
    assert [record.state for record in store.records()] == [TradingState.HALTED]
    assert store.halt("SK", reason="stop", actor="Ann").state is TradingState.HALTED
    store.set_up()
    assert store.state("SK") is TradingState.HALTED


def test_a_file_that_may_not_be_read_is_halted(store: Any, tmp_path: Path) -> None:
    """As root everything may be read, so the question is asked by another user."""
    store.reduce("SK", reason="closing", actor="Ann")
    (store.folder / "zone-SK.json").chmod(0)
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from resources.trading.state_files import read_record\n"
        "folder = os.open(sys.argv[2], os.O_RDONLY); os.fchdir(folder)\n"
        "os.geteuid() or os.seteuid(65534)\n"
        "record = read_record(Path('.'), 'zone-SK'); print(record.state, record.reason)"
    )
    store.folder.chmod(0o755)
    for folder in (store.folder.parent, *store.folder.parent.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)
    words = [sys.executable, "-c", code, str(Path.cwd()), str(store.folder)]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert said.startswith("HALTED the state file cannot be read: Permission denied")


def test_a_halt_of_a_desk_that_was_never_set_up_stays_although_the_disk_was_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TradingStateStore(tmp_path / "trading_state")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("resources.trading.state.write_whole", full)
        assert "No space left" in store.halt(reason="stop", actor="Ann").reason
    store.set_up()
    assert store.state() is TradingState.HALTED
    with monkeypatch.context() as patched:
        patched.setattr("resources.trading.state.write_whole", full)
        patched.setattr(Path, "touch", full)
        other = TradingStateStore(tmp_path / "other")
        with pytest.raises(ConfigurationError, match="NOT HALTED"):
            other.halt(reason="stop", actor="Ann")
