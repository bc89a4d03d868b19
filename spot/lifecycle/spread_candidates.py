"""The verdict on a candidate of the spread model, from days that it never saw.

The candidate must pass its sanity checks and three tests on those days: it can be judged at all, it is not
clearly worse than past quantiles, and it is not significantly worse than the serving model (Diebold-Mariano
on daily pinball losses). The first model then serves. A later one goes into the shadow, where
`decide_promotion` judges it like a challenger of the price model.
"""

import numpy as np

from spot.arrays import Floats
from spot.contracts.words import PolicyAction
from spot.lifecycle.evidence import Evidence
from spot.lifecycle.promotion import PromotionVerdict
from spot.lifecycle.promotion_settings import PromotionSettings
from spot.lifecycle.promotion_tests import TestOutcome, better_test
from spot.lifecycle.sanity import SanityVerdict
from spot.scores.significance import MINIMUM_DAYS, diebold_mariano

MAX_LOSS_RATIO = 1.1
"""Largest pinball loss of a candidate, as a multiple of that of past quantiles, on days it never saw. Chosen
by hand; not tuned.
"""


def decide_spread_candidate(
    evidence: Evidence, settings: PromotionSettings, *, sanity: SanityVerdict | None, zone: str = ""
) -> PromotionVerdict:
    """`promote` the first one, `to_challenger` a later one, or `reject`, and why.

    `await_sign_off` stands for `promote` in zones where a second person signs.

    Args:
        evidence: daily pinball losses on days that the candidate never saw, EUR/MWh, NaN where a day has no
            spread: its own, those of plain quantiles of the past (`naive_losses`), and those of the model
                that serves, NaN on days that it learnt from; None where none serves.
        settings: for the levels of the tests, the looks of the shadow, and the zones where a second person
            signs.
        sanity: of the candidate as stored; without it, or with a failed check, it is rejected.
        zone: the model's.
    """
    if sanity is None or not sanity.is_sane:
        reasons = ("no sanity checks were made",) if sanity is None else sanity.reasons
        return PromotionVerdict(action="reject", reasons=reasons, sanity=sanity)
    if evidence.naive_losses is None:
        return _verdict("reject", "no past quantiles to compare with", evidence, sanity)
    judged = np.isfinite(evidence.candidate_losses) & np.isfinite(evidence.naive_losses)
    n_days = int(judged.sum())
    if n_days == 0:
        return _verdict(
            "reject", "no untouched day with a second price: it cannot be judged", evidence, sanity
        )
    ours, plain = (
        float(losses[judged].mean()) for losses in (evidence.candidate_losses, evidence.naive_losses)
    )
    beside = f"pinball loss {ours:.3f} beside {plain:.3f} of past quantiles on {n_days} days"
    if ours > MAX_LOSS_RATIO * plain:
        return _verdict("reject", f"{beside}: more than {MAX_LOSS_RATIO:g} times", evidence, sanity)
    if evidence.champion_losses is None:
        return _first(beside, evidence, settings, sanity, zone)
    return _beside_champion(beside, evidence, evidence.champion_losses, settings, sanity)


def _first(
    text: str, evidence: Evidence, settings: PromotionSettings, sanity: SanityVerdict, zone: str
) -> PromotionVerdict:
    if zone in settings.sign_off_zones:
        text = f"{text}; zone {zone} asks for the sign-off of a second person"
        return _verdict("await_sign_off", text, evidence, sanity)
    return _verdict("promote", f"first model of the spread: {text}", evidence, sanity)


def _beside_champion(
    text: str, evidence: Evidence, champion: Floats, settings: PromotionSettings, sanity: SanityVerdict
) -> PromotionVerdict:
    known = np.isfinite(evidence.candidate_losses) & np.isfinite(champion)
    ours, theirs = evidence.candidate_losses[known], champion[known]
    if len(ours) < MINIMUM_DAYS:  # too few days that neither saw: the shadow will tell
        return _verdict("to_challenger", text, evidence, sanity, next_look=settings.looks[0])
    worse = _worse_test(ours, theirs, settings.worse_level)
    if worse.is_significant:
        reason = (
            f"significantly worse than the model that serves: {worse.value:+.3f} EUR/MWh over {worse.n_days}"
            f" days, p={worse.p_value:.2g}"
        )
        return _verdict("reject", reason, evidence, sanity, (worse,))
    better = better_test(ours, theirs, settings, level=settings.error_level)
    text = f"{text}, and not significantly worse than the model that serves"
    if better.is_significant and not settings.requires_shadow:
        return _verdict("promote", text, evidence, sanity, (worse, better))
    return _verdict("to_challenger", text, evidence, sanity, (worse, better), next_look=settings.looks[0])


def _worse_test(ours: Floats, theirs: Floats, level: float) -> TestOutcome:
    result = diebold_mariano(theirs, ours, alternative="a_better")
    return TestOutcome(
        name="error_worse",
        n_days=result.n_days,
        p_value=result.p_value,
        level=level,
        value=-result.mean_difference,
    )


def _verdict(
    action: PolicyAction,
    reason: str,
    evidence: Evidence,
    sanity: SanityVerdict,
    tests: tuple[TestOutcome, ...] = (),
    *,
    next_look: int | None = None,
) -> PromotionVerdict:
    ours, theirs = evidence.candidate_losses, evidence.champion_losses
    known = np.isfinite(ours)
    return PromotionVerdict(
        action=action,
        reasons=(reason,),
        tests=tests,
        n_days=int(known.sum()),
        candidate_loss=float(ours[known].mean()) if known.any() else None,
        champion_loss=None if theirs is None or not np.isfinite(theirs).any() else float(np.nanmean(theirs)),
        next_look_after_days=next_look,
        sanity=sanity,
    )
