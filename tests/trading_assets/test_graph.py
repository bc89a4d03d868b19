"""A snapshot of the graph: what people see and depend on changes on purpose only."""

import json
from pathlib import Path

import yaml
from dagster import AssetKey

from definitions import build_definitions
from resources.settings.environment import read_environment

GROUPS = {
    "market_data": {"day_ahead_prices", "intraday_prices", "imbalance_prices"},
    "fundamentals": {"load_forecasts", "renewable_forecasts", "load_actuals", "generation_actuals"},
    "features": {"day_ahead_features"},
    "models": {"training_set", "price_model", "model_evaluation", "champion"},
    "forecasts": {"day_ahead_forecast"},
    "signals": {"signals"},
    "settlement": {"settlement"},
    "monitoring": {
        "data_quality",
        "feature_drift",
        "reported_drift",
        "forecast_performance",
        "forecast_explanations",
        "risk_limit_conformance",
    },
    "analysts": {"analyst_database"},
}
EDGES = [
    ("load_forecasts", "day_ahead_features"),
    ("day_ahead_prices", "day_ahead_features"),
    ("day_ahead_features", "training_set"),
    ("training_set", "price_model"),
    ("price_model", "model_evaluation"),
    ("model_evaluation", "champion"),
    ("champion", "day_ahead_forecast"),
    ("day_ahead_features", "day_ahead_forecast"),
    ("day_ahead_forecast", "signals"),
    ("signals", "settlement"),
    ("day_ahead_features", "data_quality"),
    ("data_quality", "feature_drift"),
    ("day_ahead_features", "feature_drift"),
    ("day_ahead_forecast", "reported_drift"),
    ("day_ahead_forecast", "forecast_performance"),
    ("settlement", "analyst_database"),
]
BLOCKING = {
    "day_ahead_features:nothing_is_later_than_the_gate",
    "day_ahead_forecast:every_day_is_complete",
    "day_ahead_forecast:quantiles_ascend",
    "day_ahead_forecast:forecast_is_within_price_limits",
    "day_ahead_forecast:forecast_is_tradeable",
}
DEFS = build_definitions(read_environment())
GRAPH = DEFS.resolve_asset_graph()


def name(key: AssetKey) -> str:
    return key.to_user_string()


def test_the_groups_hold_the_story_of_the_data():
    found: dict[str, set[str]] = {}
    for key in GRAPH.materializable_asset_keys:
        found.setdefault(GRAPH.get(key).group_name, set()).add(name(key))
    for group, members in GROUPS.items():
        assert members <= found[group], group


def test_each_layer_stands_on_the_one_before_it():
    for parent, child in EDGES:
        assert AssetKey([parent]) in GRAPH.get(AssetKey([child])).parent_keys, f"{parent} -> {child}"


def test_every_asset_says_who_owns_it_what_it_is_and_what_it_is_made_with():
    for key in GRAPH.materializable_asset_keys:
        node = GRAPH.get(key)
        assert node.owners, name(key)
        assert node.kinds, name(key)
        assert 40 < len(node.description or "") < 900, name(key)
        assert len((node.description or "").strip().splitlines()) <= 8, name(key)


def test_tables_show_their_columns_with_units():
    for asset in (
        "day_ahead_prices",
        "day_ahead_features",
        "day_ahead_forecast",
        "signals",
        "settlement",
        "feature_drift",
    ):
        schema = GRAPH.get(AssetKey([asset])).metadata["dagster/column_schema"]
        assert len(schema.columns) > 5
        assert all(column.description for column in schema.columns)
    prices = GRAPH.get(AssetKey(["day_ahead_prices"])).metadata["dagster/column_schema"]
    assert any("EUR/MWh" in column.description for column in prices.columns)


def test_days_and_zones_are_partitions_and_models_have_zones():
    day = GRAPH.get(AssetKey(["signals"])).partitions_def
    assert sorted(dimension.name for dimension in day.partitions_defs) == ["delivery_day", "zone"]
    zone = GRAPH.get(AssetKey(["price_model"])).partitions_def
    assert set(zone.get_partition_keys()) >= {"DE_LU", "FR"}


def test_checks_between_forecast_and_signal_block():
    blocking = {
        f"{name(key.asset_key)}:{key.name}" for key in GRAPH.asset_check_keys if GRAPH.get(key).blocking
    }
    assert blocking == BLOCKING


def test_every_raw_table_is_checked_for_contract_completeness_and_freshness():
    checks = {(name(key.asset_key), key.name) for key in GRAPH.asset_check_keys}
    for table in GROUPS["market_data"] | GROUPS["fundamentals"]:
        assert {
            (table, "every_row_keeps_the_contract"),
            (table, "every_day_is_complete"),
            (table, "data_is_fresh"),
        } <= checks


def test_every_monitor_has_a_check_that_fails_when_it_is_blind():
    watched = {name(key.asset_key) for key in GRAPH.asset_check_keys}
    assert GROUPS["monitoring"] <= watched


def test_each_zone_has_its_schedules_and_each_job_its_limit():
    schedules = {schedule.name: schedule for schedule in DEFS.schedules}
    for zone in ("DE_LU", "FR"):
        gate = schedules[f"before_day_ahead_gate_{zone}"]
        assert (gate.cron_schedule, gate.execution_timezone) == ("15 11 * * *", "Europe/Brussels")
        assert schedules[f"after_day_ahead_results_{zone}"].cron_schedule == "15 13 * * *"
        assert f"after_delivery_{zone}" in schedules
    for job in DEFS.jobs:
        assert int(job.tags["dagster/max_runtime"]) > 0, job.name


def test_one_training_at_a_time_however_many_are_asked_for(project_root: Path):
    limits = yaml.safe_load(
        (project_root / "resources/home/templates/dagster.yaml").read_text(encoding="utf-8")
    )["concurrency"]["runs"]["tag_concurrency_limits"]
    (training,) = [limit for limit in limits if limit["key"] == "spotdesk/kind"]
    assert (training["value"], training["limit"]) == ("training", 1)
    assert {job.name for job in DEFS.jobs if job.tags.get("spotdesk/kind") == "training"} == {
        "zone_retrained"
    }


def test_sensors_watch_retraining_failures_and_silence():
    assert {sensor.name for sensor in DEFS.sensors} >= {
        "retrain_is_due",
        "run_failed",
        "signals_are_missing",
        "tables_changed",
        "shadow_day_settled",
        "history_is_missing",
    }


def test_no_secret_and_no_environment_stands_in_the_graph():
    text = json.dumps([str(GRAPH.get(key).metadata) for key in GRAPH.materializable_asset_keys])
    assert "AWS_SECRET" not in text
