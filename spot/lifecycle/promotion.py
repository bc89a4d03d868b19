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

from spot.arrays import Floats
from spot.contracts.words import PolicyAction
from spot.errors import ContractError
from spot.lifecycle.evidence import Evidence, check_lengths, evidence_rows, money_differences
from spot.lifecycle.promotion_settings import PromotionSettings
from spot.lifecycle.promotion_tests import (
    SAME_MONEY,
    TestName,
    TestOutcome,
    better_test,
    conditional_test,
    in_words,
    money_test,
    worse_test,
)
from spot.lifecycle.sanity import SanityVerdict

Stage = Literal["candidate", "challenger"]
PINNED = "the serving version is pinned"
"""Begins the reason for which a version waits that would replace a pinned one."""


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
    check_lengths(evidence)
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


def held_by_pin(verdict: PromotionVerdict, pinned: str) -> PromotionVerdict:
    """The verdict where the serving version is pinned: nothing replaces it before a person releases it.

    Args:
        verdict: on the version that would replace it.
        pinned: who pinned the serving version and why; empty where nobody did.
    """
    if not pinned or verdict.action != "promote":
        return verdict
    return _changed(verdict, "await_sign_off", f"{PINNED} ({pinned})")


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
    worse = worse_test(candidate, other, settings, level=settings.worse_level)
    better = better_test(candidate, other, settings, level=settings.error_level)
    tests = (worse, better, conditional_test(candidate, other))
    if worse.is_significant:
        return judged(
            action="reject",
            reasons=(f"significantly worse: {in_words(worse)}",),
            tests=tests,
        )
    if not settings.requires_shadow and better.is_significant:
        return judged(
            action="promote",
            reasons=(f"significantly better: {in_words(better)}",),
            tests=tests,
        )
    return judged(
        action="to_challenger",
        reasons=(f"sane and not significantly worse: {in_words(worse)}",),
        tests=tests,
        next_look_after_days=settings.looks[0],
    )


def _judge_challenger(evidence: Evidence, settings: PromotionSettings) -> PromotionVerdict:
    if evidence.champion_losses is None:
        raise ContractError("a challenger is judged against a champion: none was given")
    comparable = evidence_rows(evidence)
    candidate, champion = evidence.candidate_losses[comparable], evidence.champion_losses[comparable]
    money = money_differences(evidence, comparable)
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
        worse = worse_test(ours, theirs, settings, level=level)
        better = better_test(ours, theirs, settings, level=level)
        tests += [worse, better, conditional_test(ours, theirs)]
        if worse.is_significant:
            return _summary(
                "reject",
                f"significantly worse: {in_words(worse)}",
                tests,
                candidate[:look],
                champion[:look],
                money,
            )
        if not better.is_significant:
            continue
        cash, text = money_test(money, look, settings)
        tests += [cash] if cash else []
        if text:
            continue
        money_words = (
            SAME_MONEY
            if cash is None or cash.value == 0
            else f"{settings.money_must_be.replace('_', ' ')} in money ({in_words(cash)})"
        )
        reason = f"better in error ({in_words(better)}); {money_words}"
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
