"""Green means fine: only a fault is red, and what is too young to be judged warns and names the day."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from dagster import AssetCheckKey, AssetKey, DagsterInstance

from desk.in_process import ChainRunner
from resources.settings.environment import Environment
from resources.settings.zones import Desk
from spot.market.gates import gate_closure_utc
from trading_assets.partitions import partition_key

ZONE, FIRST = "FR", date(2025, 9, 1)
TODAY = FIRST + timedelta(days=9)
NOW = gate_closure_utc(ZONE, TODAY + timedelta(days=1)) - timedelta(minutes=45)


@pytest.fixture(scope="module")
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def runner(environment: Environment, desk: Desk, instance: DagsterInstance) -> ChainRunner:
    """A desk with ten days of history, and without a version of any model."""
    made = ChainRunner(environment, desk, instance)
    made.run("history_loaded", partition_key(ZONE, TODAY), now=NOW, first_day=FIRST)
    return made


def said(instance: DagsterInstance, asset: str, check: str) -> str:
    """Description of the newest evaluation."""
    key = AssetCheckKey(AssetKey(asset), check)
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.event is not None
    assert record.event.dagster_event is not None
    return record.event.dagster_event.asset_check_evaluation_data.description or ""


def test_a_desk_before_its_first_training_has_warnings_and_no_red(
    runner: ChainRunner, instance: DagsterInstance
) -> None:
    yesterday, tomorrow = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
    runner.run("signals_ready", partition_key(ZONE, tomorrow), now=NOW)
    runner.run("delivered_days_settled", partition_key(ZONE, yesterday), now=NOW, first_day=FIRST)
    runner.run("challengers_reviewed", ZONE, now=NOW)
    assert runner.report.failed == []
    assert runner.report.blocked == []
    assert runner.lake.read("day_ahead_forecasts").is_empty()
    assert runner.lake.read("signals").is_empty(), "no model, no signal"
    # 45 days to learn from and 10 to be judged on are needed; 11 are there, tomorrow included.
    day = tomorrow + timedelta(days=44)
    assert f"11 of 55 days have features, a first version can be trained on {day}" in said(
        instance, "champion", "champion_exists"
    )
    alerts = runner.lake.read("alerts")
    assert "no champion" in "; ".join(alerts.filter(kind="no_forecast")["message"])
