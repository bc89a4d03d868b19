"""The verdict on a refitted model of the spread.

It serves in place of the one before only when days that neither saw do not speak against it.

A model of the spread is refitted with the price model and has no shadow life of its own: the price model's
P&L is made with it. So it is held to three things on untouched days: it could be judged at all, it is not
clearly worse than past quantiles, and not significantly worse than the model that serves (Diebold-Mariano on
daily pinball losses).
"""

import numpy as np

from spot.arrays import Floats
from spot.contracts.words import PolicyAction
from spot.lifecycle.promotion import PromotionSettings, PromotionVerdict, TestOutcome
from spot.scores.significance import MINIMUM_DAYS, diebold_mariano

MAX_LOSS_RATIO = 1.1
"""A model whose pinball loss on days it never saw is above this share of that of past quantiles does not
serve.
"""


def decide_refit(
    losses: Floats,
    past_quantiles: Floats,
    champion: Floats | None,
    settings: PromotionSettings,
    *,
    zone: str = "",
) -> PromotionVerdict:
    """`promote` or `reject`, and why; `await_sign_off` in zones where a second person signs.

    Args:
        losses: (D,) daily pinball losses of the new model on days that it never saw, EUR/MWh, NaN where a day
            has no spread.
        past_quantiles: of plain quantiles of the past, the same days.
        champion: of the model that serves, NaN on days that it learnt from; None where none serves.
        settings: for the level of "significantly worse" and the zones where a second person signs.
        zone: the model's.
    """
    judged = np.isfinite(losses) & np.isfinite(past_quantiles)
    n_days = int(judged.sum())
    if n_days == 0:
        return _verdict(
            "reject", "no untouched day with a second price: it cannot be judged", losses, champion
        )
    ours, plain = float(losses[judged].mean()), float(past_quantiles[judged].mean())
    beside = f"pinball loss {ours:.3f} beside {plain:.3f} of past quantiles on {n_days} days"
    if ours > MAX_LOSS_RATIO * plain:
        return _verdict("reject", f"{beside}: more than {MAX_LOSS_RATIO:g} times", losses, champion)
    worse = _worse_test(losses, champion, settings.worse_level)
    if worse is not None and worse.is_significant:
        text = (
            f"significantly worse than the model that serves: {worse.value:+.3f} EUR/MWh over {worse.n_days}"
            f" days, p={worse.p_value:.2g}"
        )
        return _verdict("reject", text, losses, champion, worse)
    text = beside if worse is None else f"{beside}, and not significantly worse than the model that serves"
    action: PolicyAction = "promote"
    if zone in settings.sign_off_zones:
        action, text = "await_sign_off", f"{text}; zone {zone} asks for the sign-off of a second person"
    return _verdict(action, text, losses, champion, worse)


def _worse_test(losses: Floats, champion: Floats | None, level: float) -> TestOutcome | None:
    """None where there are too few days that neither saw."""
    known = (
        np.zeros(len(losses), dtype=bool) if champion is None else np.isfinite(losses) & np.isfinite(champion)
    )
    if champion is None or known.sum() < MINIMUM_DAYS:
        return None
    result = diebold_mariano(champion[known], losses[known], alternative="a_better")
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
    losses: Floats,
    champion: Floats | None,
    test: TestOutcome | None = None,
) -> PromotionVerdict:
    known = np.isfinite(losses)
    theirs = None if champion is None or not np.isfinite(champion).any() else float(np.nanmean(champion))
    return PromotionVerdict(
        action=action,
        reasons=(reason,),
        tests=() if test is None else (test,),
        n_days=int(known.sum()),
        candidate_loss=float(losses[known].mean()) if known.any() else None,
        champion_loss=theirs,
    )
