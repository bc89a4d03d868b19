"""How often a battery should charge and discharge, and when, if the auction picks the units of each phase.

A plan on the mean forecast sees less difference between hours than the auction will. So the phases are chosen
on the day's paths: a phase is worth the mean, over the paths, of its energy traded in the best units of its
window. Dynamic programming over the cuts of the day and the level of the battery finds the phases of greatest
worth (Bellman, 1957). Phases move whole parts of the battery's content.
"""

from dataclasses import dataclass

import numpy as np

from spot.arrays import Floats, Ints

PARTS = 2
"""Parts of the content that a phase can move. By hand: with 1, a half-full battery could not be used."""
_EPSILON = 1e-9
"""MWh. An energy below it is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseMarket:
    """A battery and what its trades cost, for the choice of phases."""

    hours: float
    """Length of a unit."""
    power_mw: float
    energy_mwh: float
    charge_efficiency: float
    discharge_efficiency: float
    most_cycles: float
    start_frac: float
    costs_eur_per_mwh: tuple[float, float]
    """Of one MWh bought and of one MWh sold."""


@dataclass(frozen=True, slots=True)
class WindowPhase:
    """A phase in its window."""

    side: int
    """1 buys, -1 sells."""
    window: slice
    energy_mw: float
    """Sum of the power over its units, MW."""


def phases_on_paths(paths: Floats, market: PhaseMarket) -> tuple[WindowPhase, ...]:
    """The phases of greatest mean worth on paths (N, P); none where no cycle pays, or without paths.

    Windows are cut at whole hours, or at units that are longer. A battery whose start is between two parts of
    its content has no phases here.
    """
    start = market.start_frac * PARTS
    if not len(paths) or abs(start - round(start)) > _EPSILON:
        return ()
    stride = max(1, round(1.0 / market.hours))
    cuts = np.unique([*range(0, paths.shape[1], stride), paths.shape[1]])
    worth = _worth(paths, cuts, market)
    return _best(worth, cuts, market, round(start))


def _energies(market: PhaseMarket) -> tuple[list[float], list[float]]:
    """Sums of power that charge and that discharge one part, two parts, and so on."""
    parts = [market.energy_mwh * (number + 1) / PARTS / market.hours for number in range(PARTS)]
    return (
        [part / market.charge_efficiency for part in parts],
        [part * market.discharge_efficiency for part in parts],
    )


def _worth(paths: Floats, cuts: Ints, market: PhaseMarket) -> Floats:
    """(2, PARTS, C, C) mean worth of buying and selling parts between two cuts, EUR; -inf where too short."""
    n_cuts = len(cuts)
    worth = np.full((2, PARTS, n_cuts, n_cuts), -np.inf)
    buys, sells = _energies(market)
    bought, sold = market.costs_eur_per_mwh
    for first in range(n_cuts - 1):
        for last in range(first + 1, n_cuts):
            inside = np.sort(paths[:, cuts[first] : cuts[last]], axis=1)
            running = np.cumsum(inside.mean(axis=0)), np.cumsum(inside[:, ::-1].mean(axis=0))
            for number in range(PARTS):
                cost = _filled(running[0], buys[number], market.power_mw)
                gain = _filled(running[1], sells[number], market.power_mw)
                worth[0, number, first, last] = -market.hours * (cost + bought * buys[number])
                worth[1, number, first, last] = market.hours * (gain - sold * sells[number])
    return np.where(np.isfinite(worth), worth, -np.inf)


def _filled(running: Floats, energy_mw: float, power_mw: float) -> float:
    """Price times power of an energy in the first units of a running sum of prices; NaN if it is too long."""
    whole = int(energy_mw / power_mw + _EPSILON)
    rest = energy_mw - whole * power_mw
    if whole + (rest > _EPSILON) > len(running):
        return np.nan
    total = power_mw * float(running[whole - 1]) if whole else 0.0
    if rest <= _EPSILON:
        return total
    before = float(running[whole - 1]) if whole else 0.0
    return total + rest * (float(running[whole]) - before)


def _best(worth: Floats, cuts: Ints, market: PhaseMarket, start: int) -> tuple[WindowPhase, ...]:
    """The best path through cuts, levels and parts sold, walked back from the end of the day."""
    sells = _energies(market)[1]
    most = int(market.most_cycles * market.energy_mwh / market.hours / sells[0] + _EPSILON)
    value = np.full((len(cuts), PARTS + 1, most + 1), -np.inf)
    value[0, start, 0] = 0.0
    came = np.zeros((len(cuts), PARTS + 1, most + 1, 3), dtype=np.int64)
    """First cut, side and parts of the phase that ends here; parts of 0 is rest."""
    for last in range(1, len(cuts)):
        value[last], came[last, ..., 2] = value[last - 1], 0
        for first in range(last):
            for number in range(PARTS):
                moved = number + 1
                _improve(value, came, (first, last, 1, moved), worth[0, number, first, last])
                _improve(value, came, (first, last, -1, moved), worth[1, number, first, last])
    return _walked_back(value, came, cuts, start, market)


def _improve(value: Floats, came: Ints, step: tuple[int, int, int, int], worth: float) -> None:
    """Take a phase where it is better than what leads to the same level and parts sold so far."""
    first, last, side, moved = step
    if not np.isfinite(worth):
        return
    if side > 0:
        before, after = value[first, : PARTS + 1 - moved], value[last, moved:]
        reached = came[last, moved:]
    else:
        before, after = (
            value[first, moved:, : value.shape[2] - moved],
            value[last, : PARTS + 1 - moved, moved:],
        )
        reached = came[last, : PARTS + 1 - moved, moved:]
    is_better = before + worth > after + _EPSILON
    after[is_better] = (before + worth)[is_better]
    reached[is_better] = (first, side, moved)


def _walked_back(
    value: Floats, came: Ints, cuts: Ints, start: int, market: PhaseMarket
) -> tuple[WindowPhase, ...]:
    buys, sells = _energies(market)
    level, sold, last = start, int(np.argmax(value[-1, start])), len(cuts) - 1
    found: list[WindowPhase] = []
    while last > 0:
        first, side, moved = (int(one) for one in came[last, level, sold])
        if moved == 0:
            last -= 1
            continue
        energy = (buys if side > 0 else sells)[moved - 1]
        found.append(WindowPhase(side, slice(int(cuts[first]), int(cuts[last])), energy))
        level, sold = level - side * moved, sold - (moved if side < 0 else 0)
        last = first
    return tuple(reversed(found))
