"""Turns at the hosts of providers, in the table `spotdesk_turns` of the Postgres server of a desk."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from resources.locks.database import LockDatabase, key_of, unanswered
from resources.locks.held_turns import WAIT_SECONDS, Turns
from spot.errors import SourceUnavailableError

_TABLE = """CREATE TABLE IF NOT EXISTS spotdesk_turns (
    host text PRIMARY KEY, next_turn double precision NOT NULL, blocked_until double precision NOT NULL)"""


@contextmanager
def turns_in(url: str, name: str, host: str) -> Iterator[Turns]:
    """Read and change the row `name`; it is written when the body ends, unless the body raises.

    Raises:
        SourceUnavailableError: the server does not answer, or others do not let go.
    """
    undone = f"{host} was not asked"
    with LockDatabase(url).connection(undone) as opened:
        try:
            _prepare(opened)
            opened.execute(text("BEGIN"))
            opened.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
            opened.execute(text("SET LOCAL statement_timeout = 0"))
            opened.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key_of(name)})
            turns = _read(opened, name)
        except SQLAlchemyError as error:
            raise SourceUnavailableError(unanswered(undone, error)) from None
        yield turns
        try:
            _write(opened, name, turns)
            opened.execute(text("COMMIT"))
        except SQLAlchemyError as error:
            raise SourceUnavailableError(unanswered(undone, error)) from None


def _prepare(opened: Connection) -> None:
    """Make the table where it is missing. Two that make it at once wait for each other."""
    if opened.execute(text("SELECT to_regclass('spotdesk_turns')")).scalar_one() is None:
        key = {"key": key_of("the table of turns")}
        opened.execute(text("SELECT pg_advisory_lock(:key)"), key)
        opened.execute(text(_TABLE))
        opened.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def _read(opened: Connection, name: str) -> Turns:
    now = float(opened.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    row = opened.execute(
        text("SELECT next_turn, blocked_until FROM spotdesk_turns WHERE host = :name"), {"name": name}
    ).one_or_none()
    return Turns(now, {} if row is None else {"next_turn": float(row[0]), "blocked_until": float(row[1])})


def _write(opened: Connection, name: str, turns: Turns) -> None:
    opened.execute(
        text(
            "INSERT INTO spotdesk_turns VALUES (:name, :next_turn, :blocked_until) ON CONFLICT (host)"
            " DO UPDATE SET next_turn = excluded.next_turn, blocked_until = excluded.blocked_until"
        ),
        {"name": name, **{one: turns.instants.get(one, 0.0) for one in ("next_turn", "blocked_until")}},
    )
