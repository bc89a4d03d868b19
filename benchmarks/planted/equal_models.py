"""How often a challenger is promoted that is no better than the champion, when it is judged every day.

Ledgers with known truth are made for each of five worlds. The errors of both models go up and down together,
single days are scarce and huge, and what one model loses on the other may last for days. The truth is the
border of what the test must refuse: equal, or better by exactly the `error_margin` that does not count. P&L
is equal throughout, so only the test on error prevents a promotion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from spot.arrays import Floats
from spot.lifecycle.evidence import Evidence
from spot.lifecycle.promotion import decide_promotion
from spot.lifecycle.promotion_settings import PromotionSettings

FIRST_SEED = 90_000
"""Seeds from here on are used nowhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How the errors of two models arise."""

    noise: float
    """Spread of a model's own part of a day, on the scale of logarithms."""
    memory: float
    """Correlation of a model's own part from one day to the next."""
    scarcity: float = 0.0
    """Share of days on which the errors of both are ten times as large."""
    heavy: bool = False
    """Whether the own part has Student's t with three degrees instead of a normal distribution."""


WORLDS: Mapping[str, World] = {
    "independent days": World(noise=0.15, memory=0.0),
    "noisy models": World(noise=0.5, memory=0.0),
    "scarce days": World(noise=0.15, memory=0.0, scarcity=0.05),
    "heavy tails": World(noise=0.15, memory=0.0, heavy=True),
    "differences last": World(noise=0.15, memory=0.5),
}


def made_up_losses(world: World, n_days: int, ratio: float, seed: int) -> tuple[Floats, Floats]:
    """(D,) daily losses of champion and challenger.

    The challenger's expected loss is `ratio` of the champion's.
    """
    random = np.random.default_rng(seed)
    level = 6.0 * np.exp(_autoregressive(random.normal(0.0, 0.25, n_days), 0.6))
    level = np.where(random.random(n_days) < world.scarcity, 10.0 * level, level)
    own = [world.noise * _autoregressive(_draws(random, n_days, world), world.memory) for _ in range(2)]
    return level * np.exp(own[0]), ratio * level * np.exp(own[1])


def _draws(random: np.random.Generator, n_days: int, world: World) -> Floats:
    if world.heavy:
        return np.asarray(np.clip(random.standard_t(3, n_days) / 3.0**0.5, -6.0, 6.0))
    return random.normal(0.0, 1.0, n_days)


def _autoregressive(shocks: Floats, memory: float) -> Floats:
    """A stationary series with the spread of its shocks at `memory` zero."""
    values = np.empty_like(shocks)
    state = shocks[0] / (1.0 - memory**2) ** 0.5
    values[0] = state
    for day in range(1, len(shocks)):
        state = memory * state + shocks[day]
        values[day] = state
    return values


def is_ever_promoted(
    world: World, ratio: float, seed: int, settings: PromotionSettings, *, step: int = 1
) -> bool:
    """Whether a look on any day, or on every `step`-th, promotes it.

    A rejected challenger is not looked at again.
    """
    champion, challenger = made_up_losses(world, settings.maximum_shadow_days, ratio, seed)
    pnl = np.zeros(settings.maximum_shadow_days)
    for n_days in range(settings.minimum_shadow_days, settings.maximum_shadow_days + 1, step):
        evidence = Evidence(
            candidate_losses=challenger[:n_days],
            champion_losses=champion[:n_days],
            candidate_pnl_eur=pnl[:n_days],
            champion_pnl_eur=pnl[:n_days],
        )
        verdict = decide_promotion(evidence, stage="challenger", settings=settings, sanity=None)
        if verdict.action != "keep_challenger":
            return verdict.action == "promote"
    return False


def false_promotions(task: tuple[str, float, int, int, PromotionSettings]) -> dict[str, Any]:
    """One world: number of ledgers, promotions, their share, and the lower end of its 95 % interval.

    The interval is that of Clopper and Pearson (1934).
    """
    name, ratio, first_seed, n_ledgers, settings = task
    n = sum(is_ever_promoted(WORLDS[name], ratio, first_seed + i, settings) for i in range(n_ledgers))
    low = float(stats.beta.ppf(0.025, n, n_ledgers - n + 1)) if n else 0.0
    return {
        "world": name,
        "ratio": ratio,
        "n_ledgers": n_ledgers,
        "n_promoted": n,
        "share": n / n_ledgers,
        "at_least": low,
    }


def tasks(
    n_ledgers: int, settings: PromotionSettings
) -> list[tuple[str, float, int, int, PromotionSettings]]:
    """Each world with equal models, and with a challenger that is better by the margin alone."""
    ratios = (1.0, 1.0 - settings.error_margin)
    return [
        (name, ratio, FIRST_SEED + 10_000 * i, n_ledgers, settings)
        for i, name in enumerate(WORLDS)
        for ratio in ratios
    ]
