"""Dagster's records of a desk: whether a daemon works on it, and runs that nothing works on in a copy."""

from datetime import UTC, datetime
from pathlib import Path

_HEARTBEAT_SECONDS = 90.0
"""A daemon that lives writes every 30 seconds."""


def is_worked_on(dagster_home: Path, now: datetime) -> bool:
    """Whether a daemon of `spotdesk dev` has given a sign of life lately."""
    if not has_own_storage(dagster_home) and not any(dagster_home.rglob("*.db")):
        return False
    newest = newest_heartbeat(dagster_home)
    return newest is not None and abs((now - newest).total_seconds()) < _HEARTBEAT_SECONDS


def has_own_storage(dagster_home: Path) -> bool:
    """Whether a deployment keeps Dagster's records elsewhere than in files of the desk (Postgres)."""
    settings = dagster_home / "dagster.yaml"
    return settings.is_file() and any(
        line.startswith("storage:") for line in settings.read_text(encoding="utf-8").splitlines()
    )


def newest_heartbeat(dagster_home: Path) -> datetime | None:
    """The newest sign of life of a daemon, whatever the storage; None where there was none."""
    from dagster import DagsterInstance

    with DagsterInstance.from_config(str(dagster_home)) as instance:
        beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
    return datetime.fromtimestamp(max(beats), UTC) if beats else None


def newest_tick(dagster_home: Path) -> datetime | None:
    """The newest tick of a schedule or sensor that ended, whatever the storage; None where there was none."""
    from dagster import DagsterInstance
    from dagster._core.scheduler.instigation import TickStatus

    ended = [TickStatus.SKIPPED, TickStatus.SUCCESS, TickStatus.FAILURE]
    with DagsterInstance.from_config(str(dagster_home)) as instance:
        newest = [
            tick.timestamp
            for state in instance.all_instigator_state()
            for tick in instance.get_ticks(
                state.instigator_origin_id, state.selector_id, limit=1, statuses=ended
            )
        ]
    return datetime.fromtimestamp(max(newest), UTC) if newest else None


def cancel_unfinished_runs(dagster_home: Path) -> int:
    """Mark every run that is under way or waits as canceled, and free what it held; returns how many.

    A daemon would start those that wait, and wait for those that hold a slot.
    """
    if not (dagster_home / "dagster.yaml").is_file():
        return 0
    from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

    status = DagsterRunStatus
    unfinished = [
        status.QUEUED,
        status.NOT_STARTED,
        status.MANAGED,
        status.STARTING,
        status.STARTED,
        status.CANCELING,
    ]
    with DagsterInstance.from_config(str(dagster_home)) as instance:
        runs = instance.get_runs(RunsFilter(statuses=unfinished))
        for run in runs:
            instance.report_run_canceled(run, message="canceled: the desk was restored from a backup")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return len(runs)
