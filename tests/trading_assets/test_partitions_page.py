"""After runs of every kind, the partitions page shows of each asset the days that its table has rows of."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dagster import DagsterInstance, RunRequest, ScheduleDefinition, build_schedule_context

from definitions import build_definitions
from desk.demo.quick_sqlite import quick_sqlite
from desk.in_process import ChainRequest, run_chain
from resources.clock import Clock
from resources.instance.in_process import IN_PROCESS_TAG
from resources.instance.prepare import prepare_dagster_home
from resources.lake.lake import Lake
from resources.market.market_source import MarketSource
from resources.settings.desk import desk_settings
from resources.settings.environment import Environment
from resources.settings.process import variables
from resources.settings.zones import Desk
from resources.upkeep.dagster_history import purge_runs
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from tests.support.partition_days import days_with_rows
from trading_assets.catalogue import ASSETS
from trading_assets.partitions import partition_key, zone_day_partitions

FIRST = date(2025, 9, 24)
LAST = FIRST + timedelta(days=3)
WITHOUT_ROWS = (FIRST + timedelta(days=1), LAST)
"""Days on which FR has no imbalance prices: one in the midst of a run, and the one that is its partition."""
TABLES = {
    spec.key: str(spec.metadata["dagster/table_name"])
    for asset in ASSETS
    for spec in asset.specs
    if spec.partitions_def == zone_day_partitions and "dagster/table_name" in spec.metadata
}
ASK = "{ assetNodes { assetKey { path } partitionStats { numMaterialized } } }"


@pytest.fixture
def instance(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """The desk's own instance, with partitions that reach back to the days of the test for ever."""
    zones = environment.conf_folder / "zones.yaml"
    zones.write_text(zones.read_text().replace("partition_years: 3", "partition_years: 30"))
    monkeypatch.setenv("DAGSTER_HOME", "")
    prepare_dagster_home(environment)
    with quick_sqlite(), DagsterInstance.get() as made:
        yield made


@pytest.fixture
def _with_days_without_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = MarketSource.fetch

    def without(self: MarketSource, table: str, zone: str, *days: date, **how: Any) -> pl.DataFrame:
        rows = fetch(self, table, zone, *days, **how)
        if (table, zone) != ("imbalance_prices", "FR"):
            return rows
        return rows.filter(~pl.col("delivery_day").is_in(list(WITHOUT_ROWS)))

    monkeypatch.setattr(MarketSource, "fetch", without)


def check_every_asset(instance: DagsterInstance, lake: Lake) -> None:
    """Shown are the days with rows, of every asset with a table."""
    for asset, table in TABLES.items():
        assert instance.get_materialized_partitions(asset) == days_with_rows(lake, table), asset


def run_scheduled(environment: Environment, instance: DagsterInstance, name: str, at: datetime) -> None:
    """What the schedule asks for at an instant, run with the graph of the desk and its clock at this
    instant.
    """
    graph = build_definitions(environment)
    (made,) = [one for one in graph.schedules or [] if one.name == name]
    assert isinstance(made, ScheduleDefinition)
    asked = made(build_schedule_context(scheduled_execution_time=at))
    assert isinstance(asked, RunRequest)
    done = graph.resolve_job_def(made.job_name).execute_in_process(
        instance=instance,
        partition_key=asked.partition_key,
        tags=dict(asked.tags),
        resources={"clock": Clock(fixed_utc=at.isoformat())},
    )
    assert done.success


def page(environment: Environment, project_root: Path) -> dict[str, int]:
    """Asset to the number of partitions that the UI shows as materialised."""
    command = Path(sys.executable).parent / "dagster-graphql"
    done = subprocess.run(
        [command, "-f", "definitions.py", "-t", ASK],
        cwd=project_root,
        env={**variables(), "SPOTDESK_HOME": str(environment.home)},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = next(line for line in done.stdout.splitlines() if line.startswith("{"))
    nodes = json.loads(answer)["data"]["assetNodes"]
    return {
        node["assetKey"]["path"][0]: node["partitionStats"]["numMaterialized"]
        for node in nodes
        if node["partitionStats"]
    }


def check_after_purge(
    environment: Environment, instance: DagsterInstance, lake: Lake, project_root: Path
) -> None:
    """Runs of the past are removed but for those that the page shows as attempts, and it shows the same."""
    before, n_runs = page(environment, project_root), instance.get_runs_count()
    n_purged = purge_runs(instance, utc_now() + timedelta(days=1))
    assert n_purged > 0
    assert instance.get_runs_count() == n_runs - n_purged
    check_every_asset(instance, lake)
    assert page(environment, project_root) == before


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("_with_days_without_rows")
def test_after_a_run_of_two_zones_and_scheduled_runs_every_asset_has_the_days_of_its_rows(
    environment: Environment, desk: Desk, instance: DagsterInstance, project_root: Path
) -> None:
    assert desk_settings(environment).partition_years == 30
    request = ChainRequest(zones=("DE_LU", "FR"), first_day=FIRST, last_day=LAST, block_days=2)
    run_chain(request, environment=environment, desk=desk, instance=instance)
    lake = make_lake(environment)
    check_every_asset(instance, lake)
    prices = days_with_rows(lake, "imbalance_prices")
    assert not prices & {partition_key("FR", day) for day in WITHOUT_ROWS}
    assert {partition_key("DE_LU", day) for day in WITHOUT_ROWS} < prices
    assert len(days_with_rows(lake, "day_ahead_features")) > 2 * 80, "upstream days are there, too"
    assert all(IN_PROCESS_TAG in run.tags for run in instance.get_runs())

    tomorrow = LAST + timedelta(days=1)
    for name, at in (
        ("before_day_ahead_gate_FR", datetime.combine(LAST, datetime.min.time(), UTC) + timedelta(hours=9)),
        ("after_delivery_FR", datetime.combine(tomorrow, datetime.min.time(), UTC) + timedelta(hours=37)),
    ):
        run_scheduled(environment, instance, name, at)
        check_every_asset(instance, lake)
    assert partition_key("FR", tomorrow) in days_with_rows(lake, "signals")

    shown = page(environment, project_root)
    for asset, table in TABLES.items():
        if asset.to_user_string() in shown:
            assert shown[asset.to_user_string()] == len(days_with_rows(lake, table)), asset
    assert shown["day_ahead_features"] > 2 * 80
    check_after_purge(environment, instance, lake, project_root)
