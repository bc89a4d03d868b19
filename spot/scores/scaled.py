"""Errors in units of what the seasonal naive forecast missed in the past, comparable between markets.

MASE: Hyndman and Koehler (2006), "Another look at measures of forecast accuracy". Its counterpart for
quantiles, SQL, and the average over rolling days are those of fev-bench (Shchur et al., 2025).
"""

import numpy as np

from spot.arrays import Floats
from spot.errors import ContractError
from spot.scores.scores import absolute_errors, pinball_losses


def daily_scales(prices: Floats, n_days: int) -> Floats:
    """Mean absolute change from one day to the next over all days before each of the last `n_days`.

    Args:
        prices: (D, P), in EUR/MWh or the market's currency, without gaps.
        n_days: how many days at the end are scored, at most D - 2.

    Returns:
        (n_days,) in the unit of the prices.

    Raises:
        ContractError: fewer than two days stand before the first scored one.
    """
    first = len(prices) - n_days
    if n_days < 1 or first < 2:
        raise ContractError(f"{len(prices)} days of prices: scaled errors of {n_days} days need {n_days + 2}")
    changes = np.abs(np.diff(prices, axis=0)).mean(axis=1)
    return np.array([changes[: row - 1].mean() for row in range(first, len(prices))])


def mean_scaled_error(actual: Floats, point: Floats, scales: Floats) -> float:
    """MASE: mean absolute error over the scale of each day.

    Prices (D, P) and scales (D,) are in EUR/MWh; the result has no unit.
    """
    return float(np.mean(absolute_errors(actual, point) / scales[:, None]))


def scaled_quantile_loss(
    actual: Floats, quantiles: Floats, levels: tuple[float, ...], scales: Floats
) -> float:
    """SQL: twice the mean pinball loss of quantiles over the scale of each day.

    Prices (D, P), quantiles (D, P, Q) and scales (D,) are in EUR/MWh; the result has no unit.

    Raises:
        ContractError: the shape of `quantiles` does not fit the outcomes, (D, P), and the Q levels.
    """
    losses = pinball_losses(actual, quantiles, levels).mean(axis=2)
    return float(np.mean(2 * losses / scales[:, None]))
