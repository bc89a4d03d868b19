"""Partitions that a Dagster instance shows as materialised: recorded many at a time, and removed.

Dagster stores one event at a time, in SQLite with two transactions and 10 to 20 ms of CPU each, and cannot
remove any. Here the events of one asset are one transaction, about 0.2 ms each (`python -m
benchmarks.running.partition_events`). They are Dagster's own events in Dagster's own tables, in SQLite and in
Postgres alike. They hold less than the event of the run: the number of rows of the day, and no versions of
inputs.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dagster import (
    AssetKey,
    AssetMaterialization,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    EventLogEntry,
)
from dagster._core.events import StepMaterializationData
from dagster._core.storage.event_log.schema import AssetEventTagsTable, SqlEventLogStorageTable
from dagster_shared.serdes import serialize_value
from sqlalchemy import delete, insert, select

from resources.wall_clock import utc_now

_MATERIALIZATION = DagsterEventType.ASSET_MATERIALIZATION
_DEBUG = 10
"""The level of Python's `logging.DEBUG`, which Dagster stores with an event."""
_KEYS_PER_STATEMENT = 500
"""SQLite takes 999 variables in one statement in builds before 3.32 (sqlite.org/limits.html)."""
_SOME = "a partition"
"""Placeholder for the partition in the text of an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The run that made the rows; empty names where no run did."""

    run_id: str = ""
    job_name: str = ""
    step_key: str | None = None


def recorded_among(instance: DagsterInstance, asset: AssetKey, partitions: Collection[str]) -> set[str]:
    """Those of `partitions` that are shown as materialised."""
    if not partitions:
        return set()
    found = instance.event_log_storage.get_latest_storage_id_by_partition(
        asset, _MATERIALIZATION, set(partitions)
    )
    return set(found)


def record(
    instance: DagsterInstance,
    asset: AssetKey,
    rows: Mapping[str, int],
    origin: Origin,
    *,
    is_followed: bool = False,
) -> None:
    """Show partitions as materialised. `rows` maps a partition to its number of rows, the newest last.

    `is_followed` says that Dagster itself records an event of the asset next, which makes all of them count.
    """
    if not rows:
        return
    now, others = utc_now(), dict(rows)
    if not is_followed and instance.get_latest_materialization_event(asset) is None:
        # One event is recorded in Dagster's own way: it makes the entry of the asset, without which Dagster
        # shows no partition.
        newest, n_rows = others.popitem()
        instance.event_log_storage.store_event(_entry(asset, newest, n_rows, origin, now))
    if others:
        with _index(instance) as connection:
            connection.execute(insert(SqlEventLogStorageTable), _rows(asset, others, origin, now))
    if not is_followed:
        instance.event_log_storage.wipe_asset_cached_status(asset)


def forget(instance: DagsterInstance, asset: AssetKey, partitions: Sequence[str]) -> None:
    """Show partitions as not materialised. In SQLite, what the runs did stays in their own logs."""
    if not partitions:
        return
    events = SqlEventLogStorageTable.c
    with _index(instance) as connection:
        for first in range(0, len(partitions), _KEYS_PER_STATEMENT):
            chosen = (
                (events.asset_key == asset.to_string())
                & (events.dagster_event_type == _MATERIALIZATION.value)
                & events.partition.in_(partitions[first : first + _KEYS_PER_STATEMENT])
            )
            ids = select(events.id).where(chosen)
            connection.execute(delete(AssetEventTagsTable).where(AssetEventTagsTable.c.event_id.in_(ids)))
            connection.execute(delete(SqlEventLogStorageTable).where(chosen))
    instance.event_log_storage.wipe_asset_cached_status(asset)


def _entry(asset: AssetKey, partition: str, n_rows: int, origin: Origin, now: datetime) -> EventLogEntry:
    done = AssetMaterialization(asset, metadata={"dagster/row_count": n_rows}, partition=partition)
    event = DagsterEvent(
        event_type_value=_MATERIALIZATION.value,
        job_name=origin.job_name,
        step_key=origin.step_key,
        event_specific_data=StepMaterializationData(done),
    )
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=_DEBUG,
        user_message="",
        run_id=origin.run_id,
        timestamp=now.timestamp(),
        step_key=origin.step_key,
        job_name=origin.job_name,
        dagster_event=event,
    )


def _rows(asset: AssetKey, rows: Mapping[str, int], origin: Origin, now: datetime) -> list[dict[str, Any]]:
    """Rows of the table of events.

    Most days have the same number of rows, so their text is made once and only the name is replaced.
    """
    texts = {n: serialize_value(_entry(asset, _SOME, n, origin, now)) for n in set(rows.values())}
    same = {
        "run_id": origin.run_id,
        "dagster_event_type": _MATERIALIZATION.value,
        "timestamp": now.replace(tzinfo=None),  # the column has instants of UTC without a zone
        "step_key": origin.step_key,
        "asset_key": asset.to_string(),
    }
    return [
        {**same, "partition": partition, "event": texts[n].replace(_SOME, partition)}
        for partition, n in rows.items()
    ]


def _index(instance: DagsterInstance) -> AbstractContextManager[Any]:
    """A transaction on the tables that cover all runs. Every SQL storage of Dagster has one."""
    storage: Any = instance.event_log_storage
    return storage.index_connection()  # type: ignore[no-any-return]
