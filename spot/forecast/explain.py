"""Why a forecast is what it is.

Which past days it resembles, and what each family of inputs adds, in EUR/MWh.

The engine's bank is explained by its kernel (the past days nearest to this one) and by occlusion: a family of
features is set to its mean over the last four weeks, and the change of the forecast is its contribution.
CatBoost is explained by exact SHAP values (Lundberg et al., 2020). Contributions are of clock hours; they say
what the model did, not what caused the price. Where a day lacks an input, what speaks is explained: the model
that stands in for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from spot.contracts.panel import DeliveryPanel
from spot.errors import ForecastError
from spot.forecast.days.clock_grid import Floats
from spot.forecast.engine.forecaster import GaussianProcessEnsemble
from spot.forecast.interface import PriceForecaster
from spot.forecast.naive import NaiveForecaster
from spot.forecast.one_thread import one_thread
from spot.forecast.trees.forecaster import CatBoostForecaster

N_SIMILAR_DAYS = 5
_FAMILIES = {
    "dow": "calendar",
    "hol": "calendar",
    "hol7": "calendar",
    "sea": "calendar",
    "trend": "calendar",
    "hour": "calendar",
    "weekday": "calendar",
}
_LEVELS = ("lev", "lev2", "mm")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarDay:
    """A past day, its likeness to the forecast one between 0 and 1, and its mean price."""

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
    """Family of inputs to (24,) what it adds to each clock hour against a usual day."""
    similar_days: tuple[SimilarDay, ...]

    def strongest(self, n: int = 3) -> list[tuple[str, float]]:
        """The `n` families with the largest mean contribution by size, and that mean, EUR/MWh."""
        means = {name: float(values.mean()) for name, values in self.contributions_eur_per_mwh.items()}
        return sorted(means.items(), key=lambda item: -abs(item[1]))[:n]


@one_thread()
def explain(forecaster: PriceForecaster, panel: DeliveryPanel) -> Explanation:
    """The explanation of the forecast that `forecaster` makes of the last day of `panel`.

    Raises:
        ForecastError: the forecaster cannot forecast the day, or cannot be explained.
    """
    if isinstance(forecaster, GaussianProcessEnsemble):
        engine, history = forecaster.self_or_stand_in(panel)
        parts = engine.bank_parts(history, family_of)
        contributions, likeness = parts.contributions, parts.likeness
    elif isinstance(forecaster, CatBoostForecaster):
        catboost, history = forecaster.self_or_stand_in(panel)
        contributions, likeness = _by_family(catboost.shap_contributions(history)), None
    elif isinstance(forecaster, NaiveForecaster):
        naive, history = forecaster.self_or_stand_in(panel)
        contributions, likeness = {}, naive.repeated_day(history)
    else:
        raise ForecastError(f"{forecaster.name} cannot be explained")
    similar: list[SimilarDay] = []
    if likeness is not None:
        for row in np.argsort(-likeness)[:N_SIMILAR_DAYS]:
            if likeness[row] > 0:
                mean = float(history.prices[row].mean())
                similar.append(
                    SimilarDay(
                        day=history.grid.days[row].astype(object),
                        likeness=float(likeness[row]),
                        mean_price_eur_per_mwh=mean,
                    )
                )
    return Explanation(
        zone=panel.zone,
        delivery_day=panel.last_day,
        model=forecaster.name,
        contributions_eur_per_mwh=contributions,
        similar_days=tuple(similar),
    )


def family_of(feature: str) -> str:
    """The family that a feature group or a column of the hour table belongs to."""
    name = feature.split(".", maxsplit=1)[0]
    if name in _FAMILIES:
        return _FAMILIES[name]
    if name in _LEVELS:
        return "price level"
    if name in ("r0", "r1"):
        return "residual load"
    for mark in ("@", "-"):
        if mark in name:
            return name.rpartition(mark)[0]
    return "prices of the days before"


def _by_family(columns: Mapping[str, Floats]) -> dict[str, Floats]:
    families: dict[str, Floats] = {}
    for name, values in columns.items():
        family = family_of(name)
        families[family] = families[family] + values if family in families else values
    return families
