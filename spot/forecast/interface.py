"""The one interface of all price forecasters, and the one shape of their forecasts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.errors import ForecastError

QUANTILE_LEVELS: tuple[float, ...] = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
"""Levels that every forecast table holds; the 80 % interval is 0.1 to 0.9, the 95 % interval 0.025 to
0.975.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceForecast:
    """Quantiles and a point forecast of one zone's prices on one delivery day.

    Shapes: P periods of the day, Q levels. Prices in EUR/MWh (or the currency of the market in a benchmark).
    """

    zone: str
    delivery_day: date
    resolution_minutes: int
    levels: tuple[float, ...]
    quantiles: Floats
    """(P, Q), finite and ascending along Q."""
    point: Floats
    """(P,), finite."""

    def __post_init__(self) -> None:
        where = f"forecast of {self.zone} for {self.delivery_day}"
        if self.quantiles.shape != (len(self.point), len(self.levels)):
            raise ForecastError(
                f"{where}: quantiles have shape {self.quantiles.shape}, expected"
                f" {(len(self.point), len(self.levels))}"
            )
        if not (np.isfinite(self.quantiles).all() and np.isfinite(self.point).all()):
            raise ForecastError(f"{where}: not finite")
        if (np.diff(self.quantiles, axis=1) < 0).any():
            raise ForecastError(f"{where}: quantiles cross")


@runtime_checkable
class PriceForecaster(Protocol):
    """A probabilistic day-ahead price model of one zone.

    `fit` learns from a panel whose every row has its outcome. `predict` takes a panel whose last row is the
    day to forecast, without prices (`DeliveryPanel.known_at_gate`). The rows before it continue the panel of
    `fit`. Rows newer than the last absorbed day are absorbed first, so predicting day after day costs updates
    and never a refit. `update` absorbs past days. A forecaster whose inputs do not allow a sound forecast of
    a day raises `ForecastError`.
    """

    name: ClassVar[str]

    def fit(self, history: DeliveryPanel) -> Self:
        """Learn from `history` alone; returns self."""
        ...

    def update(self, history: DeliveryPanel) -> Self:
        """Absorb the days of `history` that are newer than those absorbed before, without refitting.

        Returns self.
        """
        ...

    def predict(self, panel: DeliveryPanel) -> PriceForecast:
        """Forecast the last day of `panel`.

        Raises:
            ForecastError: the inputs do not allow a sound forecast.
        """
        ...

    def to_files(self) -> Mapping[str, bytes]:
        """The model as named files: JSON, npz and CatBoost's own format only."""
        ...

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """The model of `to_files`, equal bit for bit in every later forecast.

        Raises:
            ModelIntegrityError: a file is missing or unreadable.
        """
        ...
