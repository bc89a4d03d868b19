"""SQLite that does not wait for the disk.

It is for state that one command makes again and that may be lost with the power, like the demo's.

Dagster writes its event log with one transaction per event. Waiting for the disk each time takes a third of a
demo.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


@contextmanager
def quick_sqlite() -> Iterator[None]:
    """In the block, SQLite connections leave writing to the operating system.

    It sets `synchronous = OFF` on every connection of SQLAlchemy. A block within another changes nothing.
    """
    if event.contains(Engine, "connect", _relax):
        yield
        return
    event.listen(Engine, "connect", _relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", _relax)


def _relax(connection: Any, _: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")
