"""When a host of a provider may be asked again: one budget for all processes of the desk.

On one host the two instants lie in a small file, in seconds since the machine began. Where Postgres keeps the
records of the desk they lie in a table there (`database_turns.py`), in seconds of its clock: hosts share no
other.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from resources.files import write_whole
from resources.locks.held_turns import WAIT_SECONDS, Turns
from resources.locks.place import lock_database, name_of
from resources.wall_clock import boot_id, boot_seconds


@contextmanager
def turns_of(folder: Path, host: str) -> Iterator[Turns]:
    """Read and change when `host` may be asked; what the body changes is written when it ends.

    Raises:
        SourceUnavailableError: Postgres does not answer, or others do not let go.
    """
    stem = folder / re.sub(r"[^A-Za-z0-9.-]", "_", host)
    database = lock_database(stem)
    if database:
        from resources.locks.database_turns import turns_in  # a desk on files does not wait for its library

        with turns_in(database, name_of(stem), host) as turns:
            yield turns
    else:
        with _in_a_file(stem) as turns:
            yield turns


@contextmanager
def _in_a_file(stem: Path) -> Iterator[Turns]:
    """A damaged file, or one of an earlier boot of the machine, is a fresh one."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    path = stem.with_name(stem.name + ".json")
    with FileLock(stem.with_name(stem.name + ".lock"), timeout=WAIT_SECONDS):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            found = content["turns"] if content.get("boot") == boot_id() else {}
            instants = {name: float(value) for name, value in found.items()}
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            instants = {}
        turns = Turns(boot_seconds(), instants)
        try:
            yield turns
        finally:
            write_whole(path, json.dumps({"boot": boot_id(), "turns": turns.instants}).encode())
