"""Holding a lock that every process of the desk shares, on this host and on others."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from resources.locks.place import LockTakenError, lock_database, name_of

__all__ = ["Held", "LockTakenError", "held"]
_POLL_SECONDS = 0.02
"""Pause between two attempts at a lock. Chosen by hand: unnoticed by a person, and next to no CPU time."""


class Held(Protocol):
    """A lock while it is held."""

    def check(self) -> None:
        """Ensure that it is still held, before something is done that others must not do at once.

        Raises:
            SourceUnavailableError: it may have been lost.
        """


class _HeldFile:
    """The lock of a file: the system keeps it until the process ends."""

    def check(self) -> None:
        """It cannot be lost."""


@contextmanager
def held(path: Path, *, wait_seconds: float, taken: str, undone: str) -> Iterator[Held]:
    """Hold the lock that the file `path` stands for.

    Where Postgres keeps the records of the desk, it also keeps this lock, and no file is made. Of the
    error, `taken` says what others do meanwhile, and `undone` what was therefore not done.

    Raises:
        LockTakenError: another process holds it for longer than `wait_seconds`.
        SourceUnavailableError: Postgres does not answer.
        ConfigurationError: the settings of the Dagster instance cannot be read.
    """
    database = lock_database(path)
    if database:
        from resources.locks.database import LockDatabase  # a desk on files does not wait for its library

        with LockDatabase(database).held(
            name_of(path), wait_seconds=wait_seconds, taken=taken, undone=undone
        ) as lock:
            yield lock
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    lock_file = FileLock(path)
    try:
        lock_file.acquire(timeout=wait_seconds, poll_interval=_POLL_SECONDS)
    except Timeout:
        raise LockTakenError(
            f"{taken}: {undone}; the lock {path.name} was not free within {wait_seconds:g} s"
        ) from None
    try:
        yield _HeldFile()
    finally:
        lock_file.release()
