"""A disk without room, as a limit on the size of files plays it: a halt holds, and nothing is left over."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from resources.home.marker import new_marker
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from spot.risk.state import TradingState

ALLOWED = {
    "desk.json",
    ".trading_state_was_set_up",
    "trading_state",
    "trading_state/ready",
    "trading_state/lock",
}
"""What a desk whose halt could not be written may hold; all of these are there after a good halt, too."""


def without_room(n_bytes: int, *words: str, home: Path) -> "subprocess.CompletedProcess[str]":
    """Run Python in a process in which no file can get longer than that."""
    return subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "SPOTDESK_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes)),
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A desk that no run has used yet."""
    made = tmp_path / "desk"
    made.mkdir()
    new_marker(made, kind="desk", now=utc_now())
    return made


@pytest.mark.parametrize("is_set_up", [True, False], ids=["set up", "not yet set up"])
@pytest.mark.parametrize("zone", [[], ["--zone", "SK"]], ids=["the desk", "a zone"])
def test_a_halt_that_could_not_be_written_holds_when_there_is_room_again(
    home: Path, is_set_up: bool, zone: list[str]
) -> None:
    store = TradingStateStore(home / "trading_state")
    if is_set_up:
        store.set_up()
        assert store.state("SK") is TradingState.ACTIVE
    said = without_room(0, "-m", "desk.trading.stop", "halt", *zone, "--reason", "stop", home=home)
    assert said.returncode == 0, said.stderr
    assert "HALTED" in said.stdout
    assert "this halt could not be written" in said.stdout
    assert {str(path.relative_to(home)) for path in home.rglob("*")} <= ALLOWED

    store.set_up()  # as the next `spotdesk run` does
    assert store.state() is TradingState.HALTED
    assert store.state("SK") is TradingState.HALTED
    assert "could not be written by a halt" in store.record("desk").reason
    store.resume(reason="there is room again", actor="Ann")
    assert store.state("SK") is TradingState.ACTIVE


def test_a_line_for_which_there_is_no_room_leaves_no_part_of_it(home: Path) -> None:
    log = home / "log.jsonl"
    code = (
        "import sys; from pathlib import Path; from resources.files import append_regular\n"
        "for n in range(9): append_regular(Path(sys.argv[1]), f'{n}' * 59 + '\\n')"
    )
    said = without_room(150, "-c", code, str(log), home=home)
    assert "No space left on device" in said.stderr
    assert log.read_text().splitlines() == ["0" * 59, "1" * 59]
