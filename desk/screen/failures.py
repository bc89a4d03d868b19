"""What a person reads when a command fails unforeseen: one line, and where the rest is."""

import errno
import shutil
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

from resources.instance.databases import DATABASES, damage_of
from resources.wall_clock import utc_now

_FULL = ("no space left on device", "os error 28", "disk full", "database or disk is full")
_DAMAGED = (
    "database disk image is malformed",
    "file is not a database",
    "attempted to deserialize",
    "could not decode to utf-8",
)
"""Words of SQLite, and of Dagster about a record that it did not write so."""
_STORAGE, _READ_BACK = "dagster/_core/storage/", "dagster_shared/serdes/"
"""Where Dagster reads its databases, and where it makes records of their text."""
_DATABASES = ("mlflow.db", *(f"dagster/{name}" for name in DATABASES))
_LONGEST = 300
"""Characters of an error on the terminal. Chosen by hand: some three lines; the file has the rest."""


def failure_line(error: BaseException, home: Path) -> str:
    """One line for standard error; the trace goes to a file in the desk, or in the folder of the system."""
    if is_disk_full(error):
        return disk_full_line(home)
    if is_damaged_database(error):
        return damaged_database_line(home)
    place = _written(error, home)
    cause = " ".join(str(error).split())[:_LONGEST]
    return (
        f"{type(error).__name__}: {cause}: this is a fault of Spotdesk. The same command continues from what"
        f" was written. The details are in {place}"
    )


def is_disk_full(error: BaseException) -> bool:
    """Whether a full disk is among the causes, in whatever words a library puts it."""
    return any(
        getattr(one, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        or any(words in str(one).lower() for words in _FULL)
        for one in _causes(error)
    )


def disk_full_line(home: Path) -> str:
    """Which disk, how much is free on it, and the cure."""
    try:
        free = f"{shutil.disk_usage(home).free / 2**20:,.0f} MB are free"
    except OSError:
        free = "how much is free is not known"
    return (
        f"DiskFullError: the disk of {home} is full ({free}, a run needs about 500). Nothing that was"
        " acknowledged is lost. Free some space, then repeat the same command: it continues from there"
    )


def is_damaged_database(error: BaseException) -> bool:
    """Whether SQLite says that a file is damaged or none of its own, or Dagster cannot read its record."""
    return any(
        any(words in str(one).lower() for words in _DAMAGED) or _was_read_back(one) for one in _causes(error)
    )


def _was_read_back(error: BaseException) -> bool:
    """Whether the text of a database of Dagster could not be made into a record again."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    is_read, is_made = (any(place in file for file in files) for place in (_STORAGE, _READ_BACK))
    return is_read and (is_made or isinstance(error, ValueError))


def damaged_database_line(home: Path) -> str:
    """Which database of the desk is damaged, and the cure."""
    found = [
        f"{home / name} ({problem})"
        for name in _DATABASES
        if (home / name).is_file() and (problem := damage_of(home / name))
    ]
    named = ", ".join(found) or f"a database below {home}"
    return (
        f"DamagedDatabaseError: {named} is damaged: restore the desk from a backup (`spotdesk restore`)."
        " Dagster's own record of runs (dagster/history, dagster/schedules) may also be moved away while all"
        " processes of the desk are stopped"
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _written(error: BaseException, home: Path) -> str:
    """The file that holds the trace."""
    text = "".join(traceback.format_exception(error))
    name = f"error-{utc_now():%Y%m%dT%H%M%S%f}.txt"
    for folder in (home / "logs", Path(tempfile.gettempdir())):
        try:
            if folder.parent.is_dir():
                folder.mkdir(exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8")
                return str(folder / name)
        except OSError:
            continue
    return "no file, since none could be written"
