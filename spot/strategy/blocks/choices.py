"""The reach of exclusive groups: what limits count, and what the groups gain on the day's paths."""

import numpy as np

from spot.arrays import Floats
from spot.risk.choices import Choices
from spot.strategy.blocks.fills import FillRules
from spot.strategy.blocks.groups import BlockGroup


def choices_of(
    groups: tuple[BlockGroup, ...],
    *,
    prices: Floats,
    paths: Floats,
    hours: float,
    costs_eur_per_mwh: tuple[float, float],
    rules: FillRules,
) -> Choices | None:
    """The worst member of every group and the gain on each path; None without groups.

    Args:
        groups: exclusive groups of a plan, of which no two share a unit.
        prices: (P,) expected prices, EUR/MWh.
        paths: (S, P) equally likely prices, perhaps none.
        hours: length of a unit.
        costs_eur_per_mwh: of one MWh bought and of one MWh sold.
        rules: how groups are assumed to be executed.
    """
    if not groups:
        return None
    low, high, value = (np.zeros(len(prices)) for _ in range(3))
    for group in groups:
        reach = low if group.side < 0 else high
        reach[group.window] = group.side * group.blocks.max(axis=0)
        values = hours * group.blocks * np.abs(prices[group.window])
        value[group.window] = values[int(np.argmax(values.sum(axis=1)))]
    return Choices(
        low_mw=low,
        high_mw=high,
        value_eur=value,
        gains_eur=path_gains(groups, paths, hours, costs_eur_per_mwh, rules),
        n_blocks=sum(len(group.blocks) for group in groups),
    )


def path_gains(
    groups: tuple[BlockGroup, ...],
    paths: Floats,
    hours: float,
    costs_eur_per_mwh: tuple[float, float],
    rules: FillRules,
) -> Floats:
    """(S,) gain of the groups on each path (S, P), EUR, costs taken off.

    Of each group the best block is executed, or the second best, or none: expected over their shares.
    """
    gains = np.zeros(len(paths))
    bought, sold = costs_eur_per_mwh
    for group in groups:
        best, second = _two_best(-group.side * (paths[:, group.window] @ group.blocks.T))
        energy = hours * float(group.blocks[0].sum())
        share = rules.second_best_share
        gains += hours * ((1.0 - share) * best + share * second)
        missed = rules.rejected_share * rules.rejected_cost_eur_per_mwh
        gains -= energy * (missed + (bought if group.side > 0 else sold))
    return gains


def chances(group: BlockGroup, paths: Floats) -> Floats:
    """(B,) share of the paths (S, P) on which each block is the best of its group; NaN without paths."""
    if not len(paths):
        return np.full(len(group.blocks), np.nan)
    best = np.argmax(-group.side * (paths[:, group.window] @ group.blocks.T), axis=1)
    return np.bincount(best, minlength=len(group.blocks)) / len(paths)


def _two_best(values: Floats) -> tuple[Floats, Floats]:
    """(S,) each: the greatest and the second greatest of each row of values (S, B)."""
    if values.shape[1] == 1:
        return values[:, 0], values[:, 0]
    ordered = np.partition(values, values.shape[1] - 2, axis=1)
    return ordered[:, -1], ordered[:, -2]
