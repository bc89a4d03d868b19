"""Scores of point and quantile forecasts over days and periods.

Definitions: Lago et al. (2021), "Forecasting day-ahead electricity prices" (MAE, rMAE, sMAPE, RMSE); Gneiting
and Raftery (2007), "Strictly proper scoring rules" (pinball, CRPS). All arrays are (D, P) or (D, P, Q);
periods without an outcome are NaN and are left out everywhere.

Prices and errors are in EUR/MWh, relative scores without unit.
"""

from dataclasses import dataclass

import numpy as np

from spot.arrays import Floats
from spot.errors import ContractError

PERCENTILES: tuple[float, ...] = tuple(round(i / 100, 2) for i in range(1, 100))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores of one forecaster on one market and span.

    Prices in EUR/MWh or the market's currency; shares are 0 to 1.
    """

    mae: float
    rmae: float
    """MAE over the MAE of the weekly naive forecast, on the same periods."""
    smape: float
    rmse: float
    pinball: float
    crps: float
    coverage_80: float
    coverage_95: float
    n_days: int


def absolute_errors(actual: Floats, point: Floats) -> Floats:
    """(D, P) absolute errors, NaN where there is no outcome."""
    return np.abs(actual - point)


def pinball_losses(actual: Floats, quantiles: Floats, levels: tuple[float, ...]) -> Floats:
    """Pinball losses, `(D, P, Q)`, of quantile forecasts at `levels`, in the unit of the prices.

    Args:
        actual: outcomes, `(D, P)`.
        quantiles: forecasts, `(D, P, Q)`.
        levels: the Q probabilities of the quantiles.

    Raises:
        ContractError: the shape of `quantiles` is not that of `actual` with one more axis of Q levels.
    """
    if quantiles.shape != (*actual.shape, len(levels)):
        raise ContractError(
            f"quantiles have shape {quantiles.shape}, expected {(*actual.shape, len(levels))}"
        )
    excess = actual[..., None] - quantiles
    level = np.asarray(levels)
    return np.asarray(np.maximum(level * excess, (level - 1) * excess), dtype=np.float64)


def percentiles_of(quantiles: Floats, levels: tuple[float, ...]) -> Floats:
    """Percentiles, `(D, P, 99)`, by linear interpolation between the levels of `quantiles`, `(D, P, Q)`.

    Beyond the outer levels, the outer segments are continued.
    """
    if levels == PERCENTILES:
        return quantiles
    known = np.asarray(levels)
    wanted = np.asarray(PERCENTILES)
    right = np.clip(np.searchsorted(known, wanted), 1, len(known) - 1)
    share = (wanted - known[right - 1]) / (known[right] - known[right - 1])
    return np.asarray(
        quantiles[..., right - 1] * (1 - share) + quantiles[..., right] * share, dtype=np.float64
    )


def coverage(actual: Floats, quantiles: Floats, levels: tuple[float, ...], nominal: float) -> float:
    """Share of outcomes, `(D, P)`, inside the central interval of `nominal` probability.

    The interval comes from `quantiles`, `(D, P, Q)`. Outcomes that are NaN do not count.

    Raises:
        ContractError: the interval's ends are not among the levels.
    """
    low, high = round((1 - nominal) / 2, 4), round((1 + nominal) / 2, 4)
    if low not in levels or high not in levels:
        raise ContractError(f"levels {low} and {high} of the {nominal:.0%} interval are not forecast")
    known = np.isfinite(actual)
    inside = (actual >= quantiles[..., levels.index(low)]) & (actual <= quantiles[..., levels.index(high)])
    return float(inside[known].mean())


def score_forecasts(
    actual: Floats, point: Floats, quantiles: Floats, *, levels: tuple[float, ...], naive: Floats
) -> Scores:
    """All scores of one forecaster. Pinball is the mean over the 99 percentiles, CRPS twice that.

    Args:
        actual: (D, P) outcomes, NaN where there is none.
        point: (D, P) point forecasts.
        quantiles: (D, P, Q) quantile forecasts at `levels`, which must hold 0.025, 0.1, 0.9 and 0.975.
        levels: the Q levels.
        naive: (D, P) the weekly naive forecast, the reference of rMAE.

    Raises:
        ContractError: there is no outcome at all.
    """
    known = np.isfinite(actual)
    if not known.any():
        raise ContractError("no period has an outcome, so the forecast cannot be scored")
    error = absolute_errors(actual, point)[known]
    yardstick = np.isfinite(naive) & known
    both = np.abs(actual[known]) + np.abs(point[known])
    pinball = float(
        np.mean(pinball_losses(actual[known], percentiles_of(quantiles[known], levels), PERCENTILES))
    )
    return Scores(
        mae=float(error.mean()),
        rmae=float(
            absolute_errors(actual, point)[yardstick].mean()
            / absolute_errors(actual, naive)[yardstick].mean()
        )
        if yardstick.any()
        else float("nan"),
        smape=float(np.mean(2 * error / np.maximum(both, 1e-9))),
        rmse=float(np.sqrt(np.mean(error**2))),
        pinball=pinball,
        crps=2 * pinball,
        coverage_80=coverage(actual, quantiles, levels, 0.8),
        coverage_95=coverage(actual, quantiles, levels, 0.95),
        n_days=int(known.any(axis=1).sum()),
    )
