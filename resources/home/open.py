"""Opening a desk: its format must be right, and a copy is recognised.

A copy is not a second trader. It gets an identity of its own, is halted, and gives back every lease. So it
sends nothing until a person resumes it and lets a zone go live.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from resources.home.find import (
    INNER,
    PROJECT_ROOT,
    find_desk,
    is_desk,
    is_in_checkout,
    is_named,
    nearest_desk,
)
from resources.home.make import make_home
from resources.home.marker import Marker, is_copy, new_marker, read_marker
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError

_LOCK = ".desk.lock"
_LOCK_SECONDS = 30.0
"""Longest wait for another process that opens the desk. Chosen by hand: it takes a fraction of a second, so
this only ends where something hangs.
"""


@dataclass(frozen=True, slots=True)
class OpenedDesk:
    """A desk that may be used, and a message for the person who opens it; empty where nothing is new."""

    home: Path
    marker: Marker
    note: str = ""


def open_desk(home: Path | None = None) -> OpenedDesk:
    """The desk in `home`, or the one that is named or nearest.

    Raises:
        NoDeskError: no desk is there.
        DeskFormatError: it is of another format.
        ConfigurationError: it is a copy, and cannot be written to make it a desk of its own.
    """
    folder = find_desk() if home is None else home
    marker = read_marker(folder)
    return OpenedDesk(folder, marker) if not is_copy(folder, marker) else _made_its_own(folder)


def open_or_make_desk(settings: Callable[[], Mapping[str, str]] = dict) -> OpenedDesk:
    """The desk that is named or nearest; in a checkout without one, a new desk in its `.spotdesk`.

    `settings` gives files of a new desk in place of the templates. A named folder is never made a desk,
    because the name may have a typing error.

    Raises:
        NoDeskError: there is no desk, and the working folder is in no checkout.
        DeskFormatError, ConfigurationError: as `open_desk`.
    """
    if is_named() or _is_desk_near() or not is_in_checkout():
        return open_desk()
    home = PROJECT_ROOT / INNER
    marker = make_home(home, settings=settings())
    return OpenedDesk(home, marker, f"made a desk in {home}: its settings are in {home / 'conf'}")


def open_home_of_process(home: Path) -> None:
    """The first step of a process of the graph: a copy becomes a desk of its own.

    A folder without a desk stays so.

    Raises:
        DeskFormatError, ConfigurationError: as `open_desk`.
    """
    if is_desk(home):
        open_desk(home)


def _is_desk_near() -> bool:
    try:
        return nearest_desk(Path.cwd()) is not None
    except OSError:
        return False


def _made_its_own(home: Path) -> OpenedDesk:
    """Halt a copy, take back its leases and give it an identity, in this order.

    A kill on the way is repeated.
    """
    try:
        with FileLock(home / _LOCK, timeout=_LOCK_SECONDS):
            before = read_marker(home)
            if not is_copy(home, before):  # another process came first
                return OpenedDesk(home, before)
            why = (
                f"this folder is a copy of desk {before.desk_id}, or was moved to another disk or machine:"
                " only one of them may trade"
            )
            TradingStateStore(home / "trading_state").halt(None, reason=why, actor="spotdesk")
            marker = new_marker(home, kind=before.kind, now=utc_now(), origin=f"copy of {before.desk_id}")
    except OSError as error:  # a lock that is not free in time is one, too
        raise ConfigurationError(
            f"{home} is a copy of another desk and cannot be written ({error}): it cannot become a desk of"
            " its own"
        ) from error
    note = (
        f"{home} is a copy of desk {before.desk_id}, or was moved to another disk or machine. It is desk"
        f" {marker.desk_id} now, HALTED and on paper. Once the other one has stopped trading:"
        ' `spotdesk resume --reason "..."`'
    )
    return OpenedDesk(home, marker, note)
