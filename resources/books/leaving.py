"""The head leaves the desk: with every alert and message, and to a place elsewhere.

`SPOTDESK_BOOKS_URI` names that place, a folder or `s3://bucket/prefix`. It gets one small file for each head
that it is told, and none is ever written anew: where it keeps what it has (object lock, another owner),
nobody who holds the desk can take a head back.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from resources.books.chain import FOLDER, chain_of
from resources.files import write_whole
from resources.trading.place import REQUEST_SECONDS, Place, within
from spot.books.record import Head, parse_head
from spot.errors import ConfigurationError

_LEFT = "left.json"
_MAXIMUM_BYTES = 4096
"""Chosen by hand: a head is one short line of JSON; what others put in its place is not read whole."""
_BEGINS = "head-"


@dataclass(frozen=True, slots=True)
class Departure:
    """When a head last left, and to where."""

    head: str
    at_utc: str
    to: str


def head_to_send(home: str | Path) -> str:
    """The head as it leaves, after every record that it pins is on disk; empty where no books are kept.

    Books that cannot be read are no reason for a message or an alert not to leave: it says so instead.
    """
    chain = chain_of(home)
    if chain is None:
        return ""
    try:
        chain.sync()
        return str(chain.head() or "")
    except (OSError, ConfigurationError):
        return "unreadable"


def note_departure(home: str | Path, head: str, *, to: str, now: datetime) -> None:
    """Remember that a head has left, for `spotdesk status`; a disk that takes no note is no failure."""
    if not head:
        return
    note = json.dumps(asdict(Departure(head, now.isoformat(), to)), indent=1)
    try:
        write_whole(Path(home) / FOLDER / _LEFT, note.encode())
    except OSError:
        return


def last_departure(home: Path) -> Departure | None:
    """When a head last left; None where none did, or nothing readable says so."""
    try:
        said = json.loads((home / FOLDER / _LEFT).read_text(encoding="utf-8"))
        return Departure(str(said["head"]), str(said["at_utc"]), str(said["to"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def send_head(home: Path, place: Place, *, now: datetime) -> str:
    """Write the head to the place, unless it is there; returns it.

    Raises:
        SourceUnavailableError: the place does not take it in time.
    """
    head = head_to_send(home)
    if head in ("", "unreadable"):
        return head
    name = f"{_BEGINS}{parse_head(head).number:012d}-{parse_head(head).hash[:16]}.json"

    def write() -> None:
        if name not in place.names():
            text = json.dumps({"head": head, "at_utc": now.isoformat()}, indent=1) + "\n"
            place.write(name, text.encode())

    within(2 * REQUEST_SECONDS, place.uri, write)
    note_departure(home, head, to=place.uri, now=now)
    return head


def newest_head(place: Place) -> Head | None:
    """The newest head that the place has; None where it has none.

    Raises:
        SourceUnavailableError: it does not answer in time, or what it holds is no head.
    """

    def newest() -> Head | None:
        names = [name for name in place.names() if name.startswith(_BEGINS)]
        if not names:
            return None
        return parse_head(str(json.loads(place.read(names[-1], _MAXIMUM_BYTES))["head"]))

    return within(2 * REQUEST_SECONDS, place.uri, newest)
