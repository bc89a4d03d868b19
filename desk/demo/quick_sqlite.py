"""SQLite that does not wait for the disk.

For state that is made anew by one command and may be lost with the power, like the demo's.

Dagster writes its event log with one transaction per event, and waiting for the disk each time is a third of
a demo.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


@contextmanager
def quick_sqlite() -> Iterator[None]:
    """SQLite connections opened in the block leave writing to the operating system.

    It sets `synchronous = OFF` on every connection of SQLAlchemy.
    """
    event.listen(Engine, "connect", _relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", _relax)


def _relax(connection: Any, _: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")
