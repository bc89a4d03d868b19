"""The Postgres server that keeps the records of a desk, for locks that hold on every host.

A lock is an advisory lock of a connection of its own. When the process or its host dies, the server ends the
connection and with it the lock: at once where the system closes it, within some ten seconds where the host or
its network is gone without a word.
"""

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from resources.locks.place import LockTakenError
from spot.errors import ConfigurationError, SourceUnavailableError

_LOG = logging.getLogger("spotdesk.locks")
_CONNECT_SECONDS = 5
"""Chosen by hand: a server of the same network answers in milliseconds. Without an answer nothing is decided.
"""
_ANSWER_MILLISECONDS = 10_000
"""Longest answer of the server. Chosen by hand: a statement about a lock takes milliseconds."""
_SILENT_HOST = {"idle": 3, "interval": 2, "count": 3}
"""Seconds without a word after which the other side is asked, between questions, and how many."""
_POLL_SECONDS = 0.05
"""Pause between two attempts at a lock. Chosen by hand: unnoticed by a person, and 20 statements a second at
most.
"""


@dataclass(frozen=True, slots=True)
class LockDatabase:
    """The server behind the locks of a desk."""

    url: str

    @contextmanager
    def connection(self, undone: str) -> Iterator[Connection]:
        """A connection of its own; each statement stands alone unless the caller begins a transaction.

        Raises:
            SourceUnavailableError: the server does not answer; the message begins with `undone`.
            ConfigurationError: the address is none of a Postgres server.
        """
        try:
            opened = _engine(self.url).connect()
        except (ArgumentError, ImportError) as error:
            raise ConfigurationError(
                f"storage.postgres of the Dagster settings is no address of Postgres: {error}"
            ) from None
        except SQLAlchemyError as error:
            raise SourceUnavailableError(unanswered(undone, error)) from None
        with opened:
            yield opened

    @contextmanager
    def held(self, name: str, *, wait_seconds: float, taken: str, undone: str) -> Iterator["DatabaseLock"]:
        """Hold the lock `name`.

        Raises:
            LockTakenError: another process holds it for longer than `wait_seconds`.
            SourceUnavailableError: the server does not answer; nobody holds anything.
        """
        key, deadline = key_of(name), time.monotonic() + wait_seconds
        with self.connection(undone) as opened:
            lock = DatabaseLock(opened, undone)
            while not lock.ask("SELECT pg_try_advisory_lock(:key)", key=key):
                if time.monotonic() >= deadline:
                    place = f"the lock {name} in Postgres"
                    raise LockTakenError(f"{taken}: {undone}; {place} was not free within {wait_seconds:g} s")
                time.sleep(_POLL_SECONDS)
            try:
                yield lock
            finally:
                lock.release(key)


@dataclass(frozen=True, slots=True)
class DatabaseLock:
    """A lock that is held as long as its connection lives."""

    connection: Connection
    undone: str

    def check(self) -> None:
        """Ensure that it is still held.

        Raises:
            SourceUnavailableError: the connection is gone, so others may hold it by now.
        """
        self.ask("SELECT 1")

    def ask(self, statement: str, **values: Any) -> Any:
        """The one value that a statement gives.

        Raises:
            SourceUnavailableError: the server does not answer.
        """
        try:
            return self.connection.execute(text(statement), values).scalar_one()
        except SQLAlchemyError as error:
            raise SourceUnavailableError(unanswered(self.undone, error)) from None

    def release(self, key: int) -> None:
        """Let go. A connection that is gone holds nothing any more."""
        try:
            self.connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
        except SQLAlchemyError:
            _LOG.warning("Postgres ended the connection of a lock while it was held")
            with suppress(SQLAlchemyError):
                self.connection.invalidate()


def key_of(name: str) -> int:
    """Key of a lock in the database: 64 bits with a sign, as Postgres wants them."""
    return int.from_bytes(hashlib.sha256(f"spotdesk {name}".encode()).digest()[:8], signed=True)


def unanswered(undone: str, error: Exception) -> str:
    """That the server did not answer, with the first line of why. No address: it may hold a password."""
    original = getattr(error, "orig", None) or error
    why = (str(original).strip().splitlines() or [type(original).__name__])[0]
    return f"{undone}: Postgres, which keeps the locks of the desk, does not answer ({why})"


@cache
def _engine(url: str) -> Engine:
    idle, interval, count = _SILENT_HOST.values()
    own = {"keepalives_idle": idle, "keepalives_interval": interval, "keepalives_count": count}
    server = {
        "tcp_keepalives_idle": idle,
        "tcp_keepalives_interval": interval,
        "tcp_keepalives_count": count,
        "tcp_user_timeout": _ANSWER_MILLISECONDS,
        "statement_timeout": _ANSWER_MILLISECONDS,
        "idle_session_timeout": 0,
    }
    return create_engine(
        url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={
            **own,
            "tcp_user_timeout": _ANSWER_MILLISECONDS,
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "spotdesk lock",
            "options": " ".join(f"-c {name}={value}" for name, value in server.items()),
        },
    )
