"""The worth of an input: what is planted is found, and a worthless feed is worth nothing."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.errors import ForecastError
from spot.features.matrix import build_features, build_panel
from spot.forecast.members import load_settings_mapping, make_forecaster
from spot.lifecycle.worth import WorthReport, input_groups, storage_money, worth_of_inputs
from spot.market.delivery import days_between
from spot.simulation.earlier import simulate_earlier
from spot.simulation.market import simulate
from tests.spot.forecast.test_members import SMALL

ZONE, FIRST, N_DAYS, N_LEARNT = "FR", date(2023, 1, 9), 240, 180
EXAA, NOISE = "earlier_price_exaa_eur_per_mwh", "earlier_price_british_eur_per_mwh"


def as_panel(frame: pl.DataFrame) -> Floats:
    """(D, 25) prices of hourly days."""
    rows = frame.sort("delivery_start_utc")
    matrix = np.full((N_DAYS, 25), np.nan)
    for row, (_, day) in enumerate(rows.group_by("delivery_day", maintain_order=True)):
        matrix[row, : day.height] = day["price_eur_per_mwh"].to_numpy()
    return matrix


@pytest.fixture(scope="module")
def panel() -> DeliveryPanel:
    """The simulated market with an auction that tells almost everything, and a feed of noise."""
    last = FIRST + timedelta(days=N_DAYS - 1)
    raw = simulate(ZONE, FIRST - timedelta(days=9), last, seed=5).tables
    made = build_panel(
        build_features(raw, zone=ZONE, days=days_between(FIRST, last)), raw["day_ahead_prices"], zone=ZONE
    )
    told = as_panel(simulate_earlier(ZONE, FIRST, last, seed=5)["other_auction_prices"])
    noise = np.random.default_rng(1).normal(80, 30, told.shape)
    width = made.prices.shape[1]
    inputs = {**made.inputs, EXAA: told[:, :width], NOISE: noise[:, :width]}
    return DeliveryPanel(
        zone=made.zone,
        days=made.days,
        n_periods=made.n_periods,
        resolution_minutes=made.resolution_minutes,
        prices=made.prices,
        inputs=inputs,
        holiday_fraction=made.holiday_fraction,
    )


@pytest.fixture(scope="module")
def report(panel: DeliveryPanel) -> WorthReport:
    settings = load_settings_mapping(SMALL["engine"])
    return worth_of_inputs(panel, N_LEARNT, lambda: make_forecaster(settings))


def test_an_auction_with_planted_worth_leads_in_error_and_in_money(report: WorthReport) -> None:
    best = report.inputs[0]
    assert best.name == EXAA
    assert best.is_used
    assert best.error.low > 0.1 * report.mae_eur_per_mwh
    assert best.money.low > 0


def test_a_worthless_feed_is_worth_nothing_within_its_interval(report: WorthReport) -> None:
    (noise,) = [one for one in report.inputs if one.name == NOISE]
    assert noise.error.low <= 0 <= noise.error.high
    assert noise.money.low <= 0 <= noise.money.high
    assert not noise.is_used, "the engine drops it by itself"


def test_a_worthless_feed_that_a_model_must_use_is_not_worth_anything_either(panel: DeliveryPanel) -> None:
    settings = load_settings_mapping({**SMALL["engine"], "earlier_prices": "always"})
    kept = {name: array for name, array in panel.inputs.items() if name in ("load_forecast_mw", NOISE)}
    only = DeliveryPanel(
        zone=panel.zone,
        days=panel.days,
        n_periods=panel.n_periods,
        resolution_minutes=panel.resolution_minutes,
        prices=panel.prices,
        inputs=kept,
        holiday_fraction=panel.holiday_fraction,
    )
    found = worth_of_inputs(only, N_LEARNT, lambda: make_forecaster(settings))
    (noise,) = [one for one in found.inputs if one.name == NOISE]
    assert noise.is_used
    assert noise.error.low <= 0


def test_the_residual_load_goes_with_each_of_its_parts() -> None:
    names = ("load_forecast_mw", "wind_forecast_mw", "residual_load_mw", "fuel_gas_eur_per_mwh")
    assert input_groups(names) == {
        "load forecast": ("load_forecast_mw", "residual_load_mw"),
        "wind forecast": ("wind_forecast_mw", "residual_load_mw"),
        "fuel_gas_eur_per_mwh": ("fuel_gas_eur_per_mwh",),
    }


def test_storage_earns_the_spread_of_the_hours_that_the_forecast_names(panel: DeliveryPanel) -> None:
    perfect = storage_money(panel, N_LEARNT, panel.prices[N_LEARNT:])
    day = np.sort(panel.prices[N_LEARNT][: panel.n_periods[N_LEARNT]])
    assert perfect[0] == pytest.approx(day[-4:].sum() - day[:4].sum())
    assert storage_money(panel, N_LEARNT, -panel.prices[N_LEARNT:])[0] == pytest.approx(-perfect[0])


def test_too_few_days_are_refused(panel: DeliveryPanel) -> None:
    settings = load_settings_mapping(SMALL["engine"])
    with pytest.raises(ForecastError, match="days with prices to compare, 28 are needed"):
        worth_of_inputs(panel, N_DAYS - 20, lambda: make_forecaster(settings))
