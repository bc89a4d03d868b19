"""The partitions page shows a day of an asset as materialised exactly where its table has rows of it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    DagsterInstance,
    Definitions,
    MaterializeResult,
    define_asset_job,
    in_process_executor,
)
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from resources.instance.partition_events import Origin, forget, record, recorded_among
from resources.lake.lake import Lake
from spot.errors import ConfigurationError
from tests.support.made_up_rows import made_up
from trading_assets.catalogue import on_partitions
from trading_assets.frame.declared import declared_asset
from trading_assets.partitions import FIRST_DAY_TAG, Partitions, make_partitions, partition_key

ZONE, FIRST = "FR", date(2025, 3, 10)
DAYS = [FIRST + timedelta(days=n) for n in range(5)]
TOY, ADDING, LOAD = AssetKey("toy"), AssetKey("adding"), AssetKey("load_forecasts")
ORIGIN = Origin(run_id="a_run", job_name="a_job")


@declared_asset(per="zone and day", group="g", kinds={"polars"}, table="feature_importance")
def toy(context: AssetExecutionContext, lake: Lake) -> MaterializeResult:  # type: ignore[type-arg]
    """Its table is filled by the test."""
    return MaterializeResult(metadata={"said": "by the asset"})


@declared_asset(
    per="zone and day", group="g", kinds={"polars"}, writes=["load_forecasts"], source="own_weather"
)
def adding(context: AssetExecutionContext, lake: Lake) -> MaterializeResult:  # type: ignore[type-arg]
    """Adds rows to the table of another asset."""
    return MaterializeResult()


@pytest.fixture(params=["sqlite", "memory"])
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DagsterInstance]:
    """Both storages of one machine."""
    on_disk = request.param == "sqlite"
    with DagsterInstance.local_temp(str(tmp_path)) if on_disk else DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(uri=str(tmp_path / "lake"))


def put(lake: Lake, days: Sequence[date]) -> None:
    """Rows of the toy on these of `DAYS` and on no other of them."""
    rows = made_up("feature_importance", *({"zone": ZONE, "delivery_day": day} for day in days))
    lake.replace("feature_importance", rows.head(len(days)), zone=ZONE, first_day=DAYS[0], last_day=DAYS[-1])


def add(lake: Lake, day: date, source: str) -> None:
    start = datetime.combine(day, datetime.min.time(), tzinfo=UTC)
    row = {"zone": ZONE, "delivery_day": day, "delivery_start_utc": start, "source": source}
    known = {"available_at_utc": start - timedelta(hours=20), "ingested_at_utc": start}
    assert lake.append("load_forecasts", made_up("load_forecasts", row | known), source=source).n_new == 1


def run(
    asset: AssetsDefinition,
    instance: DagsterInstance,
    lake: Lake,
    day: date,
    *,
    since: date | None = None,
    partitions: Partitions | None = None,
    last: date | None = None,
) -> None:
    """One run for a day, widened back to `since`; or for the range of partitions up to `last`."""
    graph = Definitions(
        assets=[on_partitions(asset, partitions or make_partitions(["DE_LU", ZONE], date(2025, 1, 1)))],
        jobs=[define_asset_job("a_job", selection=[asset.key])],
        resources={"lake": lake},
        executor=in_process_executor,
    )
    tags = {} if since is None else {FIRST_DAY_TAG: since.isoformat()}
    if last is not None:
        tags = {
            "dagster/asset_partition_range_start": partition_key(ZONE, day),
            "dagster/asset_partition_range_end": partition_key(ZONE, last),
        }
    done = graph.resolve_job_def("a_job").execute_in_process(
        instance=instance, partition_key=None if last else partition_key(ZONE, day), tags=tags
    )
    assert done.success


def shown(instance: DagsterInstance, asset: AssetKey = TOY) -> set[str]:
    """Days that the page shows, by its own way through the cache, which must agree with the events."""
    partitions = make_partitions(["DE_LU", ZONE], date(2025, 1, 1)).of_zone_and_day
    cached = get_and_update_asset_status_cache_value(instance, asset, partitions)
    found = set()
    if cached is not None:
        found = set(cached.deserialize_materialized_partition_subsets(partitions).get_partition_keys())
    assert found == instance.get_materialized_partitions(asset)
    return found


def keys(days: Sequence[date]) -> set[str]:
    return {partition_key(ZONE, day) for day in days}


def test_a_run_over_many_days_shows_those_with_rows_and_not_its_own_day_without(
    instance: DagsterInstance, lake: Lake
) -> None:
    some = [DAYS[0], DAYS[1], DAYS[3]]
    put(lake, some)
    run(toy, instance, lake, DAYS[4], since=DAYS[0])
    assert shown(instance) == keys(some)
    event = instance.get_latest_materialization_event(TOY)
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["said"].value == "by the asset"


def test_a_single_day_without_rows_is_not_shown_until_it_has_some(
    instance: DagsterInstance, lake: Lake
) -> None:
    run(toy, instance, lake, DAYS[0])
    assert shown(instance) == set()
    put(lake, DAYS[:1])
    run(toy, instance, lake, DAYS[0])
    assert shown(instance) == keys(DAYS[:1])


def test_days_whose_rows_are_gone_are_taken_back_and_come_again(
    instance: DagsterInstance, lake: Lake
) -> None:
    put(lake, DAYS)
    run(toy, instance, lake, DAYS[4], since=DAYS[0])
    assert shown(instance) == keys(DAYS)
    put(lake, DAYS[2:4])
    run(toy, instance, lake, DAYS[4], since=DAYS[0])
    assert shown(instance) == keys(DAYS[2:4])
    put(lake, DAYS)
    run(toy, instance, lake, DAYS[4], since=DAYS[0])
    assert shown(instance) == keys(DAYS)


def test_a_backfill_over_a_range_of_partitions_shows_those_with_rows(
    instance: DagsterInstance, lake: Lake
) -> None:
    put(lake, [DAYS[0], DAYS[2]])
    run(toy, instance, lake, DAYS[0], last=DAYS[3])
    assert shown(instance) == keys([DAYS[0], DAYS[2]])


def test_a_day_that_is_shown_already_is_not_recorded_again(instance: DagsterInstance, lake: Lake) -> None:
    put(lake, DAYS)
    for _ in range(3):
        run(toy, instance, lake, DAYS[4], since=DAYS[0])
    events = instance.fetch_materializations(TOY, limit=100).records
    assert len(events) == len(DAYS) - 1 + 3  # each other day once, the run's own day each time


def test_days_before_the_first_partition_day_stay_out(instance: DagsterInstance, lake: Lake) -> None:
    put(lake, DAYS)
    run(toy, instance, lake, DAYS[4], since=DAYS[0], partitions=make_partitions([ZONE], DAYS[2]))
    assert instance.get_materialized_partitions(TOY) == keys(DAYS[2:])


def test_an_asset_that_adds_to_the_table_of_another_shows_both(instance: DagsterInstance, lake: Lake) -> None:
    add(lake, DAYS[0], "simulated")
    add(lake, DAYS[1], "own_weather")
    run(adding, instance, lake, DAYS[2], since=DAYS[0])
    assert shown(instance, ADDING) == keys([DAYS[1]])
    assert shown(instance, LOAD) == keys(DAYS[:2])


def test_recorded_days_can_be_asked_for_and_taken_back_one_by_one(instance: DagsterInstance) -> None:
    rows = {partition_key(ZONE, day): n for n, day in enumerate(DAYS, start=1)}
    record(instance, TOY, rows, ORIGIN)
    record(instance, TOY, {}, ORIGIN)
    forget(instance, TOY, [])
    assert shown(instance) == set(rows)
    newest = instance.get_latest_materialization_event(TOY)
    assert newest is not None
    assert newest.run_id == "a_run"
    forget(instance, TOY, list(rows)[:2])
    assert recorded_among(instance, TOY, {*rows, "2025-01-01|FR"}) == set(list(rows)[2:])
    assert recorded_among(instance, TOY, []) == set()
    assert shown(instance) == set(list(rows)[2:])


def test_ten_years_of_days_are_recorded_and_taken_back(instance: DagsterInstance) -> None:
    rows = {partition_key(ZONE, date(2015, 1, 1) + timedelta(days=n)): 24 for n in range(3_650)}
    record(instance, TOY, rows, ORIGIN)
    assert recorded_among(instance, TOY, rows) == set(rows)
    forget(instance, TOY, list(rows))
    assert instance.get_materialized_partitions(TOY) == set()


def test_an_asset_of_a_zone_and_a_day_that_takes_no_lake_is_refused() -> None:
    def blind(context: AssetExecutionContext) -> MaterializeResult:  # type: ignore[type-arg]
        """Cannot count its rows."""
        raise NotImplementedError

    with pytest.raises(ConfigurationError, match="blind: an asset of a zone and a day takes"):
        declared_asset(per="zone and day", group="g", kinds={"polars"}, table="signals")(blind)
