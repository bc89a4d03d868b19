"""Circular block bootstrap of a mean.

It tells how certain it is that the mean of daily P&L, whose days are correlated, differs from a value.

Source: Politis and Romano, "A circular block-resampling procedure for stationary data", 1992.

The values have any unit, such as EUR a day; the result has the same.
"""

from dataclasses import dataclass

import numpy as np

from spot.arrays import Floats
from spot.errors import ContractError


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapResult:
    """A mean and its resampling distribution. Units are those of the values."""

    mean: float
    low: float
    """Lower end of the central 90 % interval."""
    high: float
    p_not_above: float
    """p-value against a mean of the tested value or less. Small when the mean lies significantly above it."""
    p_not_below: float
    """p-value against a mean of the tested value or more. Small when the mean lies significantly below it."""
    n_days: int


def block_bootstrap(
    values: Floats, *, above: float = 0.0, block_days: int = 7, n_resamples: int = 2000, seed: int = 0
) -> BootstrapResult:
    """Resample the mean of daily `values` (D,) in circular blocks; deterministic for a seed.

    Raises:
        ContractError: fewer than two blocks of days, or a value that is not finite.
    """
    n_days = len(values)
    if n_days < 2 * block_days or not np.isfinite(values).all():
        raise ContractError(
            f"block bootstrap needs {2 * block_days} finite days, got {np.isfinite(values).sum()} of {n_days}"
        )
    random = np.random.default_rng(seed)
    n_blocks = -(-n_days // block_days)
    starts = random.integers(0, n_days, size=(n_resamples, n_blocks, 1))
    rows = ((starts + np.arange(block_days)) % n_days).reshape(n_resamples, -1)[:, :n_days]
    means = values[rows].mean(axis=1)
    mean = float(values.mean())
    # The resampled means spread around the sample's mean as the sample's mean spreads around the truth.
    # Shifted, they show the spread if the truth were `above`.
    under_null = means - mean + above
    return BootstrapResult(
        mean=mean,
        low=float(np.quantile(means, 0.05)),
        high=float(np.quantile(means, 0.95)),
        p_not_above=float((1 + (under_null >= mean).sum()) / (n_resamples + 1)),
        p_not_below=float((1 + (under_null <= mean).sum()) / (n_resamples + 1)),
        n_days=n_days,
    )
