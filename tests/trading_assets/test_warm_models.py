"""The daily tick moves a model on by a day.

It neither refits nor reloads, and says what a cold start would say.
"""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion, VersionFacts
from spot.forecast.engine.forecaster import GaussianProcessEnsemble
from spot.forecast.interface import PriceForecast
from spot.forecast.members import load_settings_mapping, make_forecaster
from tests.support.panels import made_up_panel
from workflows.forecasting.warm_models import give_back, take_forecaster

N_LEARNT = 80
SETTINGS = {
    "kind": "engine",
    "windows": [{"centre_days": 14, "spread_days": 28, "spread_share": 0.5, "centring_days": 0}],
}
PANEL = made_up_panel(90)
FIRST_DAY = PANEL.days[N_LEARNT].astype(object)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelRegistry, ModelVersion]:
    folder: Path = tmp_path_factory.mktemp("registry")
    registry = ModelRegistry(
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", artifact_folder=str(folder / "models")
    )
    registry.prepare()
    facts = VersionFacts(
        settings=SETTINGS,
        metrics={},
        fingerprint="warm",
        lineage="simulated",
        trained_from=PANEL.days[0].astype(object),
        trained_through=FIRST_DAY - timedelta(days=1),
        serves_from=FIRST_DAY,
        tags={},
    )
    files = make_forecaster(load_settings_mapping(SETTINGS)).fit(PANEL.first(N_LEARNT)).to_files()
    return registry, registry.register("DE_LU", files, facts)


def ticks(
    made: tuple[ModelRegistry, ModelVersion], n_days: int, *, is_warm: bool, panel: Any = PANEL
) -> tuple[list[PriceForecast], list[GaussianProcessEnsemble]]:
    """Forecasts of the days after the fit, one tick each, and the models that made them."""
    registry, version = made
    forecasts: list[PriceForecast] = []
    models: list[Any] = []
    for row in range(N_LEARNT, N_LEARNT + n_days):
        day: date = panel.days[row].astype(object)
        known = panel.rows(slice(N_LEARNT, row + 1)).known_at_gate(row - N_LEARNT)
        model = (
            take_forecaster(registry, version, known, day)
            if is_warm
            else registry.load(version.zone, version.version)[0]
        )
        forecasts.append(model.predict(known))
        if is_warm:
            give_back(registry, version, known, model, [day])
        models.append(model)
    return forecasts, models


def test_the_daily_tick_updates_and_never_refits(
    made: tuple[ModelRegistry, ModelVersion], monkeypatch: pytest.MonkeyPatch
) -> None:
    cold, _ = ticks(made, 4, is_warm=False)
    absorbed: list[Any] = []
    extend = GaussianProcessEnsemble._extend

    def noted(self: GaussianProcessEnsemble, day: Any, point: Any) -> Any:
        absorbed.append(day.days[0])
        return extend(self, day, point)

    monkeypatch.setattr(GaussianProcessEnsemble, "_extend", noted)
    monkeypatch.setattr(GaussianProcessEnsemble, "_learn", lambda *_: pytest.fail("a tick must not refit"))
    warm, models = ticks(made, 4, is_warm=True)
    assert len({id(model) for model in models}) == 1
    assert absorbed == list(PANEL.days[N_LEARNT : N_LEARNT + 3])
    for one, other in zip(warm, cold, strict=True):
        assert np.array_equal(one.quantiles, other.quantiles)


def test_a_revised_past_is_learnt_anew(made: tuple[ModelRegistry, ModelVersion]) -> None:
    _, models = ticks(made, 3, is_warm=True)
    prices = PANEL.prices.copy()
    prices[N_LEARNT] += 5.0
    revised = replace(PANEL, prices=prices)
    registry, version = made
    known = revised.rows(slice(N_LEARNT, N_LEARNT + 4)).known_at_gate(3)
    model = take_forecaster(registry, version, known, revised.days[N_LEARNT + 3].astype(object))
    assert model is not models[-1]
    assert np.array_equal(
        model.predict(known).point, registry.load(version.zone, version.version)[0].predict(known).point
    )
