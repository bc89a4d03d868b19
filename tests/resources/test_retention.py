"""Old runs and captured bodies go; what the UI shows of the assets, and every row, stays."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckResult,
    AssetExecutionContext,
    AssetKey,
    AssetRecordsFilter,
    DagsterInstance,
    StaticPartitionsDefinition,
    asset,
    asset_check,
    materialize,
)
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from resources.lake.lake import Lake
from resources.market.captures import CaptureRecord, CaptureStore
from resources.settings.zone_settings import parse_desk_settings
from resources.upkeep.dagster_history import purge_runs
from resources.upkeep.sizes import home_sizes, in_words
from resources.wall_clock import utc_now
from spot.errors import ContractError
from spot.wrong_settings import WrongSettingsError

DAYS = StaticPartitionsDefinition(["one", "two", "three", "four"])
NAME = AssetKey("table")


@asset(partitions_def=DAYS)
def table(context: AssetExecutionContext) -> None:
    """Fails on one of its partitions."""
    if context.partition_key == "three":
        raise ValueError("no data")


@asset
def whole() -> None:
    """Has no partitions."""


@asset_check(asset=whole)
def is_fine() -> AssetCheckResult:
    """Passes."""
    return AssetCheckResult(passed=True)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    with DagsterInstance.from_config(str(tmp_path)) as made:
        yield made


def run(instance: DagsterInstance, partition: str | None = None) -> str:
    """The id of a run of one partition, or of the asset without partitions and its check."""
    assets = [table] if partition else [whole, is_fine]
    return materialize(assets, partition_key=partition, instance=instance, raise_on_error=False).run_id


def shown(instance: DagsterInstance) -> tuple[set[str], set[str]]:
    """The partitions that the page shows as materialised and as failed."""
    instance.event_log_storage.wipe_asset_cached_status(NAME)
    status = get_and_update_asset_status_cache_value(instance, NAME, DAYS)
    assert status is not None
    failed = status.deserialize_failed_partition_subsets(DAYS).get_partition_keys()
    return set(status.deserialize_materialized_partition_subsets(DAYS).get_partition_keys()), set(failed)


def events_of(instance: DagsterInstance, partition: str) -> list[str]:
    """Runs of the materialisations of a partition that are known, the newest first."""
    wanted = AssetRecordsFilter(asset_key=NAME, asset_partitions=[partition])
    return [record.run_id for record in instance.fetch_materializations(wanted, limit=10).records]


def test_old_runs_go_and_the_partitions_page_is_the_same(instance: DagsterInstance, tmp_path: Path) -> None:
    old = [run(instance, name) for name in ("one", "two", "one", "three", "four")] + [run(instance)]
    failed = old.pop(3)
    time.sleep(0.05)
    horizon = utc_now()
    time.sleep(0.05)
    young = run(instance, "two")
    before = shown(instance)
    assert before == ({"one", "two", "four"}, {"three"})
    assert purge_runs(instance, horizon) == len(old)

    assert {one.run_id for one in instance.get_runs()} == {failed, young}
    assert shown(instance) == before
    assert instance.get_materialized_partitions(NAME) == {"one", "two", "four"}
    assert [events_of(instance, name) for name in ("one", "two", "four")] == [[old[2]], [young], [old[3]]]
    newest = instance.get_latest_materialization_event(AssetKey("whole"))
    assert newest is not None
    assert newest.run_id == old[-1]
    (check,) = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [*is_fine.check_keys]
    ).values()
    assert check.run_id == old[-1]
    left = {path.name for path in (tmp_path / "history" / "runs").iterdir()}
    assert not [run_id for run_id in old if f"{run_id}.db" in left]
    assert {f"{failed}.db", f"{young}.db"} <= left
    assert not [run_id for run_id in old if (tmp_path / "storage" / run_id).exists()]
    assert instance.run_storage.get_run_tags(["dagster/partition"])[0][1] == {"two", "three"}


def test_a_second_purge_finds_nothing_and_runs_go_on(instance: DagsterInstance) -> None:
    run(instance, "one")
    later = utc_now() + timedelta(minutes=1)
    assert [purge_runs(instance, later), purge_runs(instance, later)] == [1, 0]
    run(instance, "two")
    assert shown(instance) == ({"one", "two"}, set())


def test_old_bodies_go_their_rows_stay_and_what_came_again_lately_stays(tmp_path: Path) -> None:
    store = CaptureStore(Lake(uri=str(tmp_path / "lake")))
    now = datetime(2026, 6, 1, tzinfo=UTC)

    def capture(body: bytes, age_days: int) -> tuple[CaptureRecord, bytes]:
        at = now - timedelta(days=age_days)
        record = CaptureRecord(
            source="smard",
            zone="DE_LU",
            series="day_ahead_prices",
            address=f"https://source.example/{age_days}/{body.decode()}",
            first_utc=at,
            end_utc=at + timedelta(days=1),
            captured_at_utc=at,
            is_backfill=False,
            outcome="rows",
        )
        return record, body

    store.record([capture(b"old", 40), capture(b"both", 40), capture(b"both", 1), capture(b"young", 1)])
    horizon = now - timedelta(days=30)
    assert [store.purge(horizon), store.purge(horizon)] == [1, 0]
    rows = store.lake.read("captures").sort("n_bytes", "captured_at_utc")
    assert rows.height == 4
    kept = dict(zip(rows["n_bytes"], rows["body_sha256"], strict=True))
    assert [store.body("smard", kept[n]) for n in (4, 5)] == [b"both", b"young"]
    with pytest.raises(ContractError, match="bodies are removed after"):
        store.body("smard", kept[3])


def test_a_lake_without_captures_needs_no_purge(tmp_path: Path) -> None:
    assert CaptureStore(Lake(uri=str(tmp_path / "lake"))).purge(utc_now()) == 0


def test_the_size_of_each_part_of_a_home_is_known(tmp_path: Path) -> None:
    for name, n_bytes in {
        "lake/signals/a.parquet": 3_000_000,
        "lake/captured_bodies/smard/ab/x.gz": 1_000_000,
        "dagster/history/runs/a.db": 2_000_000,
        "mlflow.db": 4_000_000,
        "mlflow.db-wal": 1_000_000,
        "desk.json": 10,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(n_bytes))
    sizes = home_sizes(tmp_path)
    assert sizes == {
        "model registry": 5_000_000,
        "tables": 3_000_000,
        "runs and events": 2_000_000,
        "captured answers": 1_000_000,
        "other": 10,
    }
    assert in_words(sizes, n_parts=2) == "11 MB: model registry 5 MB, tables 3 MB"


def test_retention_is_a_setting_with_a_default_and_a_least_value() -> None:
    zones: dict[str, Any] = {"zones": {"FR": {}}}
    assert parse_desk_settings(zones).retention.run_days == 90
    assert parse_desk_settings({**zones, "retention": {"run_days": 30}}).retention.run_days == 30
    with pytest.raises(WrongSettingsError, match="run_days"):
        parse_desk_settings({**zones, "retention": {"run_days": 1}})
