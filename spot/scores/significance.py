"""Tests of whether one forecaster is better than another or only lucky.

They compare daily losses, with autocorrelation-robust variances.

Sources: Diebold and Mariano (1995), "Comparing predictive accuracy"; Giacomini and White (2006), "Tests of
conditional predictive ability"; Newey and West (1987) for the variance; Lago et al. (2021) for the use of one
loss per day, all periods together.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import chdtrc, ndtr

from spot.arrays import Floats
from spot.errors import ContractError

Alternative = Literal["a_better", "two_sided"]
MINIMUM_DAYS = 10
"""Fewest days that a test is made on. Chosen by hand; not tuned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """Outcome of a test of equal accuracy. If `mean_difference` is negative, `a` has the smaller loss."""

    __test__ = False  # not a test class of pytest

    statistic: float
    p_value: float
    mean_difference: float
    """Mean of loss a minus loss b, in the unit of the losses."""
    n_days: int
    n_lags: int
    """Lags of the Newey-West variance."""


def daily_differences(loss_a: Floats, loss_b: Floats) -> Floats:
    """Daily mean loss of `a` minus that of `b`; days that lack either are left out.

    Args:
        loss_a: (D,) or (D, P) losses, NaN where there is none.
        loss_b: the same shape.

    Raises:
        ContractError: shapes differ, or fewer than 10 days have both losses.
    """
    a, b = np.asarray(loss_a, dtype=np.float64), np.asarray(loss_b, dtype=np.float64)
    if a.shape != b.shape or a.ndim not in (1, 2):
        raise ContractError(
            f"losses have shapes {a.shape} and {b.shape}: both must be (days,) or (days, periods)"
        )
    difference = (a - b).reshape(len(a), -1)
    known = np.isfinite(difference)
    has_day = known.any(axis=1)
    daily = np.where(known, difference, 0.0)[has_day].sum(axis=1) / known[has_day].sum(axis=1)
    if len(daily) < MINIMUM_DAYS:
        raise ContractError(
            f"a test of accuracy needs at least {MINIMUM_DAYS} days with both losses, got {len(daily)}"
        )
    return np.asarray(daily, dtype=np.float64)


def default_lags(n_days: int) -> int:
    """Newey and West's rule of thumb for the number of lags."""
    return int(4 * (n_days / 100) ** (2 / 9))


def long_run_covariance(series: Floats, n_lags: int) -> Floats:
    """Newey-West covariance (Bartlett weights) of a (D, K) series about its mean, positive semi-definite."""
    centred = series - series.mean(axis=0)
    n_days = len(centred)
    covariance = centred.T @ centred / n_days
    for lag in range(1, min(n_lags, n_days - 1) + 1):
        cross = centred[lag:].T @ centred[:-lag] / n_days
        covariance = covariance + (1 - lag / (n_lags + 1)) * (cross + cross.T)
    return np.asarray(covariance, dtype=np.float64)


def diebold_mariano(
    loss_a: Floats, loss_b: Floats, *, alternative: Alternative = "a_better", n_lags: int | None = None
) -> TestResult:
    """Diebold-Mariano test of equal accuracy on daily losses.

    Args:
        loss_a: (D,) or (D, P) losses of forecaster a.
        loss_b: the same of b.
        alternative: what a small p-value supports: that a has the smaller loss, or that they differ.
        n_lags: lags of the Newey-West variance; by default a rule of thumb on the number of days.
    """
    daily = daily_differences(loss_a, loss_b)
    lags = default_lags(len(daily)) if n_lags is None else n_lags
    mean = float(daily.mean())
    variance = float(long_run_covariance(daily[:, None], lags)[0, 0]) / len(daily)
    if variance <= (1e-12 * max(abs(mean), 1e-12)) ** 2:
        p_value = 1.0 if mean >= 0 and (alternative == "a_better" or mean == 0) else 0.0
        return TestResult(
            statistic=0.0 if mean == 0 else float(np.sign(mean) * np.inf),
            p_value=p_value,
            mean_difference=mean,
            n_days=len(daily),
            n_lags=lags,
        )
    statistic = mean / variance**0.5
    p_value = float(ndtr(statistic)) if alternative == "a_better" else float(2 * ndtr(-abs(statistic)))
    return TestResult(
        statistic=statistic, p_value=p_value, mean_difference=mean, n_days=len(daily), n_lags=lags
    )


def giacomini_white(
    loss_a: Floats, loss_b: Floats, *, alternative: Alternative = "a_better", n_lags: int | None = None
) -> TestResult:
    """Giacomini-White test of equal conditional accuracy, from losses `(days, periods)`.

    It asks whether yesterday's difference, or a constant, predicts today's.

    With `alternative="a_better"` the p-value is 1 where a loses more on average, as the benchmark literature
    reports it.
    """
    daily = daily_differences(loss_a, loss_b)
    lags = default_lags(len(daily) - 1) if n_lags is None else n_lags
    mean = float(daily.mean())
    instruments = np.column_stack([np.ones(len(daily) - 1), daily[:-1]])
    moments = instruments * daily[1:, None]
    average = moments.mean(axis=0)
    # The pseudo-inverse keeps the test defined when the differences are constant and the two moments are
    # collinear.
    statistic = float(
        len(moments) * average @ np.linalg.pinv(long_run_covariance(moments, lags), hermitian=True) @ average
    )
    p_value = float(chdtrc(instruments.shape[1], statistic))
    if alternative == "a_better" and mean >= 0:
        p_value = 1.0
    return TestResult(
        statistic=statistic, p_value=p_value, mean_difference=mean, n_days=len(daily), n_lags=lags
    )
