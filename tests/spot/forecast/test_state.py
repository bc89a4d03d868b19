"""What a model keeps between calls to be fast never changes what it says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from spot.contracts.panel import DeliveryPanel
from spot.errors import ForecastError
from spot.forecast.explain import Explanation, explain
from spot.forecast.interface import PriceForecast
from spot.forecast.members import forecaster_from_files, load_settings_mapping, make_forecaster
from tests.spot.forecast.test_members import SMALL, fitted
from tests.support.panels import made_up_panel

PROFILES = Path(__file__).parents[3] / "resources/home/templates/conf/models"


def assert_same(first: PriceForecast, second: PriceForecast) -> None:
    assert np.array_equal(first.point, second.point)
    assert np.array_equal(first.quantiles, second.quantiles)


def assert_same_reasons(first: Explanation, second: Explanation) -> None:
    assert first.similar_days == second.similar_days
    assert list(first.contributions_eur_per_mwh) == list(second.contributions_eur_per_mwh)
    for family, values in first.contributions_eur_per_mwh.items():
        assert np.array_equal(values, second.contributions_eur_per_mwh[family])


def with_wind(panel: DeliveryPanel, row: int | slice, factor: float) -> DeliveryPanel:
    inputs = {key: values.copy() for key, values in panel.inputs.items()}
    inputs["wind_forecast_mw"][row] *= factor
    return replace(panel, inputs=inputs)


@pytest.mark.parametrize("profile", ["standard", "best"])
def test_a_reloaded_profile_forecasts_and_explains_bit_for_bit_the_same(profile: str) -> None:
    settings = yaml.safe_load((PROFILES / f"{profile}.yaml").read_text(encoding="utf-8"))
    panel = made_up_panel(124)
    model = make_forecaster(
        load_settings_mapping({**settings, "gradient": {"steps": 2}, "calibration_days": 28})
    ).fit(panel.first(115))
    model.update(panel.first(120))
    twin = forecaster_from_files(model.to_files())
    for row in (120, 122):
        assert_same(model.predict(panel.known_at_gate(row)), twin.predict(panel.known_at_gate(row)))
        assert_same_reasons(explain(model, panel.known_at_gate(row)), explain(twin, panel.known_at_gate(row)))


@pytest.mark.parametrize("name", ["lear", "engine", "engine_with_all"])
def test_what_is_done_ahead_changes_nothing(name: str) -> None:
    """`update` prepares for the day after it.

    A model that absorbs the same days on the way to a forecast has prepared nothing.
    """
    panel = made_up_panel(100)
    ahead, behind = fitted(name, panel.first(90)), fitted(name, panel.first(90))
    for row in (93, 97):
        ahead.update(panel.first(row))
        assert_same(ahead.predict(panel.known_at_gate(row)), behind.predict(panel.known_at_gate(row)))


@pytest.mark.parametrize("name", ["lear", "engine", "engine_with_all"])
def test_a_question_leaves_no_trace(name: str) -> None:
    """Other inputs of the day, a walk-forward and an explanation in between.

    The next answers are those of a model that was asked nothing.
    """
    panel = made_up_panel(100)
    asked, left_alone = fitted(name, panel.first(90)), fitted(name, panel.first(90))
    asked.walk_forward(with_wind(panel, slice(90, 96), 1.5), 90)
    asked.predict(with_wind(panel, 90, 2.0).known_at_gate(90))
    if name != "lear":
        explain(asked, with_wind(panel, 90, 0.5).known_at_gate(90))
    for row in (90, 91, 95):
        assert_same(asked.predict(panel.known_at_gate(row)), left_alone.predict(panel.known_at_gate(row)))


def test_a_walk_forward_that_is_refused_half_way_leaves_no_trace() -> None:
    panel = made_up_panel(100)
    asked, left_alone = fitted("engine", panel.first(88)), fitted("engine", panel.first(88))
    otherwise = panel.prices.copy()
    otherwise[88:90] += 40.0
    otherwise[90:] = np.nan
    with pytest.raises(ForecastError, match="days old"):
        asked.walk_forward(replace(panel, prices=otherwise), 88)
    assert_same(asked.predict(panel.known_at_gate(92)), left_alone.predict(panel.known_at_gate(92)))


@pytest.mark.parametrize("name", SMALL)
def test_a_reloaded_model_can_be_fitted_anew(name: str) -> None:
    panel = made_up_panel(100)
    twin = forecaster_from_files(fitted(name, panel.first(96)).to_files()).fit(panel.first(80))
    fresh = fitted(name, panel.first(80))
    for row in (80, 84):
        assert_same(twin.predict(panel.known_at_gate(row)), fresh.predict(panel.known_at_gate(row)))


@pytest.mark.parametrize("name", ["engine", "catboost"])
def test_a_day_without_an_input_is_explained_without_it(name: str) -> None:
    panel = made_up_panel(100)
    holed = with_wind(panel, 92, np.nan)
    told = explain(fitted(name, panel.first(90)), holed.known_at_gate(92))
    without = replace(panel, inputs={"load_forecast_mw": panel.inputs["load_forecast_mw"]})
    assert "wind_forecast_mw" not in told.contributions_eur_per_mwh
    assert_same_reasons(told, explain(fitted(name, without.first(92)), without.known_at_gate(92)))
