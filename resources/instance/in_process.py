"""Runs that a command works off in its own process.

Marked, so that no monitor takes them for lost while they live.

Dagster's run monitoring asks the launcher after every run that is under way, and fails those that the
launcher has not started. A run of a command has a tag that names a file, and the process holds a lock on this
file as long as it lives, however it ends. `DeskRunLauncher` (`launcher.py`) reads the tag and answers by the
lock; the next command closes what a killed one has left, where no daemon has.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from filelock import FileLock, Timeout

from resources.wall_clock import utc_now

IN_PROCESS_TAG = "spotdesk/in_process"
"""Host and name of the file that the process holds locked."""
_UNDER_WAY = (
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)
_SETTLED_SECONDS = 60
"""A file younger than this may be about to be locked."""
_GONE = (
    "The process that worked this run off is gone; the same command again goes on from what it has written."
)


@dataclass(frozen=True, slots=True)
class LivingProcess:
    """A process for as long as it works runs off."""

    tags: Mapping[str, str]
    """For each of its runs: whose it is, no limit of time, and never begun again by the daemon."""
    lock: FileLock


def living_process(instance: DagsterInstance) -> LivingProcess:
    """Mark this process as alive in `instance`, and close the runs of those that are not.

    The mark ends with the process, or when what is returned is let go.
    """
    close_dead_runs(instance)
    path = _folder(instance) / f"{uuid4().hex}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    lock.acquire()
    tags = {
        IN_PROCESS_TAG: f"{socket.gethostname()} {path.name}",
        "dagster/max_runtime": "0",
        "dagster/max_retries": "0",
    }
    return LivingProcess(tags, lock)


def is_alive(instance: DagsterInstance, run: DagsterRun) -> bool | None:
    """Whether the process of a run lives; None where the run is of no command.

    Of a command on another host this host cannot tell, and takes it for alive.
    """
    mark = run.tags.get(IN_PROCESS_TAG)
    if mark is None:
        return None
    host, _, name = mark.partition(" ")
    path = _folder(instance) / Path(name).name
    if not path.is_file():
        return host != socket.gethostname()
    return _is_locked(path)


def close_dead_runs(instance: DagsterInstance) -> int:
    """Fail the runs that killed commands have left, and free their slots in pools; returns how many."""
    runs = instance.get_runs(RunsFilter(statuses=list(_UNDER_WAY)))
    dead = [run for run in runs if is_alive(instance, run) is False]
    for run in dead:
        instance.report_run_failed(run, _GONE)
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    for path in _folder(instance).glob("*.lock"):
        if utc_now().timestamp() - path.stat().st_mtime > _SETTLED_SECONDS and not _is_locked(path):
            path.unlink(missing_ok=True)
    return len(dead)


def _folder(instance: DagsterInstance) -> Path:
    return Path(instance.root_directory) / "in_process"


def _is_locked(path: Path) -> bool:
    lock = FileLock(path, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False
