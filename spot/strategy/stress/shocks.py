"""Stress tests of a day's orders: what they would lose in markets that the last half year does not show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spot.arrays import Bools, Floats
from spot.errors import ConfigurationError
from spot.strategy.stress.joint import Name
from spot.strategy.stress.money import DayOrders, money_under

CRISIS_EUR_PER_MWH = 465.0
"""Mean day-ahead price of Germany in August 2022, the dearest month so far."""
DECOUPLING_EUR_PER_MWH = 100.0
"""How far the price of a zone that is left alone moves against each order. An assumption: choose your own."""
_SUN = (10, 16)
"""Local hours in which a surplus of sun makes the price fall to its minimum."""
_EVENING = (18, 21)
"""Local hours in which scarcity makes it rise to its maximum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StressedZone:
    """What a zone's stress tests are made of; P units."""

    local_hours: Floats
    """(P,) local hour at which each unit starts."""
    minimum_eur_per_mwh: float
    """Lowest and highest price that the auction of the day may have."""
    maximum_eur_per_mwh: float
    past: Floats
    """(S, P) day-ahead prices of past days, oldest first, perhaps none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stressed:
    """Money of each strategy in one stress test, EUR; their sum is that of the desk."""

    test: str
    what: str
    money: Mapping[Name, float]


def stress_tests(
    orders: Sequence[DayOrders],
    zones: Mapping[str, StressedZone],
    spreads: Mapping[Name, Floats],
    *,
    crisis_eur_per_mwh: float = CRISIS_EUR_PER_MWH,
    decoupling_eur_per_mwh: float = DECOUPLING_EUR_PER_MWH,
) -> list[Stressed]:
    """Every test on every strategy.

    Args:
        orders: of one delivery day.
        zones: by name.
        spreads: (S, P) second price minus day-ahead price, EUR/MWh, on the past days of `zones`, for
            strategies that close at a second price. All zones and strategies have the same S past days.
        crisis_eur_per_mwh: level of prices in a crisis, EUR/MWh.
        decoupling_eur_per_mwh: move against each order of a zone that is left alone, EUR/MWh.

    Raises:
        ConfigurationError: a level is not a positive, finite number.
    """
    for level in (crisis_eur_per_mwh, decoupling_eur_per_mwh):
        if not 0 < level < np.inf:
            raise ConfigurationError(f"a stress of {level} EUR/MWh: expected a positive number")
    made = [_in_crisis(orders, zones, spreads, crisis_eur_per_mwh)]
    for test, hours, name in (
        ("minimum_price", _SUN, "minimum_eur_per_mwh"),
        ("maximum_price", _EVENING, "maximum_eur_per_mwh"),
    ):
        what = f"the auction clears at its {test.partition('_')[0]} from {hours[0]} to {hours[1]} o'clock"
        made.append(Stressed(test=test, what=what, money=_at_limit(orders, zones, hours, name)))
    missing = {one.name: float(_as_expected(one, takes_place=False)[0]) for one in orders}
    made.append(
        Stressed(
            test="missing_auction",
            what="the auction does not take place: nothing is filled, and firm energy is made good",
            money=missing,
        )
    )
    apart = {one.name: _decoupled(one, decoupling_eur_per_mwh) for one in orders}
    moved = f"each zone alone: its price moves {decoupling_eur_per_mwh:g} EUR/MWh against every order"
    return [*made, Stressed(test="decoupling", what=moved, money=apart)]


def _as_expected(orders: DayOrders, *, takes_place: bool = True) -> Floats:
    """(1,) money at the expected prices."""
    auction, spread = orders.expected
    return money_under(orders, auction[None], (auction + spread)[None], takes_place=takes_place)


def _in_crisis(
    orders: Sequence[DayOrders],
    zones: Mapping[str, StressedZone],
    spreads: Mapping[Name, Floats],
    level: float,
) -> Stressed:
    """The past days at the level of the crisis: the one that is worst for the whole desk."""
    n_days = min((len(zone.past) for zone in zones.values()), default=0)
    what = (
        f"prices and spreads of the last {n_days} days raised to a mean of {level:g} EUR/MWh: the worst day"
    )
    if n_days == 0:
        return Stressed(test="crisis_2022", what=what, money={one.name: float("nan") for one in orders})
    money = {}
    for one in orders:
        past = zones[one.name[0]].past
        factor = level / max(float(np.abs(past).mean()), 1.0)
        spread = spreads.get(one.name, np.zeros_like(past))
        money[one.name] = money_under(one, factor * past, factor * (past + spread))
    worst = int(np.argmin(np.sum(list(money.values()), axis=0)))
    return Stressed(
        test="crisis_2022", what=what, money={name: float(made[worst]) for name, made in money.items()}
    )


def _at_limit(
    orders: Sequence[DayOrders],
    zones: Mapping[str, StressedZone],
    hours: tuple[int, int],
    limit: str,
) -> dict[Name, float]:
    """Money where the auction clears at its limit in some hours; the second price comes as expected."""
    money = {}
    for one in orders:
        zone = zones[one.name[0]]
        auction, spread = one.expected
        inside: Bools = (zone.local_hours >= hours[0]) & (zone.local_hours < hours[1])
        price = np.where(inside, getattr(zone, limit), auction)
        money[one.name] = float(money_under(one, price[None], (auction + spread)[None])[0])
    return money


def _decoupled(orders: DayOrders, move: float) -> float:
    auction, spread = orders.expected
    against = auction + move * np.sign(orders.exposure_mw)
    return float(money_under(orders, against[None], (auction + spread)[None])[0])
