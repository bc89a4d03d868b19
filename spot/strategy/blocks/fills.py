"""What exclusive groups are worth at the prices that cleared, and what they can cost at worst.

A small order does not move prices. A group whose limit accepts any price is executed, and the optimiser of
the auction takes the block of greatest surplus. It may not: it stops at a tolerance, so a near second may be
taken, and a block can be rejected paradoxically. Both are shares of groups in `FillRules`. The worth is the
expected one over them, so a backtest needs no random numbers.
"""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from spot.arrays import Floats
from spot.strategy.blocks.groups import BlockGroup
from spot.strict_settings import StrictSettings


class FillRules(StrictSettings):
    """How groups are executed. The defaults are assumptions, chosen by hand: no exchange publishes them."""

    second_best_share: float = Field(default=0.1, ge=0, le=1)
    """Share of groups of which the block of second greatest surplus is executed."""
    rejected_share: float = Field(default=0.002, ge=0, le=1)
    """Share of groups that are rejected although a block was in the money."""
    rejected_cost_eur_per_mwh: float = Field(default=50.0, ge=0)
    """How much worse than the auction's price the energy of a rejected group is traded later.

    Settlement takes the imbalance price where it is known.
    """
    seed: int = Field(default=0, ge=0)
    """Seed of the luck of each group when its fill is simulated. Another seed is another history."""


@dataclass(frozen=True, slots=True)
class ExpectedFill:
    """What groups give at realised prices, over the chances of `FillRules`."""

    exposure_mw: Floats
    """(P,) expected power, bought is positive."""
    gross_eur: float
    """Expected revenue of sales minus cost of purchases, before fees and wear."""
    rejected_eur: float
    """Part of it that rejections are expected to cost, positive."""


@dataclass(frozen=True, slots=True)
class WorstMember:
    """What the groups can be at worst: of each group one block, whichever is worst for the measure."""

    power_mw: Floats
    """(P,) largest power in each unit."""
    energy_mwh: float
    """Largest energy of the day, buys and sells added."""
    value_eur: float
    """Largest energy times price of the day, buys and sells added."""
    loss_eur: float
    """Lowest gross revenue at these prices, as a positive loss; 0 where even that is a gain."""


def expected_fill(
    groups: tuple[BlockGroup, ...], prices: Floats, hours: float, rules: FillRules
) -> ExpectedFill:
    """The expected fill at the day's clearing prices (P,), EUR/MWh; `hours` is the length of a unit.

    The energy of a rejected group is traded all the same, later and at a worse price.
    """
    exposure, gross, lost = np.zeros(len(prices)), 0.0, 0.0
    for group in groups:
        surplus = group.surpluses(prices)
        order = np.argsort(-surplus, kind="stable")
        best, second = order[0], order[min(1, len(order) - 1)]
        share = rules.second_best_share
        exposure[group.window] += group.side * (
            (1.0 - share) * group.blocks[best] + share * group.blocks[second]
        )
        missed = rules.rejected_share * rules.rejected_cost_eur_per_mwh * float(group.blocks[best].sum())
        gross += hours * float((1.0 - share) * surplus[best] + share * surplus[second] - missed)
        lost += hours * missed
    return ExpectedFill(exposure, gross, lost)


def worst_member(groups: tuple[BlockGroup, ...], prices: Floats, hours: float) -> WorstMember:
    """The worst member of every group at prices (P,), EUR/MWh: never the sum of a group's blocks."""
    power, energy, value, revenue = np.zeros(len(prices)), 0.0, 0.0, 0.0
    for group in groups:
        power[group.window] = np.maximum(power[group.window], group.blocks.max(axis=0))
        energy += hours * float(group.blocks.sum(axis=1).max())
        value += hours * float((group.blocks @ np.abs(prices[group.window])).max())
        revenue += hours * float(group.surpluses(prices).min())
    return WorstMember(power, energy, value, max(0.0, -revenue))
