"""The shape inside the hour: how far each quarter lies from the mean of its hour.

The level of an hour is learnt from all history. The shape is learnt from days with quarters only. It is a
ridge regression per hour and quarter on the steps of the hourly curve to its neighbours, shrunk towards plain
interpolation of that curve. Before any quarter was seen, it is that interpolation with a wide error.
"""

from dataclasses import dataclass

import numpy as np

from spot.arrays import Floats, Ints
from spot.forecast.days.clock_grid import ClockGrid
from spot.market.clock import HOURS, QUARTERS_PER_HOUR

_MEMORY_DAYS = 60
"""Half-life of a day's weight. Chosen by hand; not tuned."""
_LEARNING_DAYS = 240
"""Newest days with quarters that are used: four half-lives, beyond which a day weighs under 7 %."""
_RIDGE = 4.0
"""Penalty of the slopes, in units of the mean squared step. Chosen by hand; not tuned."""
_PRIOR_DAYS = 7.0
"""Days that the prior variance of the error counts for. Chosen by hand; not tuned."""
_PRIOR_SHARE = 0.3
"""Prior standard deviation of the shape's error, in units of the usual step between hours. Chosen by hand;
not tuned.
"""
_SMALLEST_STEP = 0.1
"""Smallest usual step, EUR/MWh, so that flat prices do not give an interval of no width."""
_OFFSETS = (np.arange(QUARTERS_PER_HOUR) - 1.5) / QUARTERS_PER_HOUR


@dataclass(frozen=True, slots=True)
class IntraHourShape:
    """Deviation of each quarter (24, 4) and the standard deviation of its error (24, 4), EUR/MWh."""

    deviation: Floats
    error: Floats


def hourly_steps(curve: Floats) -> Floats:
    """A constant, the step from the hour before and the step to the hour after: `(days, 24, 3)`.

    `curve` holds prices of clock hours in EUR/MWh, `(days, 24)` or `(24,)`.
    """
    step = np.diff(curve, axis=-1)
    edge = np.zeros((*curve.shape[:-1], 1))
    return np.stack(
        [np.ones_like(curve), np.concatenate([edge, step], axis=-1), np.concatenate([step, edge], axis=-1)],
        axis=-1,
    )


def intra_hour_shape(grid: ClockGrid, curve: Floats) -> IntraHourShape:
    """The shape of a day whose hourly prices are forecast as `curve` (24,), from the days of `grid`."""
    complete = np.isfinite(grid.deviations).all(axis=(1, 2)) & np.isfinite(grid.prices).all(axis=1)
    rows = np.flatnonzero(complete)[-_LEARNING_DAYS:]
    recent = grid.prices[-_MEMORY_DAYS:]
    usual_step = (
        float(np.nan_to_num(np.nanmean(np.abs(np.diff(recent, axis=1))), nan=_SMALLEST_STEP))
        if np.isfinite(recent).any()
        else _SMALLEST_STEP
    )
    prior_variance = (max(usual_step, _SMALLEST_STEP) * _PRIOR_SHARE) ** 2
    slope = np.zeros((HOURS, 3, QUARTERS_PER_HOUR))
    slope[:, 1:] = _OFFSETS / 2
    variance = np.full((HOURS, QUARTERS_PER_HOUR), prior_variance)
    if len(rows):
        slope, variance = _learn(grid, rows, prior=slope, prior_variance=prior_variance)
    deviation = np.einsum("hk,hks->hs", hourly_steps(curve), slope)
    return IntraHourShape(deviation - deviation.mean(axis=1, keepdims=True), np.sqrt(variance))


def _learn(grid: ClockGrid, rows: Ints, *, prior: Floats, prior_variance: float) -> tuple[Floats, Floats]:
    """Slopes (24, 3, 4) and error variances (24, 4) from the days `rows`. Newer days have more weight."""
    age = (len(grid) - 1 - rows).astype(np.float64)
    weight = 0.5 ** (age / _MEMORY_DAYS)
    steps = hourly_steps(grid.prices[rows])
    target = grid.deviations[rows] - np.einsum("dhk,hks->dhs", steps, prior)
    scale = np.maximum(np.einsum("d,dhk->k", weight, steps**2) / (weight.sum() * HOURS), 1e-6)
    gram = np.einsum("d,dhi,dhj->hij", weight, steps, steps) + np.diag(_RIDGE * scale)
    moment = np.einsum("d,dhi,dhs->his", weight, steps, target)
    slope = prior + np.linalg.solve(gram, moment)
    error = grid.deviations[rows] - np.einsum("dhk,hks->dhs", steps, slope)
    total = np.einsum("d,dhs->hs", weight, error**2) + _PRIOR_DAYS * prior_variance
    return slope, np.asarray(total / (weight.sum() + _PRIOR_DAYS))
