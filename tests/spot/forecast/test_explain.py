"""Explanations name what really moved the forecast."""

from dataclasses import replace

import numpy as np
import pytest

from spot.errors import ForecastError
from spot.forecast.explain import explain
from spot.forecast.members import load_settings_mapping, make_forecaster
from spot.forecast.trees.forecaster import CatBoostForecaster
from tests.spot.forecast.test_members import SMALL
from tests.support.panels import made_up_panel


@pytest.mark.parametrize("name", ["engine", "catboost", "engine_with_all"])
def test_a_storm_is_explained_by_wind(name: str) -> None:
    panel = made_up_panel(130, noise=1.0)
    inputs = {key: values.copy() for key, values in panel.inputs.items()}
    inputs["wind_forecast_mw"][120] = 30_000 + np.linspace(0, 500, inputs["wind_forecast_mw"].shape[1])
    model = make_forecaster(load_settings_mapping(SMALL[name])).fit(panel.first(115))
    told = explain(model, replace(panel, inputs=inputs).known_at_gate(120))
    families = [family for family, _ in told.strongest(3)]
    assert "wind_forecast_mw" in families or "residual load" in families
    assert dict(told.strongest(10))["wind_forecast_mw"] < 0
    assert told.delivery_day == panel.days[120].astype(object)


def test_the_most_similar_day_is_the_same_day_seen_before() -> None:
    panel = made_up_panel(130)
    inputs = {key: values.copy() for key, values in panel.inputs.items()}
    prices = panel.prices.copy()
    for values in (prices, *inputs.values()):
        values[120 - 14 : 121] = values[120 - 42 : 121 - 28]
    twin = replace(panel, prices=prices, inputs=inputs)
    model = make_forecaster(load_settings_mapping(SMALL["engine"])).fit(twin.first(120))
    told = explain(model, twin.known_at_gate(120))
    assert told.similar_days[0].day == panel.days[120 - 28].astype(object)
    assert 0 < told.similar_days[0].likeness <= 1


def test_shap_values_add_up_to_the_forecast() -> None:
    panel = made_up_panel(130)
    model = make_forecaster(load_settings_mapping(SMALL["catboost"])).fit(panel.first(120))
    author, history = model.self_or_stand_in(panel.known_at_gate(120))
    assert isinstance(author, CatBoostForecaster)
    told = np.sum(list(author.shap_contributions(history).values()), axis=0)
    point = model.predict(panel.known_at_gate(120)).point
    # What remains is the price of a usual day, the same at every hour.
    assert np.ptp(point - told) < 1e-3 * np.ptp(point)


def test_the_naive_forecast_names_the_day_it_repeats_and_lear_refuses() -> None:
    panel = made_up_panel(80)
    naive = make_forecaster(load_settings_mapping({"kind": "naive", "rule": "weekly"})).fit(panel.first(79))
    assert [day.day for day in explain(naive, panel.known_at_gate(79)).similar_days] == [
        panel.days[72].astype(object)
    ]
    lear = make_forecaster(load_settings_mapping(SMALL["lear"])).fit(panel.first(79))
    with pytest.raises(ForecastError):
        explain(lear, panel.known_at_gate(79))
