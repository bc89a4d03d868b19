"""Prices of auctions that cleared before the gate: kept where they help, and nothing lost where they fail."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.forecast.members import forecaster_from_files, load_settings_mapping, make_forecaster
from tests.spot.forecast.test_members import SMALL, fitted
from tests.support.panels import made_up_panel

EARLIER = "earlier_price_swiss_eur_per_mwh"
N_FITTED, N_DAYS = 150, 165


def market(*, is_telling: bool = True) -> DeliveryPanel:
    """Days whose prices have a part that only the earlier auction knows."""
    panel = made_up_panel(N_DAYS, noise=1.0)
    rng = np.random.default_rng(0)
    hidden = rng.normal(0, 12, N_DAYS) if is_telling else np.zeros(N_DAYS)
    prices = panel.prices + hidden[:, None]
    told = prices if is_telling else np.full_like(prices, 70.0) + rng.normal(0, 20, N_DAYS)[:, None]
    return with_earlier(replace(panel, prices=prices), told + rng.normal(0, 1, prices.shape))


def with_earlier(panel: DeliveryPanel, prices: Floats) -> DeliveryPanel:
    return replace(panel, inputs={**panel.inputs, EARLIER: prices})


def alone(panel: DeliveryPanel) -> DeliveryPanel:
    return replace(panel, inputs={name: array for name, array in panel.inputs.items() if name != EARLIER})


def absent(panel: DeliveryPanel, first_row: int) -> DeliveryPanel:
    prices = panel.inputs[EARLIER].copy()
    prices[first_row:] = np.nan
    return with_earlier(panel, prices)


def error(model: Any, panel: DeliveryPanel) -> float:
    forecasts = model.walk_forward(panel, N_FITTED)
    points = np.array([forecast.point for forecast in forecasts])
    return float(np.abs(points - panel.prices[N_FITTED:]).mean())


@pytest.mark.parametrize(
    ("is_telling", "setting", "kept"),
    [(True, "if_better", True), (False, "if_better", False), (True, "never", False), (False, "always", True)],
)
def test_earlier_prices_are_kept_where_they_help(is_telling: bool, setting: str, kept: bool) -> None:
    settings = load_settings_mapping({**SMALL["engine"], "earlier_prices": setting})
    model = make_forecaster(settings).fit(market(is_telling=is_telling))
    assert (EARLIER in model.anchors.input_range) == kept


def test_what_the_earlier_auction_knows_lowers_the_error() -> None:
    panel = market()
    with_it = error(fitted("engine", panel.first(N_FITTED)), panel)
    without_it = error(fitted("engine", alone(panel).first(N_FITTED)), alone(panel))
    assert with_it < 0.6 * without_it


@pytest.mark.parametrize("name", ["engine", "engine_with_all"])
def test_a_zone_without_the_price_keeps_its_forecasts_to_the_last_bit(name: str) -> None:
    panel = alone(market())
    never_there = with_earlier(panel, np.full_like(panel.prices, np.nan))
    said = [
        fitted(name, one.first(N_FITTED)).predict(one.known_at_gate(N_FITTED)) for one in (panel, never_there)
    ]
    assert np.array_equal(said[0].point, said[1].point)
    assert np.array_equal(said[0].quantiles, said[1].quantiles)


@pytest.mark.parametrize("name", ["engine", "engine_with_all"])
def test_a_model_whose_price_does_not_come_is_as_good_as_the_one_without_it(name: str) -> None:
    panel = market()
    model = fitted(name, panel.first(N_FITTED))
    assert EARLIER in model.anchors.input_range
    missing, never = absent(panel, N_FITTED), alone(panel)
    without_it = error(fitted(name, never.first(N_FITTED)), never)
    assert error(model, missing) <= 1.005 * without_it


def test_the_price_of_a_later_day_changes_no_forecast() -> None:
    panel = market()
    model = fitted("engine", panel.first(N_FITTED))
    changed = panel.inputs[EARLIER].copy()
    changed[N_FITTED + 3 :] += 50.0
    forecasts = [model.walk_forward(one, N_FITTED) for one in (panel, with_earlier(panel, changed))]
    for row in range(3):
        assert np.array_equal(forecasts[0][row].point, forecasts[1][row].point)
    assert not np.allclose(forecasts[0][3].point, forecasts[1][3].point)


def test_a_stored_model_says_the_same() -> None:
    panel = market()
    model = fitted("engine_with_all", panel.first(N_FITTED))
    again = forecaster_from_files(model.to_files())
    at_gate = panel.known_at_gate(N_FITTED)
    assert np.allclose(again.predict(at_gate).point, model.predict(at_gate).point, atol=1e-6)


def test_each_earlier_auction_and_the_fuels_are_judged_apart() -> None:
    panel = market()
    rng = np.random.default_rng(3)
    noise = rng.normal(70, 20, panel.prices.shape)
    fuel = np.repeat(rng.normal(30, 5, len(panel))[:, None], panel.prices.shape[1], axis=1)
    others = {"earlier_price_noise_eur_per_mwh": noise, "fuel_gas_eur_per_mwh": fuel}
    model = fitted("engine", replace(panel, inputs={**panel.inputs, **others}).first(N_FITTED))
    verdicts = {one.names: one.is_kept for one in model.judged_inputs}
    assert list(verdicts) == [(EARLIER,), ("earlier_price_noise_eur_per_mwh",), ("fuel_gas_eur_per_mwh",)]
    assert verdicts[EARLIER,]
    assert not verdicts["earlier_price_noise_eur_per_mwh",]
    assert model.judged_inputs[0].lower_percent > 20
    assert set(model.anchors.input_range) >= {EARLIER}
