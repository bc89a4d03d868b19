"""A snapshot of the graph: what people see and depend on changes on purpose only."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import AssetKey
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster_shared.serdes import serialize_value

from definitions import build_definitions
from resources.home.find import TEMPLATES
from resources.plugins.sources import all_secrets
from resources.settings.environment import read_environment
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from tests.support.graph_text import graph_text
from tests.support.narrow import some

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


def test_the_graph_is_the_one_that_was_agreed_upon() -> None:
    agreed = Path(__file__).with_name("graph.txt").read_text(encoding="utf-8")
    assert graph_text() == agreed, "on purpose? .venv/bin/python -m tests.support.graph_text > " + str(
        Path("tests/trading_assets/graph.txt")
    )


def test_every_asset_says_who_owns_it_what_it_is_and_what_it_is_made_with() -> None:
    for key in GRAPH.materializable_asset_keys:
        node = GRAPH.get(key)
        assert node.owners, name(key)
        assert node.kinds, name(key)
        assert 40 < len(node.description or "") < 900, name(key)
        assert len((node.description or "").strip().splitlines()) <= 8, name(key)


def test_tables_show_their_columns_with_units() -> None:
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


def test_days_and_zones_are_partitions_and_models_have_zones() -> None:
    day: Any = GRAPH.get(AssetKey(["signals"])).partitions_def
    assert sorted(dimension.name for dimension in day.partitions_defs) == ["delivery_day", "zone"]
    zone = GRAPH.get(AssetKey(["price_model"])).partitions_def
    assert set(some(zone).get_partition_keys()) >= {"DE_LU", "FR"}


def test_checks_between_forecast_and_signal_block() -> None:
    blocking = {
        f"{name(key.asset_key)}:{key.name}" for key in GRAPH.asset_check_keys if GRAPH.get(key).blocking
    }
    assert blocking == BLOCKING


def test_every_raw_table_is_checked_for_contract_completeness_and_freshness() -> None:
    checks = {(name(key.asset_key), key.name) for key in GRAPH.asset_check_keys}
    names = ("every_row_keeps_the_contract", "every_day_is_complete", "data_is_fresh")
    assert {(table, check) for table in RAW_TABLES_OF_A_ZONE for check in names} <= checks


def test_every_monitor_has_a_check_that_fails_when_it_is_blind() -> None:
    watched = {key.asset_key for key in GRAPH.asset_check_keys}
    monitors = {key for key in GRAPH.materializable_asset_keys if GRAPH.get(key).group_name == "monitoring"}
    assert monitors <= watched


def test_each_zone_has_its_schedules_and_each_job_its_limit() -> None:
    schedules: dict[str, Any] = {schedule.name: schedule for schedule in DEFS.schedules or []}
    for zone in ("DE_LU", "FR"):
        gate = schedules[f"before_day_ahead_gate_{zone}"]
        assert (gate.cron_schedule, gate.execution_timezone) == ("15 11 * * *", "Europe/Brussels")
        assert schedules[f"after_day_ahead_results_{zone}"].cron_schedule == "15 13 * * *"
        assert f"after_delivery_{zone}" in schedules
    for job in DEFS.jobs or []:
        assert int((job.tags or {})["dagster/max_runtime"]) > 0, job.name


def test_one_training_at_a_time_however_many_are_asked_for(project_root: Path) -> None:
    limits = yaml.safe_load(
        (project_root / "resources/home/templates/dagster.yaml").read_text(encoding="utf-8")
    )["concurrency"]["runs"]["tag_concurrency_limits"]
    (training,) = [limit for limit in limits if limit["key"] == "spotdesk/kind"]
    assert (training["value"], training["limit"]) == ("training", 1)
    assert {job.name for job in DEFS.jobs or [] if (job.tags or {}).get("spotdesk/kind") == "training"} == {
        "zone_retrained"
    }


def test_a_click_in_the_ui_leads_to_the_function_of_each_asset(project_root: Path) -> None:
    for key in GRAPH.materializable_asset_keys:
        (place,) = GRAPH.get(key).metadata["dagster/code_references"].code_references
        line = Path(place.file_path).read_text(encoding="utf-8").splitlines()[place.line_number - 1]
        assert Path(place.file_path).is_relative_to(project_root / "trading_assets"), name(key)
        assert line.lstrip().startswith(("@declared_asset", "def ")), name(key)


def test_no_secret_stands_in_anything_that_the_ui_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "SPOTDESK_SIGNAL_WEBHOOK_SECRET",
        "SPOTDESK_SIGNAL_WEBHOOK_URL",
        "SPOTDESK_WEBHOOK_URL",
        *(secret.variable for secret in all_secrets().values()),
    ]
    for at, variable in enumerate(secrets):
        monkeypatch.setenv(variable, f"https://canary-{at}.example")
    monkeypatch.setenv("SPOTDESK_PROVIDER_URLS", "elexon=https://mirror.example")
    monkeypatch.setenv("SPOTDESK_LAKE_URI", "s3://a-bucket/lake")
    environment = read_environment(tmp_path).model_copy(update={"conf_folder": TEMPLATES / "conf"})
    repository = build_definitions(environment).get_repository_def()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of Dagster's own
        shown = serialize_value(RepositorySnap.from_def(repository))
    assert '"market_source"' in shown, "resources are part of what is looked at"
    assert "mirror.example" not in shown, "of a resource nothing is shown, so nothing can be set"
    assert [name for at, name in enumerate(secrets) if f"canary-{at}" in shown] == []
