"""The tests of significance behind a promotion: error by Diebold-Mariano, P&L by block bootstrap."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtr

from spot.arrays import Floats
from spot.lifecycle.bootstrap import block_bootstrap
from spot.lifecycle.promotion_settings import PromotionSettings
from spot.scores.significance import diebold_mariano, giacomini_white

_LONGEST_MEMORY = 0.9
"""Largest correlation of neighbouring days that is assumed. Beyond it, a few weeks say nothing. Chosen by
hand; not tuned.
"""
SAME_MONEY = "cannot tell in money: both traded the same"
"""Where the P&L of both is equal to the cent on every day. It is not worse, and says nothing more."""
_CENT_EUR = 0.005
"""Half a cent, EUR: a smaller difference of daily P&L is rounding."""
TestName = Literal["error_better", "error_worse", "giacomini_white", "money_better", "money_worse"]
MONEY_TESTS: tuple[TestName, ...] = ("money_better", "money_worse")
"""Tests of P&L; the others compare errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestOutcome:
    """One test at one look."""

    __test__ = False  # not a test class of pytest

    name: TestName
    n_days: int
    p_value: float
    level: float
    value: float
    """Mean difference tested: EUR/MWh for errors, EUR per day for money."""

    @property
    def is_significant(self) -> bool:
        """Whether the p-value is below its level."""
        return self.p_value < self.level


def unit_of_test(name: str) -> str:
    """Unit of the mean difference of a test."""
    return "EUR per day" if name in MONEY_TESTS else "EUR/MWh"


def better_test(
    candidate: Floats, champion: Floats, settings: PromotionSettings, *, level: float
) -> TestOutcome:
    """Whether the candidate's daily losses (D,) are smaller by more than the margin.

    The champion's (D,) stand beside them.
    """
    ours, theirs = _scaled(candidate, champion, settings)
    value = _difference(candidate, champion)
    p_value = _p_better(ours, theirs * (1.0 - settings.error_margin)) if value < 0 else 1.0
    return TestOutcome(name="error_better", n_days=len(candidate), p_value=p_value, level=level, value=value)


def worse_test(
    candidate: Floats, champion: Floats, settings: PromotionSettings, *, level: float
) -> TestOutcome:
    """Whether the candidate's daily losses, `(D,)`, are larger than the champion's, `(D,)`."""
    ours, theirs = _scaled(candidate, champion, settings)
    value = _difference(candidate, champion)
    p_value = _p_better(theirs, ours) if value > 0 else 1.0
    return TestOutcome(name="error_worse", n_days=len(candidate), p_value=p_value, level=level, value=value)


def _scaled(candidate: Floats, champion: Floats, settings: PromotionSettings) -> tuple[Floats, Floats]:
    if settings.error_scale == "absolute":
        return candidate, champion
    size = np.maximum((candidate + champion) / 2.0, 1e-9)
    return candidate / size, champion / size


def _p_better(ours: Floats, theirs: Floats) -> float:
    """One-sided p-value that `ours` loses less than `theirs`.

    Diebold-Mariano with the small-sample correction and Student's t.

    On a few weeks the long-run variance can come out far too small by chance, and misses differences that
    last: the largest p-value of it, of the plain variance and of that of days that hang together counts.
    `benchmarks/lifecycle/promotion.py` measures the level that is left.
    """
    return max(
        _corrected_p(ours, theirs, None),
        _corrected_p(ours, theirs, 0),
        _p_of_lasting_differences(ours, theirs),
    )


def _p_of_lasting_differences(ours: Floats, theirs: Floats) -> float:
    """The same of a first-order autoregression.

    As few independent days as their correlation leaves (Bartlett, 1946; bias of Kendall, 1954).
    """
    difference = ours - theirs
    n, centred = len(difference), difference - difference.mean()
    squares = float(centred @ centred)
    if squares <= (1e-12 * max(abs(float(difference.mean())), 1e-12)) ** 2 * n:
        return 0.0  # a constant difference: the other tests say what it means
    found = float(centred[1:] @ centred[:-1]) / squares
    memory = min(max(found + (1.0 + 3.0 * found) / n, 0.0), _LONGEST_MEMORY)
    inflation = (1.0 + memory) / (1.0 - memory)
    error = (squares / (n - 1) / n * inflation) ** 0.5
    return float(stdtr(max(n / inflation, 2.0) - 1.0, difference.mean() / error))


def _corrected_p(ours: Floats, theirs: Floats, n_lags: int | None) -> float:
    result = diebold_mariano(ours, theirs, alternative="a_better", n_lags=n_lags)
    if not np.isfinite(result.statistic):
        return result.p_value
    n, h = result.n_days, result.n_lags + 1
    correction = max((n + 1 - 2 * h + h * (h - 1) / n) / n, 0.0) ** 0.5
    return float(stdtr(n - 1, result.statistic * correction))


def conditional_test(ours: Floats, theirs: Floats) -> TestOutcome:
    """Whether the gain can be foreseen, from daily losses `(D,)`. It is reported and decides nothing."""
    result = giacomini_white(ours, theirs)
    return TestOutcome(
        name="giacomini_white",
        n_days=result.n_days,
        p_value=result.p_value,
        level=0.05,
        value=result.mean_difference,
    )


def money_test(
    money: Floats | None, look: int, settings: PromotionSettings
) -> tuple[TestOutcome | None, str]:
    """The test on P&L at a look, and why it forbids promotion (empty when it does not).

    `money` is the candidate's less the champion's P&L, `(D,)`, EUR per day.
    """
    known = np.empty(0) if money is None else money[:look][np.isfinite(money[:look])]
    if len(known) < 2 * settings.block_days:
        return None, "no P&L of the shadow days to test"
    # pennies of rounding are no difference: resampling them would find one
    result = block_bootstrap(
        np.where(np.abs(known).max() < _CENT_EUR, 0.0, known), block_days=settings.block_days
    )
    if settings.money_must_be == "better":
        level = settings.money_level / len(settings.looks)
        test = TestOutcome(
            name="money_better", n_days=look, p_value=result.p_not_above, level=level, value=result.mean
        )
        return test, "" if test.is_significant else "P&L is not significantly better"
    test = TestOutcome(
        name="money_worse",
        n_days=look,
        p_value=result.p_not_below,
        level=settings.money_level,
        value=result.mean,
    )
    return test, "P&L is significantly worse" if test.is_significant else ""


def _difference(ours: Floats, theirs: Floats) -> float:
    return float((ours - theirs).mean())


def in_words(test: TestOutcome) -> str:
    """The test in words: difference, days, p-value and level."""
    return (
        f"{test.name} {test.value:+.3g} {unit_of_test(test.name)} over {test.n_days} days,"
        f" p={test.p_value:.2g}, level {test.level:.2g}"
    )
