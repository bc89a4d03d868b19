"""A battery's plan in whole volume steps.

Dynamic programming finds the best closed plan near a continuous one.

A plan that is rounded unit by unit does not close: it sells energy that was never charged. Here the energy
charged and the energy sold so far are counted in steps, each count at most `_REACH` from that of the
continuous plan. The best path through these counts keeps the state of charge within the battery and the
cycles within their limit, and ends where it started or less than one charged step above. Method: Bellman
(1957). Powers are in MW, prices in EUR/MWh.
"""

from dataclasses import dataclass

import numpy as np

from spot.arrays import Bools, Floats, Ints
from spot.strategy.proposals.storage_plan import Battery

_REACH = 8
_WIDEST_REACH = 32
"""Steps around the plan that the search looks at, and at most. Chosen by hand; not tuned."""
_EPSILON = 1e-9
"""Steps. A volume is a whole number of steps but for rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMarket:
    """What a plan in steps is worth, and what it may be. P units."""

    buy_prices: Floats
    """(P,) EUR/MWh"""
    sell_prices: Floats
    """(P,) EUR/MWh"""
    hours: float
    battery: Battery


@dataclass(frozen=True, slots=True)
class _Moves:
    """Moves of one unit: where its path came from, by offset of the counts after it.

    The centre moved by `charged` and `sold` steps.
    """

    is_charging: Bools
    from_charged: Ints
    from_sold: Ints
    charged: int
    sold: int


def in_volume_steps(exposure_mw: Floats, market: StepMarket, *, keep_below: bool = False) -> Floats:
    """(P,) the best closed plan in multiples of `volume_step_mw` close to `exposure_mw`.

    `exposure_mw` is a plan that closes; bought power is positive. With `keep_below`, no unit is larger than
    before or on the other side. That is for a plan that limits have cut. If no such plan has a gain, the
    battery rests.
    """
    step, n_units = market.battery.volume_step_mw, len(exposure_mw)
    charge, discharge = np.maximum(exposure_mw, 0.0) / step, np.maximum(-exposure_mw, 0.0) / step
    full = np.full(n_units, market.battery.power_mw / step)
    caps = [
        np.floor((side if keep_below else full) + _EPSILON).astype(np.int64) for side in (charge, discharge)
    ]
    centre = [np.rint(np.cumsum(side)).astype(np.int64) for side in (charge, discharge)]
    reach = _REACH
    while reach <= _WIDEST_REACH:
        steps = _best_path(centre, caps, reach, market)
        if steps is not None:
            return np.round(steps * step, 9)
        reach *= 2
    return np.zeros(n_units)


def _best_path(centre: list[Ints], caps: list[Ints], reach: int, market: StepMarket) -> Floats | None:
    """(P,) steps bought minus sold of the best path; None where none closes and gains."""
    offsets, worth = np.arange(-reach, reach + 1), market.hours * market.battery.volume_step_mw
    cost, gain = (
        -worth * market.buy_prices,
        worth * (market.sell_prices - market.battery.degradation_eur_per_mwh),
    )
    value = np.full((len(offsets), len(offsets)), -np.inf)
    value[reach, reach] = 0.0
    moves = []
    charged, sold = (np.diff(counts, prepend=0) for counts in centre)
    for unit in range(len(cost)):
        # One side at a time: while the battery charges, the count of sold steps stays, and the other way
        # round.
        after_charge, from_charged = _best_moves(
            value, offsets, int(charged[unit]), int(caps[0][unit]), float(cost[unit])
        )
        after_sale, from_sold = _best_moves(
            value.T, offsets, int(sold[unit]), int(caps[1][unit]), float(gain[unit])
        )
        after_charge, after_sale = (
            _standing_still(after_charge, int(sold[unit])),
            _standing_still(after_sale, int(charged[unit])).T,
        )
        moves.append(
            _Moves(after_charge >= after_sale, from_charged, from_sold, int(charged[unit]), int(sold[unit]))
        )
        allowed = _is_allowed(
            centre[0][unit] + offsets, centre[1][unit] + offsets, market, is_last=unit == len(cost) - 1
        )
        value = np.where(allowed, np.maximum(after_charge, after_sale), -np.inf)
    if not value.max() > 0.0:
        return None
    return _walk_back(int(np.argmax(value)), moves, len(offsets))


def _best_moves(value: Floats, offsets: Ints, moved: int, cap: int, price: float) -> tuple[Floats, Ints]:
    """(to, other) best value after 0 to `cap` steps on the first axis, and the row that it came from."""
    steps = moved + offsets[None, :] - offsets[:, None]
    gains = np.where((steps >= 0) & (steps <= cap), steps * price, -np.inf)
    total = value[:, None, :] + gains[:, :, None]
    source = total.argmax(axis=0)
    return np.take_along_axis(total, source[None], axis=0)[0], source


def _standing_still(value: Floats, moved: int) -> Floats:
    """The second axis by offset from a centre that has moved while the count has not."""
    result = np.full_like(value, -np.inf)
    width = value.shape[1] - moved
    if width > 0:
        result[:, :width] = value[:, moved:]
    return result


def _is_allowed(charged: Ints, sold: Ints, market: StepMarket, *, is_last: bool) -> Bools:
    """(C, S) whether the battery can have charged and sold so many steps."""
    battery, energy = market.battery, market.hours * market.battery.volume_step_mw
    change = energy * (
        battery.charge_efficiency * charged[:, None] - sold[None, :] / battery.discharge_efficiency
    )
    start = battery.initial_charge_frac * battery.energy_mwh
    lowest, highest = (
        (0.0, energy * battery.charge_efficiency) if is_last else (-start, battery.energy_mwh - start)
    )
    is_within = (change >= lowest - _EPSILON) & (
        change <= min(highest, battery.energy_mwh - start) + _EPSILON
    )
    is_cycled = sold * energy <= battery.max_cycles_per_day * battery.energy_mwh + _EPSILON
    return is_within & is_cycled[None, :] & (charged >= 0)[:, None] & (sold >= 0)[None, :]


def _walk_back(best: int, moves: list[_Moves], width: int) -> Floats:
    """(P,) steps of the path that ends at the flat index `best`."""
    row, column = divmod(best, width)
    steps = np.zeros(len(moves))
    for unit in range(len(moves) - 1, -1, -1):
        move = moves[unit]
        if move.is_charging[row, column]:
            column += move.sold
            before = int(move.from_charged[row, column])
            steps[unit], row = move.charged + row - before, before
        else:
            row += move.charged
            before = int(move.from_sold[column, row])
            steps[unit], column = -(move.sold + column - before), before
    return steps
