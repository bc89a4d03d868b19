"""Why a forecast is what it is.

It shows which past days the day resembles, and what each family of inputs adds, in EUR/MWh.

Each member explains its own forecast (`HourlyForecaster.forecast_parts`). The engine's bank is explained by
its kernel, which gives the nearest past days, and by occlusion: a family of features is set to its mean over
the last four weeks, and the change of the forecast is its contribution. CatBoost is explained by exact SHAP
values (Lundberg et al., 2020). Contributions are those of clock hours. They say what the model did, not what
caused the price. Where a day lacks an input, the explanation is that of the stand-in model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.forecast.hourly_forecaster import HourlyForecaster
from spot.forecast.one_thread import one_thread

N_SIMILAR_DAYS = 5
"""Similar days that are shown to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarDay:
    """A past day, its similarity to the forecast day between 0 and 1, and its mean price."""

    day: date
    likeness: float
    mean_price_eur_per_mwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a day's forecast is what it is."""

    zone: str
    delivery_day: date
    model: str
    contributions_eur_per_mwh: Mapping[str, Floats]
    """Family of inputs to (24,) its contribution to each clock hour, against a usual day."""
    similar_days: tuple[SimilarDay, ...]

    def strongest(self, n: int = 3) -> list[tuple[str, float]]:
        """The `n` families with the largest mean contribution by size, and that mean, EUR/MWh."""
        means = {name: float(values.mean()) for name, values in self.contributions_eur_per_mwh.items()}
        return sorted(means.items(), key=lambda item: -abs(item[1]))[:n]


@one_thread()
def explain(forecaster: HourlyForecaster[Any], panel: DeliveryPanel) -> Explanation:
    """The explanation of the forecast that `forecaster` makes of the last day of `panel`.

    Raises:
        ForecastError: the forecaster cannot forecast the day, or cannot be explained.
    """
    author, history = forecaster.self_or_stand_in(panel)
    parts = author.forecast_parts(history)
    similar: list[SimilarDay] = []
    if parts.likeness is not None:
        for row in np.argsort(-parts.likeness)[:N_SIMILAR_DAYS]:
            if parts.likeness[row] > 0:
                mean = float(history.prices[row].mean())
                similar.append(
                    SimilarDay(
                        day=history.grid.days[row].astype(object),
                        likeness=float(parts.likeness[row]),
                        mean_price_eur_per_mwh=mean,
                    )
                )
    return Explanation(
        zone=panel.zone,
        delivery_day=panel.last_day,
        model=forecaster.name,
        contributions_eur_per_mwh=parts.contributions,
        similar_days=tuple(similar),
    )
