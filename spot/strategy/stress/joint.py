"""Joint scenarios of a desk's day: prices of all its zones and second prices, on the same past days.

Path k of every zone, and the spread of every strategy on it, come from one past day. So zones and strategies
go together as they did (`spot.forecast.joint`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from spot.arrays import Floats
from spot.forecast.joint.day_paths import MIN_DAYS, N_PATHS, ZoneDay, days_of_paths, zone_paths
from spot.risk.value_at_risk import TailRisk, tail_risk
from spot.strategy.stress.money import DayOrders, money_under

Name = tuple[str, str]
"""Zone and strategy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSpreads:
    """Second price minus day-ahead price on past days, at today's units."""

    days: Sequence[date]
    """Ascending."""
    spreads: Floats
    """(S, P) EUR/MWh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JointRisk:
    """95 % one-day risk of each strategy and of all together, on the same scenarios."""

    of: Mapping[Name, TailRisk]
    total: TailRisk
    expected_eur: Mapping[Name, float]
    """Mean money of each strategy over the scenarios."""
    n_days: int
    """Past days that all zones and strategies share; with fewer than 30 nothing can be measured."""


def joint_risk(
    orders: Sequence[DayOrders],
    zones: Mapping[str, ZoneDay],
    spreads: Mapping[Name, PastSpreads],
    *,
    n_paths: int = N_PATHS,
) -> JointRisk:
    """Risk of the orders of a day; each of `orders` has its zone in `zones`.

    Strategies that close at a second price have their past in `spreads`.
    """
    dated = [*(one.days for one in zones.values()), *(one.days for one in spreads.values())]
    common = set.intersection(*(set(days) for days in dated))
    nothing = TailRisk(np.nan, np.nan)
    if len(common) < MIN_DAYS:
        return JointRisk(
            of={one.name: nothing for one in orders}, total=nothing, expected_eur={}, n_days=len(common)
        )
    kept = {
        zone: ZoneDay(
            quantiles=one.quantiles,
            past=one.past[[day in common for day in one.days]],
            days=[day for day in one.days if day in common],
        )
        for zone, one in zones.items()
    }
    paths = zone_paths(kept, n_paths=n_paths)
    chosen = days_of_paths(len(common), n_paths)
    money = {}
    for one in orders:
        auction = paths[one.name[0]]
        past = spreads.get(one.name)
        second = auction
        if past is not None:
            second = auction + past.spreads[[day in common for day in past.days]][chosen]
        money[one.name] = money_under(one, auction, second)
    return JointRisk(
        of={name: tail_risk(made) for name, made in money.items()},
        total=tail_risk(np.sum(list(money.values()), axis=0)),
        expected_eur={name: float(made.mean()) for name, made in money.items()},
        n_days=len(common),
    )
