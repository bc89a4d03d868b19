"""Whether a run that the daemon has launched on this host still has a process.

A file per run says so by its lock, which the system takes from a process however it ends: one that the
launcher holds while it launches, and one that the worker holds from its first step until its process is gone.
Between the two, the number of the process that Dagster writes into the run's log answers. No clock is asked
for a run that is worked off.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunsFilter,
)
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.executor.in_process import InProcessExecutor
from filelock import FileLock, Timeout

from resources.processes import is_process

UNDER_WAY = (
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)
HOST_TAG = "spotdesk/host"
"""The host that works on a run."""
_LAUNCH, _WORK = "launch", "work"
_SECONDS_TO_REPORT = 30.0
"""A process that was started has written its number into the log of the run by then."""
_held: list[FileLock] = []
"""Locks of this process's own runs, let go by the system when the process ends."""


class MarkedExecutor(InProcessExecutor):
    """All steps in one process, which holds the lock of its run until it ends."""

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        """Work off the steps of a run."""
        lock = FileLock(_path(plan_context.instance, plan_context.run_id, _WORK))
        lock.acquire()
        _held.append(lock)
        plan_context.instance.add_run_tags(plan_context.run_id, {HOST_TAG: socket.gethostname()})
        yield from super().execute(plan_context, execution_plan)


@contextmanager
def launching(instance: DagsterInstance, run_id: str) -> Iterator[None]:
    """Mark a run as being launched by this process."""
    with FileLock(_path(instance, run_id, _LAUNCH)):
        yield


def has_worker(instance: DagsterInstance, run: DagsterRun) -> bool | None:
    """Whether the process of a run that was launched here lives.

    None where this host did not launch it, or has launched it elsewhere.
    """
    work, launch = _path(instance, run.run_id, _WORK), _path(instance, run.run_id, _LAUNCH)
    if work.is_file():
        return is_locked(work)
    if not launch.is_file():
        return None
    if is_locked(launch):
        return True
    pid = _pid(instance, run.run_id)
    if pid is not None:
        return is_process(pid)
    launched = instance.get_run_stats(run.run_id).launch_time or time.time()
    return time.time() - launched < _SECONDS_TO_REPORT


def forget_finished(instance: DagsterInstance) -> None:
    """Remove the files of runs that are over."""
    files = {path: path.name.partition("@")[0] for path in _folder(instance).glob("*@*")}
    if not files:
        return
    wanted = RunsFilter(run_ids=sorted(set(files.values())), statuses=list(UNDER_WAY))
    under_way = {run.run_id for run in instance.get_runs(wanted)}
    for path, run_id in files.items():
        if run_id not in under_way and not is_locked(path):
            path.unlink(missing_ok=True)


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock on a file."""
    lock = FileLock(path, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def _folder(instance: DagsterInstance) -> Path:
    return Path(instance.root_directory) / "workers"


def _path(instance: DagsterInstance, run_id: str, kind: str) -> Path:
    folder = _folder(instance)
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{run_id}@{socket.gethostname()}.{kind}"


def _pid(instance: DagsterInstance, run_id: str) -> int | None:
    """The number of the process, as the newest event of the run that has one says."""
    for entry in reversed(instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)):
        said = entry.get_dagster_event().engine_event_data.metadata.get("pid")
        with suppress(AttributeError, TypeError, ValueError):
            return int(str(said.value))  # type: ignore[union-attr]
    return None
