"""What a piece of work may read and write, and what it did.

The graph opens an `Access` around the body of each asset and each check. While one is open, the lake and the
registry record every access and refuse those that it does not declare. Outside of one, as in the command line
and in sensors, nothing is recorded and nothing is refused.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from spot.errors import UndeclaredAccessError


@dataclass(slots=True, kw_only=True)
class Access:
    """Tables and registry families that one piece of work declares, and those that it used."""

    name: str
    may_read: frozenset[str]
    may_write: frozenset[str]
    day: date | None = None
    """The delivery day whose rows enter the digits of a table; None for all rows that are written."""
    read: dict[str, int | None] = field(default_factory=dict)
    """Table to the version that was read first; None for a family of the registry."""
    written: dict[str, str] = field(default_factory=dict)
    """Table to sixteen hex digits over the rows of `day`, or all rows, that were written to it."""

    @property
    def table_versions(self) -> dict[str, int]:
        """Table to the Delta version that was read, in alphabetical order.

        -1 where the table did not exist.
        """
        return {name: version for name, version in sorted(self.read.items()) if version is not None}


_OPEN: ContextVar[Access | None] = ContextVar("access", default=None)


@contextmanager
def opened(access: Access) -> Iterator[Access]:
    """Record and check every access of this thread.

    `contextvars.copy_context` carries it into another thread.
    """
    token = _OPEN.set(access)
    try:
        yield access
    finally:
        _OPEN.reset(token)


def current() -> Access | None:
    """The access that is open in this thread."""
    return _OPEN.get()


def note_read(name: str, version: int | None = None) -> None:
    """Record that the lake or the registry is about to read `name`.

    Raises:
        UndeclaredAccessError: an access is open and does not declare it.
    """
    access = _OPEN.get()
    if access is None:
        return
    if name not in access.may_read:
        raise UndeclaredAccessError(
            f"{access.name} reads {name} and does not declare it: name it in the `reads` of {access.name}, or"
            " in EARLIER_READS of trading_assets/frame/reads.py where a dependency would close a circle"
        )
    access.read.setdefault(name, version)


def check_write(table: str) -> None:
    """Check that the lake may write `table`.

    Raises:
        UndeclaredAccessError: an access is open and does not declare it.
    """
    access = _OPEN.get()
    if access is not None and table not in access.may_write:
        raise UndeclaredAccessError(
            f"{access.name} writes {table} and does not declare it: name it as its table, or in its `writes`"
        )


def note_written(table: str, rows: pl.DataFrame, *, key: tuple[str, ...]) -> None:
    """Record that the lake wrote `rows` to `table`, or found them there.

    The order of the rows does not count.
    """
    access = _OPEN.get()
    if access is None:
        return
    if access.day is not None and "delivery_day" in rows.columns:
        rows = rows.filter(pl.col("delivery_day") == access.day)
    if not rows.is_empty():
        before = access.written.get(table, "")
        access.written[table] = hashlib.sha256(f"{before}{_digest(rows, key)}".encode()).hexdigest()[:16]


def _digest(rows: pl.DataFrame, key: tuple[str, ...]) -> str:
    """Hex digits over all values.

    They may change with an upgrade of Polars; then everything counts as new once.
    """
    return hashlib.sha256(rows.sort(key).hash_rows().to_numpy().tobytes()).hexdigest()
