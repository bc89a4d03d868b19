"""What forecasting one day costs once a model is fitted.

Its features, all that comes after them, and absorbing the day.

    python -m benchmarks.forecasts.serving --data ../shared/data [--market NP] [--days 30] [--json]

CPU milliseconds on one thread, median and best over some days. The kernel weights are fitted by a single step
of the gradient and few days are walked at the fit, for serving costs the same whatever they are. Features are
the history with the day, and the tables that the members read.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import numpy as np
import typer
import yaml

from desk.benchmark.data import read_epf_market
from desk.screen.console import JsonFlag, emit
from resources.home.find import TEMPLATES
from spot.contracts.panel import DeliveryPanel
from spot.forecast.days.features import extended_history
from spot.forecast.engine.forecaster import GaussianProcessEnsemble
from spot.forecast.gp.bank import GaussianBank
from spot.forecast.members import load_settings_mapping, make_forecaster
from spot.forecast.trees.residual import ResidualTable

TEST_DAYS = 728


def serving(
    *,
    data: Annotated[Path, typer.Option(help="Folder with the open-access benchmark.")],
    market: Annotated[str, typer.Option(help="NP, PJM, BE, FR or DE.")] = "NP",
    days: Annotated[int, typer.Option(min=1, help="Days to forecast and absorb.")] = 30,
    as_json: JsonFlag = False,
) -> None:
    """One row per profile of the engine."""
    panel = read_epf_market(data, market)
    rows = [_row(profile, panel, days) for profile in ("fast", "standard", "best")]
    emit(
        rows,
        as_json=as_json,
        title=f"CPU ms to serve one day of {market} after {len(panel) - TEST_DAYS} days of history",
    )


def _row(profile: str, panel: DeliveryPanel, days: int) -> dict[str, Any]:
    document = yaml.safe_load((TEMPLATES / "conf" / "models" / f"{profile}.yaml").read_text())
    if "gradient" in document:
        document |= {"gradient": {**document["gradient"], "steps": 1}, "calibration_days": 28}
    first = len(panel) - TEST_DAYS
    model = make_forecaster(load_settings_mapping(document)).fit(panel.first(first))
    assert isinstance(model, GaussianProcessEnsemble)  # the three profiles are the engine's
    spent = np.array([_one_day(model, panel, row) for row in range(first, first + days)]) * 1e3
    figures = {
        "features_ms": spent[:, 1],
        "after_features_ms": spent[:, 0] - spent[:, 1],
        "whole_ms": spent[:, 0],
        "absorb_ms": spent[:, 2],
    }
    middle = {name: round(float(np.median(values)), 1) for name, values in figures.items()}
    return {
        "profile": profile,
        **middle,
        "best_after_features_ms": round(float(figures["after_features_ms"].min()), 1),
    }


def _one_day(model: GaussianProcessEnsemble, panel: DeliveryPanel, row: int) -> tuple[float, float, float]:
    """CPU seconds of the whole forecast, of the features within it, and of absorbing the day."""
    known, features = panel.known_at_gate(row), _Stopwatch()
    with (
        patch("spot.forecast.hourly_forecaster.extended_history", features.around(extended_history)),
        patch.object(GaussianBank, "last_day", features.around(GaussianBank.last_day)),
        patch.object(ResidualTable, "__init__", features.around(ResidualTable.__init__)),
    ):
        begun = time.process_time()
        model.predict(known)
        predicted = time.process_time()
    model.update(panel.first(row + 1))
    return predicted - begun, features.seconds, time.process_time() - predicted


class _Stopwatch:
    """CPU seconds spent in some functions."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            begun = time.process_time()
            result = function(*given, **named)
            self.seconds += time.process_time() - begun
            return result

        return timed


if __name__ == "__main__":
    typer.run(serving)
