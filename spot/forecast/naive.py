"""The naive forecasts: yesterday's price, or that of the same day last week.

All other members are measured against them.
"""

from typing import ClassVar, Literal

import numpy as np

from spot.arrays import Days, Floats, Ints
from spot.forecast.days.features import FilledHistory
from spot.forecast.hourly_forecaster import ForecasterSettings, HourlyForecaster
from spot.forecast.parts import ForecastParts
from spot.market.clock import weekdays


class NaiveSettings(ForecasterSettings):
    """`weekly`: the price seven days before.

    `daily`: one day before. `mixed`: one day before from Tuesday to Friday, else seven.
    """

    kind: Literal["naive"] = "naive"
    rule: Literal["weekly", "daily", "mixed"] = "weekly"


class NaiveForecaster(HourlyForecaster[NaiveSettings]):
    """Repeats a past day. Its quantiles come from its past errors."""

    name: ClassVar[str] = "naive"
    settings_type: ClassVar[type[ForecasterSettings]] = NaiveSettings
    reads_inputs: ClassVar[bool] = False

    def _learn(self, history: FilledHistory) -> Floats:
        lag = self._lags(history.grid.days)
        rows = np.arange(len(history))
        points = history.prices[np.maximum(rows - lag, 0)]
        points[rows < lag] = np.nan
        return np.asarray(points)

    def _next_day(self, history: FilledHistory) -> Floats:
        row = len(history) - 1
        return np.asarray(history.prices[row - int(self._lags(history.grid.days[-1:])[0])])

    def forecast_parts(self, history: FilledHistory) -> ForecastParts:
        """The day that the forecast repeats, with similarity 1."""
        likeness = np.zeros(len(history) - 1)
        likeness[len(history) - 1 - int(self._lags(history.grid.days[-1:])[0])] = 1.0
        return ForecastParts(likeness=likeness)

    def _lags(self, days: Days) -> Ints:
        weekday = weekdays(days)
        if self.settings.rule == "mixed":
            return np.where(np.isin(weekday, (0, 5, 6)), 7, 1)
        return np.full(len(days), 7 if self.settings.rule == "weekly" else 1)
