"""Whether the daemon of a desk lives, and whether the code that it works with loads."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from resources.files import write_whole
from resources.home.dagster_runs import has_own_storage, newest_heartbeat, newest_tick
from resources.settings.yaml_file import read_yaml
from resources.wall_clock import utc_now

_SILENT_AFTER = timedelta(seconds=90)
"""A daemon that lives gives a sign every 30 seconds."""
_FILE = "code_problem.json"
_READ_ONLY = "-c default_transaction_read_only=on -c statement_timeout=5000"


@dataclass(frozen=True, slots=True)
class CodeProblem:
    """Why the code of the desk does not load."""

    since_utc: datetime
    cause: str


@dataclass(frozen=True, slots=True)
class DaemonState:
    """What is known of the daemon at an instant."""

    last_sign_utc: datetime | None
    """None where no daemon has ever worked on this desk."""
    is_silent: bool
    code_problem: CodeProblem | None

    def lines(self) -> list[str]:
        """What a person has to know, one sentence a line; nothing where all is well."""
        said = []
        if self.last_sign_utc is None:
            said.append("daemon: none has worked on this desk; schedules and sensors run with: spotdesk dev")
        elif self.is_silent:
            said.append(
                f"daemon: SILENT since {self.last_sign_utc:%Y-%m-%d %H:%M:%S} UTC, no schedule and no sensor"
                " runs; start it with: spotdesk dev"
            )
        if self.code_problem is not None:
            said.append(
                f"code: DOES NOT LOAD since {self.code_problem.since_utc:%Y-%m-%d %H:%M:%S} UTC, nothing is"
                f" started until it is repaired: {self.code_problem.cause}"
            )
        return said


def daemon_state(dagster_home: Path, now: datetime) -> DaemonState:
    """The state of the daemon that works with the instance in `dagster_home`."""
    sign = last_sign(dagster_home)
    is_silent = sign is None or now - sign > _SILENT_AFTER
    return DaemonState(sign, is_silent, read_code_problem(dagster_home))


def read_code_problem(dagster_home: Path) -> CodeProblem | None:
    """What the daemon's server has last found; None where the code loads or nobody has looked."""
    try:
        found = json.loads((dagster_home / _FILE).read_bytes())
        return CodeProblem(datetime.fromisoformat(found["since_utc"]), str(found["cause"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return CodeProblem(utc_now(), f"{dagster_home / _FILE} cannot be read")


def keep_code_problem(dagster_home: Path, problem: CodeProblem | None) -> None:
    """Keep what was found, for other processes; None says that the code loads."""
    path = dagster_home / _FILE
    if problem is None:
        path.unlink(missing_ok=True)
        return
    text = json.dumps({"since_utc": problem.since_utc.isoformat(), "cause": problem.cause})
    write_whole(path, text.encode())


def last_sign(dagster_home: Path) -> datetime | None:
    """The newest sign of life of the daemon; None where there is none or it cannot be read.

    Dagster itself is asked only where a deployment names another storage than Postgres or the files of the
    desk: importing it takes 70 MB and seconds.
    """
    question = "SELECT max(timestamp) FROM daemon_heartbeats"
    if has_own_storage(dagster_home):
        if address := postgres_address(dagster_home):
            return _newest_in_postgres(address, question)
        return newest_heartbeat(dagster_home)
    return _newest(dagster_home / "history" / "runs.db", question)


def postgres_address(dagster_home: Path) -> str | None:
    """Where a deployment keeps Dagster's records in Postgres, as its address; None where it does not."""
    storage = read_yaml(dagster_home / "dagster.yaml").content.get("storage")
    found = storage.get("postgres") if isinstance(storage, dict) else None
    address = found.get("postgres_url") if isinstance(found, dict) else None
    return address if isinstance(address, str) else None


def last_tick(dagster_home: Path) -> datetime | None:
    """The newest tick of a schedule or sensor that ended; None where there is none or it cannot be read.

    Dagster itself is asked where `last_sign` asks it.
    """
    ended = "SELECT max(timestamp) FROM job_ticks WHERE status != 'STARTED'"
    if has_own_storage(dagster_home):
        if address := postgres_address(dagster_home):
            return _newest_in_postgres(address, ended)
        return newest_tick(dagster_home)
    return _newest(dagster_home / "schedules" / "schedules.db", ended)


def _newest(path: Path, question: str) -> datetime | None:
    """The instant that a database of Dagster answers, read from the file itself.

    Dagster's own way makes tables that are missing, which breaks a daemon that makes them at that moment.
    """
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            (newest,) = database.execute(question).fetchone()
        return None if newest is None else datetime.fromisoformat(newest).replace(tzinfo=UTC)
    except (sqlite3.Error, ValueError):
        return None


def _newest_in_postgres(address: str, question: str) -> datetime | None:
    """The instant that Dagster's database answers; None where it does not answer within seconds."""
    import psycopg2

    try:
        with (
            closing(psycopg2.connect(address, connect_timeout=5, options=_READ_ONLY)) as database,
            database.cursor() as cursor,
        ):
            cursor.execute(question)
            (newest,) = cursor.fetchone() or (None,)
        return newest.replace(tzinfo=UTC) if isinstance(newest, datetime) else None
    except psycopg2.Error:
        return None
