"""Exclusive groups for a battery: one group of profile blocks for each phase of its plan.

A fixed schedule names the hours, and loses where the forecast has them in the wrong order. The auction knows
the prices. Of an exclusive group it executes at most one block, the one of greatest surplus. So the plan
gives its phases (charge, discharge, charge, discharge), each phase has a window of its own, and its group
holds several ways to trade the phase's energy inside that window. Whichever blocks are executed, the battery
holds what the plan holds at the end of every phase, so each combination is feasible.

The blocks of a group are chosen greedily: each next one adds most to the mean, over the day's paths, of the
best block so far. That mean is submodular, so the greedy choice is near the best (Nemhauser, Wolsey, Fisher
1978).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from spot.arrays import Floats
from spot.errors import ContractError

_EPSILON = 1e-9
"""MW and EUR. A difference below it is rounding."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a plan in which it only buys, or only sells."""

    side: int
    """1 buys, -1 sells."""
    first: int
    """First unit that trades."""
    last: int
    """Last unit that trades."""
    energy_mw: float
    """Sum of the power over its units, MW."""


@dataclass(frozen=True, slots=True)
class BlockGroup:
    """An exclusive group: at most one of its blocks is executed. W units in its window."""

    side: int
    """1 buys, -1 sells."""
    first: int
    """First unit of the window."""
    blocks: Floats
    """(B, W) power of each block per unit of the window, MW, not negative; all of the same energy."""

    @property
    def window(self) -> slice:
        """The units of the day that the window covers."""
        return slice(self.first, self.first + self.blocks.shape[1])

    def surpluses(self, prices: Floats) -> Floats:
        """(B,) what each block earns at the prices (P,) of the day's units, EUR per hour of a unit."""
        return -self.side * (self.blocks @ prices[self.window])


def phases_of(exposure_mw: Floats) -> tuple[Phase, ...]:
    """The phases of a plan (P,), bought power positive; units at rest belong to none."""
    found: list[Phase] = []
    for unit in np.flatnonzero(np.abs(exposure_mw) > _EPSILON).tolist():
        side, power = int(np.sign(exposure_mw[unit])), float(abs(exposure_mw[unit]))
        if found and found[-1].side == side:
            before = found.pop()
            found.append(Phase(side, before.first, unit, before.energy_mw + power))
        else:
            found.append(Phase(side, unit, unit, power))
    return tuple(found)


def windows_of(phases: tuple[Phase, ...], n_units: int) -> tuple[slice, ...]:
    """The window of each phase: they share the day, and the rest between two phases is cut in its middle."""
    cuts = [(before.last + 1 + after.first) // 2 for before, after in pairwise(phases)]
    return tuple(slice(a, b) for a, b in zip([0, *cuts], [*cuts, n_units], strict=True)) if phases else ()


def make_groups(
    exposure_mw: Floats, paths: Floats, *, power_mw: float, max_blocks: int
) -> tuple[BlockGroup, ...]:
    """One exclusive group for each phase of the plan (P,), from paths of the day's prices (N, P).

    The first candidate of a group is the plan itself. So without paths every group has one block, and the
    groups are the plan. Nothing is drawn at random.

    Args:
        exposure_mw: a plan that closes, bought power positive.
        paths: equally likely prices, EUR/MWh.
        power_mw: largest power of a block in a unit.
        max_blocks: most blocks of a group that the exchange takes, at least 1.

    Raises:
        ContractError: the units of plan and paths differ, no block is allowed, or the plan exceeds the power.
    """
    if paths.shape[1:] != exposure_mw.shape or max_blocks < 1:
        raise ContractError(
            f"block groups: plan of {len(exposure_mw)} units, paths of shape {paths.shape},"
            f" at most {max_blocks} blocks"
        )
    if np.abs(exposure_mw).max(initial=0.0) > power_mw + _EPSILON:
        raise ContractError(f"block groups: the plan trades more than {power_mw:g} MW in a unit")
    phases = phases_of(exposure_mw)
    return tuple(
        _group(phase, window, exposure_mw, paths, power_mw, max_blocks)
        for phase, window in zip(phases, windows_of(phases, len(exposure_mw)), strict=True)
    )


def best_profiles(prices: Floats, side: int, energy_mw: float, power_mw: float) -> Floats:
    """(N, W) the profile that trades the energy best at each row of prices (N, W).

    Full power in the best units, and the rest in the next one.
    """
    order = np.argsort(side * prices, axis=1, kind="stable")
    filled = np.clip(energy_mw - power_mw * np.arange(prices.shape[1]), 0.0, power_mw)
    profiles = np.zeros_like(prices)
    np.put_along_axis(profiles, order, np.broadcast_to(filled, prices.shape), axis=1)
    return profiles


def _group(
    phase: Phase, window: slice, exposure_mw: Floats, paths: Floats, power_mw: float, max_blocks: int
) -> BlockGroup:
    plan = np.abs(exposure_mw[None, window])
    inside = paths[:, window]
    made = np.round(best_profiles(inside, phase.side, phase.energy_mw, power_mw), 9)
    candidates = np.concatenate([plan, np.unique(made, axis=0)])
    if len(inside) == 0 or len(candidates) == 1:
        return BlockGroup(phase.side, window.start, plan)
    values = -phase.side * (inside @ candidates.T)
    return BlockGroup(phase.side, window.start, candidates[_greedy(values, max_blocks)])


def _greedy(values: Floats, n_most: int) -> list[int]:
    """Columns of `values` (N, C) whose row-wise best has a large mean, in the order of their choice."""
    best, chosen = np.full(len(values), -np.inf), list[int]()
    while len(chosen) < n_most:
        means = np.maximum(values, best[:, None]).mean(axis=0)
        column = int(np.argmax(means))
        if chosen and means[column] <= best.mean() + _EPSILON:
            break
        chosen.append(column)
        best = np.maximum(best, values[:, column])
    return chosen
