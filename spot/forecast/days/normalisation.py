"""Local normalisation of prices: subtract a recent median, divide by a recent spread, compress the tails.

The target of day t is asinh((price - c_t) / s_t). c_t is the median of all prices of the days before, s_t
mixes the recent median absolute deviation with that of the whole history. Source of the transformation:
Uniejewski, Weron and Ziel (2018), "Variance stabilizing transformations for electricity spot price
forecasting".
"""

from dataclasses import dataclass

import numpy as np

from spot.arrays import Floats

NORMAL_MAD = 0.6745
"""Median absolute deviation of a standard normal variable."""
MAX_TRANSFORMED = 8.0
"""Largest transformed price, by size: sinh(8) is 1,490 spreads. Beyond it a forecast is absurd, and its
inverse would overflow.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingLevels:
    """Median, scaled median absolute deviation and mean of the prices of the `window` days before each row.

    Shapes (n,).
    """

    centre: Floats
    spread: Floats
    mean: Floats


def rolling_levels(prices: Floats, window: int, rows: slice) -> RollingLevels:
    """Levels for the days `rows` of filled prices, (D, 24). The price of a row itself is never used.

    The first row of all has no past. Its level is that of its own day, and no forecaster uses it.
    """
    start, stop, _ = rows.indices(len(prices) + 1)
    centre, spread, mean = (np.empty(stop - start) for _ in range(3))
    for i, day in enumerate(range(start, stop)):
        block = prices[max(0, day - window) : max(day, 1)].ravel()
        centre[i] = _median(block.copy())
        spread[i] = _median(np.abs(block - centre[i])) / NORMAL_MAD
        mean[i] = block.mean()
    return RollingLevels(centre=centre, spread=spread, mean=mean)


def _median(values: Floats) -> float:
    """Median of a vector that may be overwritten.

    It is `np.median` without its checks, which cost more than the median of a week.
    """
    half = len(values) // 2
    if len(values) % 2:
        values.partition(half)
        return float(values[half])
    values.partition((half - 1, half))
    return float((values[half - 1] + values[half]) / 2)


def mixed_spread(spread: Floats, whole_spread: float, share: float) -> Floats:
    """Geometric mean, `(days,)`, of the recent `spread` and the spread of the whole window.

    `share` is the weight of the recent spread, which counts as at least a tenth of the whole.
    """
    return np.asarray(
        np.exp(share * np.log(np.maximum(spread, 0.1 * whole_spread)) + (1 - share) * np.log(whole_spread))
    )


def transform(prices: Floats, centre: Floats, spread: Floats) -> Floats:
    """asinh((price - centre) / spread), for (n, 24) prices and (n,) levels."""
    return np.asarray(np.arcsinh((prices - centre[:, None]) / spread[:, None]))


def restore(transformed: Floats, centre: Floats, spread: Floats) -> Floats:
    """The prices, EUR/MWh, of transformed values `(days, 24)`, with centre and spread per day, `(days,)`.

    The inverse of `transform` within +-MAX_TRANSFORMED.
    """
    return np.asarray(
        np.sinh(np.clip(transformed, -MAX_TRANSFORMED, MAX_TRANSFORMED)) * spread[:, None] + centre[:, None]
    )
