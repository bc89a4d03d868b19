"""What if: known directions of a simulated market, the machine's own answer, and nothing that can leave."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.contracts.forecast_tables import DAY_AHEAD_FORECASTS
from spot.contracts.signal_tables import SIGNALS
from spot.contracts.table import check_rows
from spot.errors import ConfigurationError, ContractError, ForecastError
from spot.features.matrix import build_features, build_panel
from spot.forecast.members import load_settings_mapping, make_forecaster
from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.simulation.market import simulate
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.walk.forecasts import ForecastAuthor
from spot.walk.inputs import WalkInputs, decision_instant, empty_book
from spot.walk.signals import walk_signals
from spot.walk.what_if import Change, Situation, WhatIf, make_situation, what_if
from tests.support.sample_market import make_book

ZONE = "FR"
"""A zone with wind: the simulated SK has none before its first parks."""
DAY = date(2025, 6, 12)
LEARNT = DAY - timedelta(days=4)
MORE_WIND, MORE_LOAD = Change("wind", 20.0, "%"), Change("load", 600.0, "MW")
_WINDOW = {"centre_days": 28, "spread_days": 56, "spread_share": 0.5, "centring_days": 0}


@pytest.fixture(scope="module")
def situation() -> Situation:
    raw = simulate(ZONE, DAY - timedelta(days=140), DAY, seed=5).tables
    features = build_features(raw, zone=ZONE, days=days_between(DAY - timedelta(days=120), DAY))
    panel = build_panel(features, raw["day_ahead_prices"], zone=ZONE)
    n_learnt = int((panel.days <= np.datetime64(LEARNT)).sum())
    settings = load_settings_mapping({"kind": "engine", "windows": [_WINDOW]})
    inputs = WalkInputs(
        zone=ZONE,
        strategies=(Storage(), SettlementSpread(settled_against="imbalance", min_edge_ratio=0.0)),
        forecasts=DAY_AHEAD_FORECASTS.empty(),
        raw=raw,
        limits=make_book(),
        now=gate_closure_utc(ZONE, DAY) - timedelta(minutes=30),
        trained_through={"3": LEARNT},
        drift_status={DAY: "ok"},
        features=features,
        is_live=True,
    )
    return make_situation(
        inputs,
        empty_book(),
        decision_instant(inputs, DAY, halted_until=date.min),
        panel.known_at_gate(len(panel) - 1),
        features.filter(pl.col("delivery_day") == DAY).sort("delivery_start_utc"),
        make_forecaster(settings).fit(panel.first(n_learnt)),
        ForecastAuthor(model_name=f"price_{ZONE}", model_version="3", role="champion"),
    )


def mean_price(found: WhatIf) -> float:
    return float(found.forecast["price_point_eur_per_mwh"].to_numpy().mean())


def test_without_a_change_it_is_what_the_machine_decides(situation: Situation) -> None:
    found = what_if(situation, ())
    walked = walk_signals(situation.inputs, [DAY], empty_book()).signals
    traded = walked.filter(pl.col("side") != "flat").sort("delivery_start_utc", "strategy")
    assert found.orders.height > 10
    assert found.orders.equals(traded.select(found.orders.columns))
    assert found.expected_eur == pytest.approx(float(traded["expected_value_eur"].sum()))
    assert set(found.orders["strategy"]) == {"storage", "settlement_spread"}


def test_wind_lowers_the_price_load_raises_it_and_orders_follow(situation: Situation) -> None:
    machine, windy, loaded = (what_if(situation, some) for some in ((), (MORE_WIND,), (MORE_LOAD,)))
    assert mean_price(windy) < mean_price(machine) - 0.5
    assert mean_price(loaded) > mean_price(machine) + 0.5
    assert not windy.orders.equals(machine.orders)


def test_asking_changes_nothing_for_the_next_who_asks(situation: Situation) -> None:
    files = dict(situation.forecaster.to_files())
    first = what_if(situation, (MORE_WIND,))
    what_if(situation, (MORE_LOAD, Change("solar", -50.0, "%")))
    again = what_if(situation, (MORE_WIND,))
    assert first.forecast.equals(again.forecast)
    assert first.orders.equals(again.orders)
    assert dict(situation.forecaster.to_files()) == files


def test_what_comes_out_is_no_signal_even_of_a_live_zone(situation: Situation) -> None:
    orders = what_if(situation, (MORE_WIND,)).orders
    assert {"signal_id", "valid_until_utc", "mode", "role"}.isdisjoint(orders.columns)
    with pytest.raises(ContractError):
        check_rows(orders, SIGNALS)


def test_solar_has_no_megawatts_at_night_and_nothing_falls_below_zero(situation: Situation) -> None:
    sun = situation.panel.inputs["solar_forecast_mw"][-1]
    found = what_if(situation, (Change("solar", 150.0, "MW"),))
    assert found.notes == () or "solar" in found.notes[0]
    prices = {
        name: one.forecast["price_point_eur_per_mwh"].to_numpy()
        for name, one in (("more", found), ("own", what_if(situation, ())))
    }
    night = sun[: len(prices["own"])] == 0
    assert night.any()
    moved = np.abs(prices["more"] - prices["own"])
    assert moved[~night].mean() > 2 * moved[night].mean()
    assert np.isfinite(prices["more"]).all()
    nothing = what_if(situation, (Change("wind", -100.0, "%"),))
    assert np.isfinite(nothing.forecast["price_point_eur_per_mwh"].to_numpy()).all()


def test_an_input_that_is_not_read_is_refused(situation: Situation) -> None:
    with pytest.raises(ConfigurationError, match=r"does not read gas: it reads load, wind, solar"):
        what_if(situation, (Change("gas", 10.0, "%"),))


def test_beyond_the_training_range_is_said_and_far_beyond_refused(situation: Situation) -> None:
    (low, high) = situation.forecaster.seen_ranges["wind_forecast_mw"]
    assert what_if(situation, (MORE_WIND,)).notes == ()
    notes = what_if(situation, (Change("wind", 1.2 * high, "MW"),)).notes
    assert any(note.startswith("wind reaches") and "beyond the training range" in note for note in notes)
    with pytest.raises(ForecastError, match="wind_forecast_mw reaches"):
        what_if(situation, (Change("wind", 10 * (high - low) + high, "MW"),))
