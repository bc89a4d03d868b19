"""The place of a price in its forecast distribution, and the price at a place.

Between two levels the distribution is linear. Beyond its ends it falls off exponentially, with the scale that
the two outermost levels give on each side. So a price far outside has a place of its own.
"""

import numpy as np

from spot.arrays import Floats
from spot.contracts.forecast_tables import QUANTILE_COLUMNS

LEVELS = np.array(list(QUANTILE_COLUMNS))
"""(L,) the levels of a forecast, ascending."""
_LEAST_SCALE = 1e-6
"""Scale of a tail whose two outermost quantiles are equal, EUR/MWh."""


def places(quantiles: Floats, prices: Floats) -> Floats:
    """(N,) place of each of `prices` (N,) in its own distribution `quantiles` (N, L), between 0 and 1.

    NaN where the price or a quantile is not finite. Where quantiles are equal, the place is in their middle.
    """
    below = (quantiles < prices[:, None]).sum(axis=1)
    up_to = (quantiles <= prices[:, None]).sum(axis=1)
    is_level = up_to > below
    left = np.maximum(np.where(is_level, below, below - 1), 0)
    right = np.minimum(np.where(is_level, up_to - 1, below), len(LEVELS) - 1)
    rows = np.arange(len(prices))
    width = quantiles[rows, right] - quantiles[rows, left]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = np.where(width > 0, (prices - quantiles[rows, left]) / width, 0.5)
        inside = LEVELS[left] + share * (LEVELS[right] - LEVELS[left])
        low, high = _scales(quantiles)
        under = LEVELS[0] * np.exp((prices - quantiles[:, 0]) / low)
        over = 1.0 - (1.0 - LEVELS[-1]) * np.exp((quantiles[:, -1] - prices) / high)
    found = np.where(up_to == 0, under, np.where(below == len(LEVELS), over, inside))
    return np.where(np.isfinite(prices + quantiles.sum(axis=1)), found, np.nan)


def prices_at(quantiles: Floats, at: Floats) -> Floats:
    """(N, P) prices at the places `at` (N, P), each strictly between 0 and 1, of `quantiles` (P, L)."""
    low, high = _scales(quantiles)
    inside = np.stack([np.interp(at[:, unit], LEVELS, row) for unit, row in enumerate(quantiles)], axis=1)
    under = quantiles[:, 0] + low * np.log(np.minimum(at / LEVELS[0], 1.0))
    over = quantiles[:, -1] - high * np.log(np.minimum((1.0 - at) / (1.0 - LEVELS[-1]), 1.0))
    return np.where(at < LEVELS[0], under, np.where(at > LEVELS[-1], over, inside))


def _scales(quantiles: Floats) -> tuple[Floats, Floats]:
    """Scales (N,) of the lower and the upper exponential tail, EUR/MWh."""
    low = (quantiles[:, 1] - quantiles[:, 0]) / np.log(LEVELS[1] / LEVELS[0])
    high = (quantiles[:, -1] - quantiles[:, -2]) / np.log((1.0 - LEVELS[-2]) / (1.0 - LEVELS[-1]))
    return np.maximum(low, _LEAST_SCALE), np.maximum(high, _LEAST_SCALE)
