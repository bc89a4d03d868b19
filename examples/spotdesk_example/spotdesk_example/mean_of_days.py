"""A model: the mean price of the same hour over the last days."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from spot.arrays import Floats
from spot.forecast.days.features import FilledHistory
from spot.forecast.hourly_forecaster import ForecasterSettings, HourlyForecaster


class MeanSettings(ForecasterSettings):
    """`n_days`: days before the forecast one that are averaged."""

    kind: Literal["example_mean"] = "example_mean"
    n_days: int = Field(default=7, ge=1, le=28)


class MeanOfDays(HourlyForecaster[MeanSettings]):
    """Forecasts the 24 clock hours; the base makes quantiles and market time units of them."""

    name: ClassVar[str] = "example_mean"
    settings_type: ClassVar[type[ForecasterSettings]] = MeanSettings

    def _learn(self, history: FilledHistory) -> Floats:
        points = np.full((len(history), 24), np.nan)
        for row in range(self.settings.n_days, len(history)):
            points[row] = self._mean_before(history, row)
        return points

    def _next_day(self, history: FilledHistory) -> Floats:
        return self._mean_before(history, len(history) - 1)

    def _mean_before(self, history: FilledHistory, row: int) -> Floats:
        """(24,) mean of the days before `row`, whose own price is not read."""
        return np.asarray(history.prices[row - self.settings.n_days : row].mean(axis=0))
