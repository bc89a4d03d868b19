"""A promoted version is a canary first: smaller orders, the one before beside it, and a way back."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from resources.lake.zone_tables import replace_span
from resources.settings.environment import Environment
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from resources.wiring import make_lake, make_registry
from spot.lifecycle.fallback import CanarySettings, why_canary_fails
from spot.lifecycle.promotion import PromotionVerdict
from spot.market.delivery import ZoneDays, days_between
from spot.strategy.proposals.storage import Storage
from spot.strategy.signals import decide_signals
from tests.support.narrow import some
from tests.support.sample_market import make_request
from tests.support.two_versions import LEARNT, ZONE, make_two_versions
from workflows.decisions.inputs import walk_inputs
from workflows.forecasting.canary import canaries, end_failed_canary, held_by_group
from workflows.forecasting.forecast_days import write_forecasts

SERVES_FROM = LEARNT[1] + timedelta(days=1)
DAYS = days_between(SERVES_FROM, SERVES_FROM + timedelta(days=6))
SPAN = ZoneDays(ZONE, DAYS[0], DAYS[-1])
SETTINGS = CanarySettings(days=14, share_of_mw=0.25)
NOW = datetime(2025, 5, 20, 12, tzinfo=UTC)
TEXT = "canary: {days: 14, share_of_mw: 0.25}\n"
PROMOTE = PromotionVerdict(action="promote", reasons=("better in error",), n_days=28)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, prepared_home: Path) -> Path:
    folder = tmp_path_factory.mktemp("canary") / "home"
    folder.mkdir()
    shutil.copy(prepared_home / "mlflow.db", folder / "mlflow.db")
    make_two_versions(folder)
    return folder


@pytest.fixture
def home(made: Path, environment: Environment, desk: Desk) -> Environment:
    shutil.copytree(made, environment.home, dirs_exist_ok=True)
    file = environment.conf_folder / "promotion.yaml"
    file.write_text(file.read_text() + TEXT)
    return environment


def test_it_is_off_unless_it_is_asked_for(home: Environment) -> None:
    versions = make_registry(home).versions(ZONE)
    assert canaries(versions, CanarySettings()) == {}
    # The first version took over from nobody: it is no canary.
    assert canaries(versions, SETTINGS) == {"2": SERVES_FROM + timedelta(days=14)}


def test_the_version_before_goes_on_in_the_shadow_and_the_orders_are_smaller(
    home: Environment, desk: Desk
) -> None:
    lake, registry = make_lake(home), make_registry(home)
    write_forecasts(SPAN, lake, desk, registry)
    rows = lake.read("day_ahead_forecasts", zones=[ZONE])
    assert set(rows.select("role", "model_version").rows()) == {("champion", "2"), ("challenger", "1")}
    inputs = walk_inputs(SPAN, lake, desk, registry, home.trading_state, NOW)
    assert (inputs.canaries, inputs.canary_share) == ({"2": SERVES_FROM + timedelta(days=14)}, 0.25)


def test_a_canary_trades_a_share_of_the_size_and_says_so() -> None:
    request = make_request(date(2025, 6, 3), Storage(power_mw=4.0, energy_mwh=8.0))
    whole = decide_signals(request).frame
    part = decide_signals(replace(request, size_share=0.25))
    assert whole["volume_mw"].max() == 4.0
    assert part.frame["volume_mw"].max() == 1.0
    assert "a canary: 25% of the size" in part.frame["limits_applied"][0]
    assert "canary" in part.events["limit_name"].to_list()


def test_a_canary_that_errs_too_much_is_rolled_back_on_record(home: Environment, desk: Desk) -> None:
    lake, registry = make_lake(home), make_registry(home)
    alerts = Alerts(lake=lake)
    write_forecasts(SPAN, lake, desk, registry)
    assert end_failed_canary(ZONE, lake, desk, registry, SETTINGS, alerts, NOW).is_empty()
    assert some(registry.champion(ZONE)).version == "2", "as good as the one before"

    rows = lake.read("day_ahead_forecasts", zones=[ZONE]).filter(pl.col("role") == "champion")
    wrong = rows.with_columns(pl.col("price_point_eur_per_mwh") + 80.0)
    replace_span(lake, "day_ahead_forecasts", wrong, SPAN, only={"role": "champion"})
    decision = end_failed_canary(ZONE, lake, desk, registry, SETTINGS, alerts, NOW)
    assert decision.select("action", "candidate_version", "champion_version").row(0) == ("rollback", "1", "2")
    assert "failed its canary" in decision["reasons"][0]
    assert some(registry.champion(ZONE)).version == "1"
    stored = lake.read("promotion_decisions", zones=[ZONE])
    assert stored["decision_id"].to_list() == decision["decision_id"].to_list()
    assert "serves again" in lake.read("alerts")["message"][0]
    assert end_failed_canary(ZONE, lake, desk, registry, SETTINGS, alerts, NOW).is_empty(), "once"


def test_other_zones_of_a_group_wait_for_the_first_one(home: Environment) -> None:
    registry = make_registry(home)
    leader = some(registry.champion(ZONE))
    follower = replace(leader, zone="FR", version="9")
    grouped = CanarySettings(days=14, groups={"core": (ZONE, "FR")})
    early = datetime(2025, 5, 10, tzinfo=UTC)
    held = held_by_group(PROMOTE, follower, registry, grouped, early)
    assert held.action == "keep_challenger"
    assert held.reasons[-1] == "waits for the first zone of its group: DE_LU is a canary until 2025-05-15"
    assert held_by_group(PROMOTE, follower, registry, grouped, NOW) == PROMOTE, "it has passed"
    other = replace(follower, settings={"kind": "engine"})
    assert "has no such version" in held_by_group(PROMOTE, other, registry, grouped, NOW).reasons[-1]
    assert held_by_group(PROMOTE, leader, registry, grouped, early) == PROMOTE, "the first one waits for none"
    assert held_by_group(PROMOTE, follower, registry, SETTINGS, early) == PROMOTE, "no group"


def test_the_bound_needs_days_and_a_zone_is_in_one_group() -> None:
    bad, good = np.array([9.0, 9.0, np.nan, 9.0]), np.array([5.0, 5.0, 5.0, 5.0])
    assert "9.00 EUR/MWh on 3 days, 5.00 of the version before" in why_canary_fails(bad, good, SETTINGS)
    assert why_canary_fails(bad[:2], good[:2], SETTINGS) == ""
    assert why_canary_fails(good, good, SETTINGS) == ""
    with pytest.raises(ValueError, match="in one group at most"):
        CanarySettings(groups={"a": ("FR",), "b": ("FR", "NL")})
