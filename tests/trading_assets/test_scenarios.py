"""Regime changes with known truth.

Drift reported, one retrain asked for, a new version registered, the alias moved on evidence only.
"""

from datetime import date
from typing import Any

import polars as pl
import pytest

from desk.in_process import ChainRequest, run_chain
from resources.settings.desk import desk_settings
from resources.settings.environment import Environment
from resources.settings.zones import Desk, make_desk
from resources.wiring import make_lake, make_registry

FIRST, CHANGE, LAST = date(2025, 5, 12), date(2025, 5, 12), date(2025, 6, 8)


@pytest.fixture
def run_scenario(environment: Environment, desk: Desk) -> Any:
    """Run four weeks from the first day of a regime change on.

    `desk` writes the quick model and its limits.
    """

    def run(name: str, zone: str) -> Any:
        settings = make_desk(
            environment.conf_folder,
            desk_settings(environment),
            model="quick",
            training_days=120,
            minimum_training_days=45,
            evaluation_days=10,
            retrain_after_days=1000,
            seed=1,
            scenarios=({"name": name, "start_day": CHANGE},),
        )
        request = ChainRequest(zones=(zone,), first_day=FIRST, last_day=LAST, block_days=14)
        report = run_chain(request, environment=environment, desk=settings)
        return report, make_lake(environment), make_registry(environment)

    return run


@pytest.mark.slow
@pytest.mark.parametrize(("name", "zone"), [("gas_shock", "DE_LU"), ("solar_boom", "FR")])
def test_a_regime_change_is_seen_and_retrained_once_and_the_alias_follows_the_evidence(
    run_scenario: Any, name: str, zone: str
) -> None:
    report, lake, registry = run_scenario(name, zone)
    drift = lake.read("feature_drift", zones=[zone]).filter(pl.col("status") == "alert")
    assert drift["delivery_day"].min() == date(2025, 5, 25), (
        "drift is reported at the first look after the change"
    )
    assert [cause for _, _, cause, _ in report.retrain_causes] == ["schedule", "drift"]
    requests = lake.read("retrain_requests", zones=[zone])
    assert requests["cause"].sort().to_list() == ["drift", "schedule"]
    assert set(requests["status"]) == {"succeeded"}
    versions = registry.versions(zone)
    assert [version.tags["cause"] for version in versions] == ["schedule", "drift"]
    decisions = lake.read("promotion_decisions", zones=[zone]).filter(
        pl.col("model") == f"day_ahead_price.{zone}"
    )
    promoted = decisions.filter(pl.col("action") == "promote")["candidate_version"].to_list()
    champion = registry.champion(zone)
    assert champion is not None
    assert champion.version == max(promoted, key=int)
    judged = decisions.filter(pl.col("candidate_version") == "2")
    assert judged.height >= 1
    if champion.version == "2":
        better = judged.filter(pl.col("action") == "promote")
        assert better["error_p_value"][0] < 0.05
        assert better["candidate_loss_eur_per_mwh"][0] < better["champion_loss_eur_per_mwh"][0]


@pytest.mark.slow
def test_a_broken_sensor_goes_to_the_desk_and_retrains_nothing(run_scenario: Any) -> None:
    report, lake, registry = run_scenario("sensor_fault", "FR")
    assert [cause for _, _, cause, _ in report.retrain_causes] == ["schedule"]
    assert len(registry.versions("FR")) == 1
    quality = lake.read("data_quality", zones=["FR"]).filter(pl.col("status") == "alert")
    assert quality["series"].str.contains("load").any()
