"""Whether a watch runs on a desk: a lock that it holds while it lives, and a note of each look.

Both lie in `watch/` of the desk, which is in no backup.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from desk.watch.incidents import Incident, incident_of
from resources.files import write_whole
from spot.errors import ConfigurationError

FOLDER = "watch"
_LOCK, _NOTE = "running.lock", "note.json"
_STUCK_AFTER = timedelta(minutes=2)
"""A watch that wrote nothing for so long hangs. It looks every 10 s, every 60 s at most (`--every`)."""


@contextmanager
def only_watch(home: Path) -> Iterator[None]:
    """Be the one watch of the desk.

    Raises:
        ConfigurationError: another one runs, or the folder cannot be written.
    """
    try:
        (home / FOLDER).mkdir(exist_ok=True)
        held = FileLock(home / FOLDER / _LOCK).acquire(timeout=2)
    except Timeout:
        raise ConfigurationError(f"a watch of {home} runs already") from None
    except OSError as error:
        raise ConfigurationError(f"the watch cannot write in {home / FOLDER}: {error}") from error
    with held:
        yield


def note_look(home: Path, now: datetime, incidents: list[dict[str, Any]]) -> str:
    """Note a look and the incidents that are open; why that failed, empty where it did not."""
    document = {"looked_utc": now.isoformat(), "process": os.getpid(), "incidents": incidents}
    try:
        write_whole(home / FOLDER / _NOTE, json.dumps(document, indent=1).encode())
    except OSError as error:
        return str(error)
    return ""


def open_incidents(home: Path) -> list[Incident]:
    """The incidents that an earlier watch left open; none where its note cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return [incident_of(one) for one in _note(home)["incidents"]]
    return []


def watch_line(home: Path, now: datetime) -> str:
    """Whether a watch runs, in a sentence for a person."""
    if not _is_running(home):
        return "watch: none runs; an alarm from outside the daemon is started with: spotdesk watch"
    try:
        note = _note(home)
        looked, n_open = datetime.fromisoformat(note["looked_utc"]), len(note["incidents"])
    except (OSError, ValueError, KeyError, TypeError):
        return "watch: runs, but its record cannot be read"
    if now - looked > _STUCK_AFTER:
        return f"watch: STUCK since {looked:%Y-%m-%d %H:%M:%S} UTC; end it, then start: spotdesk watch"
    return f"watch: runs, {n_open or 'no'} open incident{'' if n_open == 1 else 's'}"


def _is_running(home: Path) -> bool:
    """Whether a process holds the lock; the kernel lets it go with the process."""
    path = home / FOLDER / _LOCK
    if not path.is_file():
        return False
    try:
        FileLock(path).acquire(timeout=0).lock.release()
    except Timeout:
        return True
    except OSError:
        return False
    return False


def _note(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / FOLDER / _NOTE).read_bytes()))
