"""How far the coming prices may be from a point forecast, from the errors of the days before.

Prices, points and quantiles are in EUR/MWh.
"""

import numpy as np

from spot.arrays import Floats
from spot.errors import ForecastError
from spot.forecast.conformal import Calibration, calibrate
from spot.forecast.days.features import WARM_UP_DAYS, FilledHistory
from spot.forecast.days.normalisation import mixed_spread, rolling_levels

_STALE_DAYS = 7
"""Days without any price after which a day is refused: every lag of a week would then be filled."""
_CENTRE_DAYS, _SPREAD_DAYS, _SPREAD_SHARE = 14, 28, 0.5
"""Days of the centre, days of the spread and its share in the levels in which errors are measured: those of
the bank's second window. Chosen by hand; not tuned.
"""


class ForecastWidth:
    """Quantiles around the point forecasts of one fitted model.

    It keeps the calibration of the absorbed days until another day is absorbed, and the levels of each day
    that it has seen: they rest on earlier days, so what is known stays.
    """

    def __init__(self, levels: tuple[float, ...], price_spread: float) -> None:
        """`price_spread` is that of the days of the fit, EUR/MWh."""
        self._levels, self._price_spread = levels, price_spread
        self._centre: Floats = np.empty(0)
        self._spread: Floats = np.empty(0)
        self._calibration: Calibration | None = None

    def prepare(self, history: FilledHistory, points: Floats) -> None:
        """Calibrate on all absorbed days: `history`, and the forecasts `points` (D, 24) made for them."""
        self._calibration = self._calibrate(history, points)

    def day_absorbed(self) -> None:
        """The next quantiles need another calibration."""
        self._calibration = None

    def forget_levels_from(self, n_days: int) -> None:
        """Keep the levels of the first `n_days` only: prices before later days may yet come or change."""
        self._centre, self._spread = self._centre[:n_days], self._spread[:n_days]

    def quantiles(self, history: FilledHistory, point: Floats, points: Floats, *, absorbed: bool) -> Floats:
        """(24, Q) quantiles of the last day of `history` around its point forecast (24,).

        `points` (n, 24) are the forecasts of the first n days, which are all `absorbed` ones or not.

        Raises:
            ForecastError: no price of the last week is known.
        """
        if absorbed:
            calibration = self._calibration = self._calibration or self._calibrate(history, points)
        else:
            calibration = self._calibrate(history, points)
        centre, spread = self._levels_of(history)
        last = len(history) - 1
        return calibration.around(point, centre=centre[last], spread=spread[last], widening=widening(history))

    def _calibrate(self, history: FilledHistory, points: Floats) -> Calibration:
        """What the forecasts `points` (n, 24) of the first n days of `history` say of the next error."""
        rows = slice(WARM_UP_DAYS, len(points))
        centre, spread = self._levels_of(history)
        return calibrate(
            history.grid.prices[rows],
            points[rows],
            centre=centre[rows],
            spread=spread[rows],
            levels=self._levels,
        )

    def _levels_of(self, history: FilledHistory) -> tuple[Floats, Floats]:
        """(D,) centre and spread in which errors are measured."""
        n_known = len(self._centre)
        if n_known < len(history):
            rows = slice(n_known, len(history))
            centre = rolling_levels(history.prices, _CENTRE_DAYS, rows).centre
            recent = rolling_levels(history.prices, _SPREAD_DAYS, rows).spread
            spread = mixed_spread(recent, self._price_spread, _SPREAD_SHARE)
            self._centre = np.concatenate([self._centre, centre])
            self._spread = np.concatenate([self._spread, spread])
        return self._centre, self._spread


def widening(history: FilledHistory) -> float:
    """How many times wider a forecast of the last day is because the newest prices are missing.

    Raises:
        ForecastError: no price of the last week is known.
    """
    known = np.flatnonzero(history.is_known[:-1])
    n_missing = len(history) - 2 - int(known[-1]) if len(known) else len(history)
    if n_missing >= _STALE_DAYS:
        raise ForecastError(
            f"{history.grid.zone} {history.grid.days[-1]}: the newest known price is {n_missing + 1} days old"
        )
    return float(np.sqrt(1 + n_missing))
