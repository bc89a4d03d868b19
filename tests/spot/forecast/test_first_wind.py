"""What a bank absorbs by itself, and what only a retrain can learn: an input that has never varied."""

from datetime import date, timedelta

import numpy as np
import pytest

from spot.contracts.panel import DeliveryPanel
from spot.features.matrix import build_features, build_panel
from spot.forecast.engine.forecaster import GaussianProcessEnsemble
from spot.forecast.engine.settings import EngineSettings
from spot.market.delivery import days_between
from spot.simulation.market import simulate
from spot.simulation.scenarios import Scenario, ScenarioName

CHANGE = date(2025, 3, 10)
FIRST, LAST = CHANGE - timedelta(days=240), CHANGE + timedelta(days=41)
LEARNT_BEFORE, LEARNT_AFTER = CHANGE - timedelta(days=43), CHANGE + timedelta(days=6)
JUDGED = 28
"""Newest days, which neither model has learnt from."""


def market(scenario: ScenarioName, seed: int) -> DeliveryPanel:
    tables = simulate(
        "SK", FIRST - timedelta(days=8), LAST, seed=seed, scenarios=[Scenario(scenario, CHANGE)]
    ).tables
    features = build_features(tables, zone="SK", days=days_between(FIRST, LAST))
    return build_panel(features, tables["day_ahead_prices"], zone="SK")


def error(panel: DeliveryPanel, through: date) -> float:
    """Error of the judged days of a model fitted through a day, which absorbs the later ones, EUR/MWh."""
    n_fitted = (through - FIRST).days + 1
    model = GaussianProcessEnsemble(EngineSettings()).fit(panel.first(n_fitted))
    judged = model.walk_forward(panel, n_fitted)[-JUDGED:]
    return float(
        np.mean(
            [
                np.abs(forecast.point - prices[: len(forecast.point)]).mean()
                for forecast, prices in zip(judged, panel.prices[-JUDGED:], strict=True)
            ]
        )
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_a_retrain_reads_the_wind_that_the_older_model_has_no_input_for(seed: int) -> None:
    panel = market("wind_parks", seed)
    assert error(panel, LEARNT_AFTER) < 0.85 * error(panel, LEARNT_BEFORE)


def test_a_gas_shock_is_absorbed_without_a_retrain() -> None:
    panel = market("gas_shock", 1)
    assert error(panel, LEARNT_BEFORE) < 1.1 * error(panel, LEARNT_AFTER)
