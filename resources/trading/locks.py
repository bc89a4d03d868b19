"""Locks that every process of the desk shares.

Decisions are made one after the other. The four tables of a decision are written as one. Messages leave one
after the other.

The locks are files in the folder of the trading state, or locks of Postgres where it keeps the records of the
desk (`resources/locks`). Each is waited for a bounded time; whoever does not get it stops with an error.
"""

from contextlib import AbstractContextManager
from pathlib import Path

from resources.locks.held import Held, held

DECIDING_SECONDS = 300.0
"""Longest wait for the decisions of other zones. A decision takes seconds, and the run must end before the
gate.
"""
WRITING_SECONDS = 30.0
PUBLISHING_SECONDS = 60.0
"""Longest wait for the messages of others, each of which takes ten seconds at the most."""


def deciding(state_folder: Path, *, wait_seconds: float = DECIDING_SECONDS) -> AbstractContextManager[Held]:
    """Hold the lock while one zone reads the desk, decides and writes.

    All zones share the desk's limits. Two zones that decided at once would both use them up.

    Raises:
        SourceUnavailableError: others hold it for longer than `wait_seconds`, or Postgres does not answer;
            nothing was decided.
    """
    return held(
        state_folder / "deciding.lock",
        wait_seconds=wait_seconds,
        taken="other zones are deciding",
        undone="no signal was made",
    )


def writing_decision(
    state_folder: Path, *, wait_seconds: float = WRITING_SECONDS
) -> AbstractContextManager[Held]:
    """Hold the lock while the tables of decisions are written or read.

    A reader finds all of a decision or nothing of it.

    Raises:
        SourceUnavailableError: others hold it for longer than `wait_seconds`, or Postgres does not answer.
    """
    return held(
        state_folder / "writing.lock",
        wait_seconds=wait_seconds,
        taken="a decision is being written or read",
        undone="no decision was written or read",
    )


def publishing(state_folder: Path) -> AbstractContextManager[Held]:
    """Hold the lock while one process looks what has left, sends one message and writes its row.

    A halt does not wait for this lock. It ends the message instead.

    Raises:
        SourceUnavailableError: others hold it for longer than `PUBLISHING_SECONDS`, or Postgres does not
            answer; nothing was sent.
    """
    return held(
        state_folder / "publishing.lock",
        wait_seconds=PUBLISHING_SECONDS,
        taken="others are publishing",
        undone="nothing was sent",
    )
