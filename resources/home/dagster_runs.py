"""Dagster's records of a desk: whether a daemon works on it, and runs that nothing works on in a copy."""

from datetime import datetime
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

_UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.MANAGED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


_HEARTBEAT_SECONDS = 90.0
"""A daemon that lives writes every 30 seconds."""


def is_worked_on(dagster_home: Path, now: datetime) -> bool:
    """Whether a daemon of `spotdesk dev` has given a sign of life lately."""
    if not any(dagster_home.rglob("*.db")):
        return False
    with DagsterInstance.from_config(str(dagster_home)) as instance:
        beats = instance.get_daemon_heartbeats().values()
        return any(abs(now.timestamp() - beat.timestamp) < _HEARTBEAT_SECONDS for beat in beats)


def cancel_unfinished_runs(dagster_home: Path) -> int:
    """Mark every run that is under way or waits as canceled, and free what it held; returns how many.

    A daemon would start those that wait, and wait for those that hold a slot.
    """
    if not (dagster_home / "dagster.yaml").is_file():
        return 0
    with DagsterInstance.from_config(str(dagster_home)) as instance:
        runs = instance.get_runs(RunsFilter(statuses=_UNFINISHED))
        for run in runs:
            instance.report_run_canceled(run, message="canceled: the desk was restored from a backup")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return len(runs)
