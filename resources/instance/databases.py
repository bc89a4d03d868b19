"""The databases of the Dagster instance: made by one process, while others that start at once wait."""

import sqlite3
from contextlib import closing
from pathlib import Path

from filelock import FileLock

from spot.errors import ConfigurationError

DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
"""Where Dagster's own SQLite storage keeps runs, events and schedules below the instance folder."""
_LOCK = "prepare.lock"
_LOCK_SECONDS = 300
"""Longest wait for another process that makes the databases. Chosen by hand: it takes seconds, and many times
that on a loaded machine.
"""


def make_databases(folder: Path) -> None:
    """Make those databases of an instance with `dagster.yaml` in `folder` that do not exist yet.

    Two processes that make them at once break each other: each finds tables that the other has made and not
    yet stamped.

    Raises:
        ConfigurationError: one of them is damaged.
    """
    with FileLock(folder / _LOCK, timeout=_LOCK_SECONDS):
        check_databases(folder)
        if all((folder / name).is_file() for name in DATABASES):
            return
        # Dagster takes seconds to import, and a desk that has its databases does not need it here.
        from dagster import DagsterInstance

        with DagsterInstance.from_config(str(folder)) as instance:
            instance.all_instigator_state()  # schedules are the last storage that is opened


def check_databases(folder: Path) -> None:
    """Check that the databases that exist can be read. SQLite finds damaged pages, not changed text.

    Raises:
        ConfigurationError: one of them is damaged; the message says what is lost with it, and the cure.
    """
    for name in DATABASES:
        path = folder / name
        problem = damage_of(path) if path.is_file() else ""
        if problem:
            raise ConfigurationError(
                f"{path} is damaged ({problem}): restore the desk from a backup (`spotdesk restore`), or stop"
                f" all processes of the desk and move {path.parent} away. Dagster then begins a new record of"
                " runs; tables, models and orders do not lie in it"
            )


def damage_of(database: Path) -> str:
    """What SQLite finds wrong with a file; empty where nothing, or where it is in use just now."""
    try:
        with closing(
            sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        ) as opened:
            (found,) = opened.execute("PRAGMA quick_check(1)").fetchone()
            opened.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        return "" if "locked" in str(error) or "busy" in str(error) else str(error)
    except UnicodeDecodeError:
        return "the text of its schema cannot be read"
    except sqlite3.DatabaseError as error:
        return str(error)
    said = str(found).splitlines()[0] if found else "no answer"
    return "" if said == "ok" else said[:120]
