"""Locks that every process of the desk shares.

Decisions are made one after the other. The four tables of a decision are written as one. Messages leave one
after the other.

The locks are files in the folder of the trading state. Each is waited for a bounded time; whoever does not
get it stops with an error.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from spot.errors import SourceUnavailableError

DECIDING_SECONDS = 300.0
"""Longest wait for the decisions of other zones. A decision takes seconds, and the run must end before the
gate.
"""
WRITING_SECONDS = 30.0
PUBLISHING_SECONDS = 60.0
"""Longest wait for the messages of others, each of which takes ten seconds at the most."""


@contextlib.contextmanager
def deciding(state_folder: Path, *, wait_seconds: float = DECIDING_SECONDS) -> Iterator[None]:
    """Hold the lock while one zone reads the desk, decides and writes.

    All zones share the desk's limits. Two zones that decided at once would both use them up.

    Raises:
        SourceUnavailableError: others hold it for longer than `wait_seconds`; nothing was decided.
    """
    with _held(state_folder / "deciding.lock", wait_seconds, "other zones are deciding: no signal was made"):
        yield


@contextlib.contextmanager
def writing_decision(state_folder: Path, *, wait_seconds: float = WRITING_SECONDS) -> Iterator[None]:
    """Hold the lock while the tables of decisions are written or read.

    A reader finds all of a decision or nothing of it.

    Raises:
        SourceUnavailableError: others hold it for longer than `wait_seconds`.
    """
    with _held(state_folder / "writing.lock", wait_seconds, "a decision is being written"):
        yield


@contextlib.contextmanager
def publishing(state_folder: Path) -> Iterator[None]:
    """Hold the lock while one process looks what has left, sends one message and writes its row.

    A halt does not wait for this lock. It ends the message instead.

    Raises:
        SourceUnavailableError: others hold it for longer than `PUBLISHING_SECONDS`; nothing was sent.
    """
    with _held(
        state_folder / "publishing.lock", PUBLISHING_SECONDS, "others are publishing: nothing was sent"
    ):
        yield


@contextlib.contextmanager
def _held(path: Path, wait_seconds: float, what: str) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=wait_seconds, poll_interval=0.02)
    except Timeout:
        raise SourceUnavailableError(
            f"{what}; the lock {path.name} was not free within {wait_seconds:g} s"
        ) from None
    try:
        yield
    finally:
        lock.release()
