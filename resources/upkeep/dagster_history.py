"""Old runs of Dagster and their events are removed, and what the UI shows of the assets stays.

Dagster keeps runs for ever, each with a log of its own; only ticks have a retention. Its own deletion of a
run also removes the materialisations that the run made, and with them days from the partitions page. Here the
newest event of each asset, partition and kind stays, and the newest result of each check.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster import DagsterEventType, DagsterInstance, RunsFilter
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable
from sqlalchemy import and_, delete, func, select

_RUNS_PER_STEP = 100
"""Runs that are looked at in one statement. Chosen by hand: a statement stays short, so runs under way need
not wait.
"""
_SHARD_ENDS = ("", "-wal", "-shm", "-journal")


def purge_runs(instance: DagsterInstance, before: datetime) -> int:
    """Remove the runs that ended before an instant, with their logs; returns how many.

    A run that the partitions page shows as the failed attempt of a partition stays. The record of a run goes
    last: a purge that is killed is completed by the next one.
    """
    wanted = RunsFilter(statuses=list(FINISHED_STATUSES), updated_before=before)
    shown = _shown_attempts(instance)
    old = [run_id for run_id in instance.get_run_ids(wanted) if run_id not in shown]
    for first in range(0, len(old), _RUNS_PER_STEP):
        chosen = old[first : first + _RUNS_PER_STEP]
        _remove_events(instance, chosen)
        for run_id in chosen:
            _remove_logs(instance, run_id)
        _remove_records(instance, chosen)
    return len(old)


def _shown_attempts(instance: DagsterInstance) -> set[str]:
    """Runs that were to make a partition and did not, with no later one that did."""
    storage = instance.event_log_storage
    return {
        run_id
        for asset in instance.all_asset_keys()
        for run_id, _ in storage.get_latest_asset_partition_materialization_attempts_without_materializations(
            asset
        ).values()
    }


def _remove_events(instance: DagsterInstance, run_ids: Sequence[str]) -> None:
    """Remove the events of the runs from the tables that cover all runs, but for what the UI shows."""
    storage: Any = instance.event_log_storage
    events, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    planned = DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value
    newest = (
        select(func.max(events.id))
        .where(and_(events.asset_key.is_not(None), events.dagster_event_type != planned))
        .group_by(events.asset_key, events.partition, events.dagster_event_type)
    )
    gone = and_(events.run_id.in_(run_ids), events.id.not_in(newest))
    newest_checks = select(func.max(checks.id)).group_by(
        checks.asset_key, checks.check_name, checks.partition
    )
    with storage.index_connection() as connection:
        ids = select(events.id).where(gone)
        connection.execute(delete(AssetEventTagsTable).where(AssetEventTagsTable.c.event_id.in_(ids)))
        connection.execute(delete(SqlEventLogStorageTable).where(gone))
        connection.execute(
            delete(AssetCheckExecutionsTable).where(
                and_(checks.run_id.in_(run_ids), checks.id.not_in(newest_checks))
            )
        )


def _remove_logs(instance: DagsterInstance, run_id: str) -> None:
    """Remove the database of events of one run, where the storage keeps one for each, and its output."""
    storage: Any = instance.event_log_storage
    if hasattr(storage, "path_for_shard"):
        shard = Path(storage.path_for_shard(run_id))
        for end in _SHARD_ENDS:
            shard.with_name(shard.name + end).unlink(missing_ok=True)
    instance.compute_log_manager.delete_logs(prefix=[run_id])


def _remove_records(instance: DagsterInstance, run_ids: Sequence[str]) -> None:
    storage: Any = instance.run_storage
    with storage.connect() as connection:
        connection.execute(delete(RunTagsTable).where(RunTagsTable.c.run_id.in_(run_ids)))
        connection.execute(delete(RunsTable).where(RunsTable.c.run_id.in_(run_ids)))
