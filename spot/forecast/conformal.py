"""Quantiles from the past errors of a point forecast.

Errors are taken in transformed prices and divided by a scale that follows recent errors. They are pooled over
neighbouring hours and the last two years. Their empirical quantiles times today's scale are today's
quantiles. Sources: Vovk, Gammerman and Shafer (2005) for the idea; Kath and Ziel (2021), "Conformal
prediction interval estimation and applications to day-ahead and intraday power markets", for its use on
prices.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from spot.arrays import Floats
from spot.forecast.days.normalisation import restore, transform

CALIBRATION_DAYS = 728
"""Newest days whose errors are used. Two years and a memory of a week, against one year and a fortnight,
lower the pinball loss by 0.1 to 0.6 % (docs/forecasting.md, "What helped and what did not").
"""
MINIMUM_DAYS = 14
"""Fewest days with errors. Before them the quantiles would be noise. Chosen by hand; not tuned."""
_SCALE_DAYS = 80
"""Days before those in `CALIBRATION_DAYS` from which the first scale is made. Chosen by hand; not tuned."""
_DAY_MEMORY, _HOUR_MEMORY = 7, 30
"""Days over which the size of errors is averaged, over all hours of a day and hour by hour. Measured together
with `CALIBRATION_DAYS`.
"""
_MIRRORED = 0.5
"""Share of the quantiles of the mirrored errors. Half of the skew of a pool of errors is chance. Measured
together with `CALIBRATION_DAYS`.
"""
_FLOOR = 1e-3
"""Smallest scale, in transformed prices, against division by zero."""


def exponential_mean(values: Floats, memory: int) -> Floats:
    """(D + 1, H) exponentially weighted mean of the rows before each row.

    The last row is that of the coming day.
    """
    start = values[:MINIMUM_DAYS].mean(axis=0)
    decay = 1 - 1 / memory
    smooth, _ = lfilter([1 / memory], [1.0, -decay], values, axis=0, zi=(decay * start)[None])
    return np.concatenate([start[None], smooth])


def error_scales(errors: Floats) -> Floats:
    """(D + 1, 24) typical size of the error of each day and hour, from the days before it.

    A day without errors does not change it.
    """
    is_known = np.isfinite(errors).any(axis=1)
    if not is_known.any():
        return np.ones((len(errors) + 1, errors.shape[1]))
    size = np.abs(errors[is_known])
    size = np.where(np.isfinite(size), size, np.nanmedian(size))
    day = exponential_mean(size.mean(axis=1, keepdims=True), _DAY_MEMORY)
    hour = exponential_mean(size, _HOUR_MEMORY)
    scales = np.sqrt(np.maximum(day, _FLOOR) * np.maximum(hour, _FLOOR))
    return np.asarray(scales[np.concatenate([[0], np.cumsum(is_known)])])


def scaled_error_quantiles(scaled: Floats, levels: tuple[float, ...]) -> Floats:
    """(24, Q) quantiles of scaled errors, (n, 24), each hour pooled with its neighbours.

    Half are from mirrored errors. The fewer the days, the wider the quantiles.
    """
    n_days, n_hours = scaled.shape
    neighbours = np.clip(np.arange(n_hours)[:, None] + np.array([-1, 0, 1]), 0, n_hours - 1)
    pool = scaled[:, neighbours].transpose(1, 0, 2).reshape(n_hours, -1)
    wanted = np.asarray(levels)
    pools = np.sort(pool, axis=1)
    quantiles = np.stack(
        [
            (1 - _MIRRORED) * _quantiles(hour, wanted) - _MIRRORED * _quantiles(hour, 1 - wanted)
            for hour in pools
        ]
    )
    return np.asarray(quantiles * (1 + 3 / n_days))


def _quantiles(ascending: Floats, levels: Floats) -> Floats:
    """(Q,) linear quantiles of an ascending vector whose NaN are at its end."""
    n_known = len(ascending) - int(np.isnan(ascending[-1]) and np.isnan(ascending).sum())
    place = levels * (n_known - 1)
    below = np.minimum(place.astype(np.int64), n_known - 2)
    share = place - below
    return np.asarray(ascending[below] * (1 - share) + ascending[below + 1] * share)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What past errors say about the next one, in transformed prices."""

    scale: Floats
    """(24,) typical size of the error of each hour of the coming day."""
    quantiles: Floats
    """(24, Q) quantiles of errors over their scale."""

    def around(self, target: Floats, *, centre: float, spread: float, widening: float = 1.0) -> Floats:
        """(24, Q) ascending price quantiles around the point forecast `target`, (24,), of the coming day.

        Args:
            target: EUR/MWh.
            centre: centre of the transformation on that day, EUR/MWh.
            spread: its spread, EUR/MWh.
            widening: factor on all distances from the point. It is above 1 where the day's inputs are less
                certain than those of the past.
        """
        here = transform(target[None], np.array([centre]), np.array([spread]))[0]
        transformed = here[:, None] + widening * self.scale[:, None] * self.quantiles
        n_levels = self.quantiles.shape[1]
        return np.sort(
            restore(transformed.T, np.repeat(centre, n_levels), np.repeat(spread, n_levels)).T, axis=1
        )


def calibrate(
    prices: Floats, points: Floats, *, centre: Floats, spread: Floats, levels: tuple[float, ...]
) -> Calibration:
    """What past errors say about the next forecast.

    Errors are those of the forecasts `points` (n, 24) against the outcomes `prices` (n, 24).

    Args:
        prices: outcomes of past days in order, NaN where unknown.
        points: the forecasts made for them, each from the days before it.
        centre: (n,) centre of the transformation of each day.
        spread: (n,) its spread.
        levels: the Q levels, ascending.
    """
    is_known = np.isfinite(prices - points).any(axis=1)
    rows = np.flatnonzero(is_known)[-CALIBRATION_DAYS - _SCALE_DAYS :]
    errors = transform(prices[rows], centre[rows], spread[rows]) - transform(
        points[rows], centre[rows], spread[rows]
    )
    scales = error_scales(errors)
    return Calibration(scales[-1], scaled_error_quantiles((errors / scales[:-1])[-CALIBRATION_DAYS:], levels))
