"""Runs that a command executes in its own process.

They are marked, so that no monitor considers them lost while they run.

Dagster's run monitoring asks the launcher after every run that is under way, and fails those that the
launcher has not started. A run of a command has a tag that names a file, and the process holds a lock on this
file as long as it lives, however it ends. `DeskRunLauncher` (`launcher.py`) reads the tag and answers by the
lock. The next command, and a sensor of the daemon (`sensors/lost_runs.py`), close what killed processes have
left: runs of commands, and those that the daemon had launched (`workers.py`).
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.events import JobFailureData, RunFailureReason
from filelock import FileLock

from resources.instance.workers import UNDER_WAY, forget_finished, has_worker, is_locked
from resources.wall_clock import utc_now

IN_PROCESS_TAG = "spotdesk/in_process"
"""Host and name of the file that the process holds locked."""
_SETTLED_SECONDS = 60
"""A file younger than this may be about to be locked."""
_GONE = "The process of this run has ended; the same command continues from what it wrote."
_WORKER_GONE = (
    "The process of this run has ended; the daemon starts the run again, and it continues from what was"
    " written."
)


@dataclass(frozen=True, slots=True)
class LivingProcess:
    """A process while it executes runs."""

    tags: Mapping[str, str]
    """Tags for each of its runs: whose run it is, no time limit, and that the daemon never restarts it."""
    lock: FileLock


def living_process(instance: DagsterInstance) -> LivingProcess:
    """Mark this process as alive in `instance`, and close the runs of processes that are not.

    The mark ends with the process, or when the returned value is released.
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
    """Whether the process of a run lives; None if no command started the run.

    This host cannot know about a command on another host and counts it as alive.
    """
    mark = run.tags.get(IN_PROCESS_TAG)
    if mark is None:
        return None
    host, _, name = mark.partition(" ")
    path = _folder(instance) / Path(name).name
    if not path.is_file():
        return host != socket.gethostname()
    return is_locked(path)


def close_dead_runs(instance: DagsterInstance) -> int:
    """Close the runs whose process on this host is gone, and free their slots in pools.

    Slots that runs hold which are over are freed as well. Returns how many runs were closed.
    """
    runs = instance.get_runs(RunsFilter(statuses=list(UNDER_WAY)))
    dead = [run for run in runs if _is_dead(instance, run)]
    for run in dead:
        _close(instance, run)
    _free_slots(instance, {run.run_id for run in runs} - {run.run_id for run in dead})
    forget_finished(instance)
    for path in _folder(instance).glob("*.lock"):
        if utc_now().timestamp() - path.stat().st_mtime > _SETTLED_SECONDS and not is_locked(path):
            path.unlink(missing_ok=True)
    return len(dead)


def _is_dead(instance: DagsterInstance, run: DagsterRun) -> bool:
    alive = is_alive(instance, run)
    if alive is None:
        alive = has_worker(instance, run)
    if alive is None and run.status == DagsterRunStatus.STARTING:
        # Dagster's own monitoring asks after a run only once it has started.
        ask = getattr(instance.run_launcher, "why_lost", None)
        return ask is not None and bool(ask(run))
    return alive is False


def _close(instance: DagsterInstance, run: DagsterRun) -> None:
    """Fail a run, unless another process has closed it meanwhile; one that was being canceled is canceled."""
    newest = instance.get_run_by_id(run.run_id)
    if newest is None or newest.is_finished:
        return
    if newest.status == DagsterRunStatus.CANCELING:
        instance.report_run_canceled(newest)
        return
    why = JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION)
    instance.report_run_failed(newest, _GONE if IN_PROCESS_TAG in newest.tags else _WORKER_GONE, why)


def _free_slots(instance: DagsterInstance, under_way: set[str]) -> None:
    """Free the slots of all runs that are over, and of those that nothing is known of any more."""
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return
    for run_id in storage.get_concurrency_run_ids() - under_way:
        run = instance.get_run_by_id(run_id)
        # A run that began after the list was made is under way, too.
        if run is None or (run.is_finished and not has_worker(instance, run)):
            storage.free_concurrency_slots_for_run(run_id)


def _folder(instance: DagsterInstance) -> Path:
    return Path(instance.root_directory) / "in_process"
