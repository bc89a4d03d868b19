"""Locks that every process of the desk shares.

Decisions one after the other, the four tables of a decision as one, messages one after the other.

All are files in the folder of the trading state, waited for at most for a stated time: what cannot have its
lock does not go on.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from spot.errors import SourceUnavailableError

DECIDING_SECONDS = 300.0
"""Longest wait for the decisions of other zones: a decision takes seconds, and the run has to be done before
the gate.
"""
WRITING_SECONDS = 30.0
PUBLISHING_SECONDS = 60.0
"""Longest wait for the messages of others, each of which takes ten seconds at the most."""


@contextlib.contextmanager
def deciding(state_folder: Path, *, wait_seconds: float = DECIDING_SECONDS) -> Iterator[None]:
    """Read the desk, decide, write: no other zone in between.

    The desk's limits are shared by all zones, so two that decide at once both use them up.

    Raises:
        SourceUnavailableError: others hold it for longer than `wait_seconds`; nothing was decided.
    """
    with _held(state_folder / "deciding.lock", wait_seconds, "other zones are deciding: no signal was made"):
        yield


@contextlib.contextmanager
def writing_decision(state_folder: Path, *, wait_seconds: float = WRITING_SECONDS) -> Iterator[None]:
    """Write or read the tables of decisions: a reader finds all of a decision or none of it.

    Raises:
        SourceUnavailableError: others hold it for longer than `wait_seconds`.
    """
    with _held(state_folder / "writing.lock", wait_seconds, "a decision is being written"):
        yield


@contextlib.contextmanager
def publishing(state_folder: Path) -> Iterator[None]:
    """See what has left, send one message, write its row: no other process in between.

    A halt does not wait for it, only for the message.

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
