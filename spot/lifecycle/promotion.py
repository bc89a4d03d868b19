"""The verdict on a model version: candidate to challenger to champion, and never without evidence.

A *candidate* is judged by its sanity and by a walk-forward over recent days it never saw: it may not be
significantly worse than the champion on the same days. A *challenger* runs in shadow; at looks fixed in
advance its ledger is tested: better in error by more than a margin (Diebold-Mariano with the small-sample
correction of Harvey, Leybourne and Newbold, 1997, and one for differences that last), and not worse in money
(block bootstrap). Looking again and again is paid for: the level is split over the looks (Bonferroni
spending, valid however the looks depend on each other). Each look reads exactly its own days, so the verdict
does not depend on when or how often it is asked.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
from pydantic import Field
from scipy.special import stdtr

from spot.arrays import Floats, Ints
from spot.contracts.words import PolicyAction
from spot.errors import ContractError
from spot.lifecycle.bootstrap import block_bootstrap
from spot.lifecycle.sanity import SanitySettings, SanityVerdict
from spot.scores.significance import diebold_mariano, giacomini_white
from spot.strict_settings import StrictSettings

Stage = Literal["candidate", "challenger"]
_LONGEST_MEMORY = 0.9
"""Largest correlation of neighbouring days that is assumed. Beyond it, a few weeks say nothing. Chosen by
hand; not tuned.
"""
SAME_MONEY = "cannot tell in money: both traded the same"
"""Where the P&L of both is equal to the cent on every day. It is not worse, and says nothing more."""
_CENT_EUR = 0.005
"""Half a cent, EUR: a smaller difference of daily P&L is rounding."""


class PromotionSettings(StrictSettings):
    """The limits of every promotion, as read from `conf/promotion.yaml`."""

    minimum_walk_forward_days: int = Field(default=14, ge=10)
    requires_shadow: bool = Field(
        default=True, description="off: a candidate significantly better on its walk-forward serves at once"
    )
    worse_level: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        description="one-sided level at which a version counts as significantly worse",
    )
    first_champion_maximum_rmae: float = Field(
        default=1.0, gt=0, description="without a champion, a candidate must beat the weekly naive"
    )
    minimum_shadow_days: int = Field(default=14, ge=10)
    look_every_days: int = Field(default=14, ge=1)
    maximum_shadow_days: int = Field(
        default=56, ge=10, description="a challenger that has not won by then expires"
    )
    error_level: float = Field(default=0.05, gt=0, lt=0.5, description="over all looks together")
    error_scale: Literal["relative", "absolute"] = "relative"
    """Relative: each day's losses count in units of their mean on that day, so that one scarcity day is one
    day and no more. The plain means must agree with the test in any case.
    """
    error_margin: float = Field(
        default=0.01, ge=0, lt=0.5, description="share of the champion's loss that a better model must save"
    )
    money_level: float = Field(default=0.10, gt=0, lt=0.5, description="level of the test on P&L")
    money_must_be: Literal["not_worse", "better"] = "not_worse"
    block_days: int = Field(default=7, ge=1)
    maximum_missing_share: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="days on which the challenger had no forecast and the champion had",
    )
    sign_off_zones: tuple[str, ...] = Field(
        default=(), description="zones where a second person signs before a version serves"
    )
    sign_off_days: int = Field(
        default=28,
        ge=1,
        description="a challenger that has won and that nobody signed within so many days expires",
    )
    sanity: SanitySettings = SanitySettings()

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of shadow days after which the ledger is tested."""
        return tuple(range(self.minimum_shadow_days, self.maximum_shadow_days + 1, self.look_every_days))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Both versions on the same consecutive delivery days, (D,) each.

    NaN where a version had no forecast or the outcome is missing.

    Losses are daily means in EUR/MWh (absolute error or pinball), P&L is EUR per day of paper or real
    trading.
    """

    candidate_losses: Floats
    champion_losses: Floats | None
    naive_losses: Floats | None = None
    candidate_pnl_eur: Floats | None = None
    champion_pnl_eur: Floats | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionVerdict:
    """What to do with a version, and why."""

    action: PolicyAction
    reasons: tuple[str, ...]
    tests: tuple[TestOutcome, ...] = ()
    n_days: int = 0
    candidate_loss: float | None = None
    champion_loss: float | None = None
    pnl_difference_eur: float | None = None
    next_look_after_days: int | None = None
    sanity: SanityVerdict | None = field(default=None)

    def p_value(self, name: TestName) -> float | None:
        """P-value of the newest test called `name`, None when it was not made."""
        return next((test.p_value for test in reversed(self.tests) if test.name == name), None)


def decide_promotion(
    evidence: Evidence,
    *,
    stage: Stage,
    settings: PromotionSettings,
    sanity: SanityVerdict | None,
    zone: str = "",
    signed_off_by: str | None = None,
) -> PromotionVerdict:
    """The verdict on a candidate or challenger.

    Args:
        evidence: the walk-forward days of a candidate, or the shadow days of a challenger from its first on.
        stage: which of the two.
        settings: the limits.
        sanity: of the candidate; a candidate without it is rejected.
        zone: for zones where a second person signs.
        signed_off_by: who signed.

    Raises:
        ContractError: arrays of different lengths.
    """
    _check_lengths(evidence)
    verdict = (
        _judge_candidate(evidence, settings, sanity)
        if stage == "candidate"
        else _judge_challenger(evidence, settings)
    )
    if verdict.action == "promote" and zone in settings.sign_off_zones and not signed_off_by:
        if stage == "challenger" and len(evidence_rows(evidence)) >= verdict.n_days + settings.sign_off_days:
            return _changed(verdict, "expire", f"nobody signed within {settings.sign_off_days} days")
        return _changed(verdict, "await_sign_off", f"zone {zone} asks for the sign-off of a second person")
    return verdict


def evidence_rows(evidence: Evidence) -> Ints:
    """Rows of the evidence that count, `(n,)`, ascending.

    A day that the champion could not forecast says nothing about its rival.
    """
    return np.flatnonzero(
        np.isfinite(
            evidence.candidate_losses if evidence.champion_losses is None else evidence.champion_losses
        )
    )


def unit_of_test(name: str) -> str:
    """Unit of the mean difference of a test."""
    return "EUR per day" if name in MONEY_TESTS else "EUR/MWh"


def _judge_candidate(  # noqa: PLR0911 - a policy reads as its cases
    evidence: Evidence, settings: PromotionSettings, sanity: SanityVerdict | None
) -> PromotionVerdict:
    if sanity is None:
        return PromotionVerdict(action="reject", reasons=("no sanity checks were made",))
    if not sanity.is_sane:
        return PromotionVerdict(action="reject", reasons=sanity.reasons, sanity=sanity)
    reference = evidence.naive_losses if evidence.champion_losses is None else evidence.champion_losses
    if reference is None:
        return PromotionVerdict(
            action="reject",
            reasons=("neither a champion nor a naive forecast to compare with",),
            sanity=sanity,
        )
    both = np.isfinite(evidence.candidate_losses) & np.isfinite(reference)
    n_missing = int((np.isfinite(reference) & ~np.isfinite(evidence.candidate_losses)).sum())
    n_days = int(both.sum())
    if n_days < settings.minimum_walk_forward_days:
        text = f"walk-forward of {n_days} days, {settings.minimum_walk_forward_days} needed"
        return PromotionVerdict(action="reject", reasons=(text,), n_days=n_days, sanity=sanity)
    candidate, other = evidence.candidate_losses[both], reference[both]
    judged = partial(
        PromotionVerdict,
        n_days=n_days,
        candidate_loss=float(candidate.mean()),
        champion_loss=float(other.mean()),
        sanity=sanity,
    )
    if n_missing > settings.maximum_missing_share * (n_days + n_missing):
        return judged(action="reject", reasons=(f"no forecast on {n_missing} days",))
    if evidence.champion_losses is None:
        ratio = float(candidate.mean() / other.mean())
        action: PolicyAction = "promote" if ratio <= settings.first_champion_maximum_rmae else "reject"
        text = (
            f"first champion: {ratio:.2f} of the weekly naive's error, limit"
            f" {settings.first_champion_maximum_rmae:g}"
        )
        return judged(action=action, reasons=(text,), champion_loss=None)
    worse = _worse_test(candidate, other, settings, level=settings.worse_level)
    better = better_test(candidate, other, settings, level=settings.error_level)
    tests = (worse, better, _giacomini_white(candidate, other))
    if worse.is_significant:
        return judged(
            action="reject",
            reasons=(f"significantly worse: {_words(worse)}",),
            tests=tests,
        )
    if not settings.requires_shadow and better.is_significant:
        return judged(
            action="promote",
            reasons=(f"significantly better: {_words(better)}",),
            tests=tests,
        )
    return judged(
        action="to_challenger",
        reasons=(f"sane and not significantly worse: {_words(worse)}",),
        tests=tests,
        next_look_after_days=settings.looks[0],
    )


def _judge_challenger(evidence: Evidence, settings: PromotionSettings) -> PromotionVerdict:
    if evidence.champion_losses is None:
        raise ContractError("a challenger is judged against a champion: none was given")
    comparable = evidence_rows(evidence)
    candidate, champion = evidence.candidate_losses[comparable], evidence.champion_losses[comparable]
    money = _money_differences(evidence, comparable)
    tests: list[TestOutcome] = []
    level = settings.error_level / len(settings.looks)
    for look in (look for look in settings.looks if look <= len(candidate)):
        n_missing = int((~np.isfinite(candidate[:look])).sum())
        if n_missing > settings.maximum_missing_share * look:
            return _summary(
                "reject",
                f"no forecast on {n_missing} of {look} days",
                tests,
                candidate[:look],
                champion[:look],
                money,
            )
        known = np.isfinite(candidate[:look])
        ours, theirs = candidate[:look][known], champion[:look][known]
        worse = _worse_test(ours, theirs, settings, level=level)
        better = better_test(ours, theirs, settings, level=level)
        tests += [worse, better, _giacomini_white(ours, theirs)]
        if worse.is_significant:
            return _summary(
                "reject",
                f"significantly worse: {_words(worse)}",
                tests,
                candidate[:look],
                champion[:look],
                money,
            )
        if not better.is_significant:
            continue
        cash, text = _money_test(money, look, settings)
        tests += [cash] if cash else []
        if text:
            continue
        money_words = (
            SAME_MONEY
            if cash is None or cash.value == 0
            else f"{settings.money_must_be.replace('_', ' ')} in money ({_words(cash)})"
        )
        reason = f"better in error ({_words(better)}); {money_words}"
        return _summary("promote", reason, tests, candidate[:look], champion[:look], money)
    n_days = len(candidate)
    if n_days >= settings.looks[-1]:
        return _summary(
            "expire",
            f"no significant gain within {settings.looks[-1]} days",
            tests,
            candidate,
            champion,
            money,
        )
    following = next(look for look in settings.looks if look > n_days)
    verdict = _summary(
        "keep_challenger",
        f"{n_days} days of evidence, next look after {following}",
        tests,
        candidate,
        champion,
        money,
    )
    return _changed(verdict, "keep_challenger", "", next_look=following)


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


def _worse_test(
    candidate: Floats, champion: Floats, settings: PromotionSettings, *, level: float
) -> TestOutcome:
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
    `benchmarks/promotion.py` measures the level that is left.
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


def _giacomini_white(ours: Floats, theirs: Floats) -> TestOutcome:
    """Reported beside the deciding test: is the gain foreseeable."""
    result = giacomini_white(ours, theirs)
    return TestOutcome(
        name="giacomini_white",
        n_days=result.n_days,
        p_value=result.p_value,
        level=0.05,
        value=result.mean_difference,
    )


def _money_differences(evidence: Evidence, comparable: Ints) -> Floats | None:
    if evidence.candidate_pnl_eur is None or evidence.champion_pnl_eur is None:
        return None
    return np.asarray((evidence.candidate_pnl_eur - evidence.champion_pnl_eur)[comparable], dtype=np.float64)


def _money_test(
    money: Floats | None, look: int, settings: PromotionSettings
) -> tuple[TestOutcome | None, str]:
    """The test on money at a look, and why it forbids promotion (empty when it does not)."""
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


def _summary(
    action: PolicyAction,
    reason: str,
    tests: list[TestOutcome],
    ours: Floats,
    theirs: Floats,
    money: Floats | None,
) -> PromotionVerdict:
    known = np.isfinite(ours)
    cash = None if money is None else money[: len(ours)]
    return PromotionVerdict(
        action=action,
        reasons=(reason,),
        tests=tuple(tests),
        n_days=len(ours),
        candidate_loss=float(ours[known].mean()) if known.any() else None,
        champion_loss=float(theirs[known].mean()) if known.any() else None,
        pnl_difference_eur=None if cash is None else float(np.nansum(cash)),
    )


def _changed(
    verdict: PromotionVerdict, action: PolicyAction, reason: str, *, next_look: int | None = None
) -> PromotionVerdict:
    return PromotionVerdict(
        action=action,
        reasons=(*verdict.reasons, reason) if reason else verdict.reasons,
        tests=verdict.tests,
        n_days=verdict.n_days,
        candidate_loss=verdict.candidate_loss,
        champion_loss=verdict.champion_loss,
        pnl_difference_eur=verdict.pnl_difference_eur,
        next_look_after_days=next_look or verdict.next_look_after_days,
        sanity=verdict.sanity,
    )


def _difference(ours: Floats, theirs: Floats) -> float:
    return float((ours - theirs).mean())


def _words(test: TestOutcome) -> str:
    return (
        f"{test.name} {test.value:+.3g} {unit_of_test(test.name)} over {test.n_days} days,"
        f" p={test.p_value:.2g}, level {test.level:.2g}"
    )


def _check_lengths(evidence: Evidence) -> None:
    others = (
        evidence.champion_losses,
        evidence.naive_losses,
        evidence.candidate_pnl_eur,
        evidence.champion_pnl_eur,
    )
    n_days = len(evidence.candidate_losses)
    if evidence.candidate_losses.ndim != 1 or any(
        array is not None and array.shape != (n_days,) for array in others
    ):
        raise ContractError("promotion evidence: all arrays hold one value per day of the same days")
