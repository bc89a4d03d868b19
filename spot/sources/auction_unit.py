"""Prices of an auction in the market time unit of their day: one rule for every source.

Providers repeat the price of an hour on its four quarters, before an auction has quarters and after it.
Before, the hour is read. After, equal quarters are not the result of the auction, and `is_repeated` says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

import numpy as np

from spot.arrays import Bools, Floats, Ints
from spot.market.delivery import day_ahead_mtu_minutes, day_bounds_utc, delivery_day_of
from spot.sources.providers.json_series import US_PER_MINUTE

_REPEATED_HOURS = 8
_REPEATED_PRICES = 6
"""Hours whose quarters are all equal, and different prices among them, from which a day repeats hours. In
eleven months of recorded quarter-hour results of five zones no day had more than 8 such hours, and none more
than 2 different prices among them (`smard_da_price_15min_2022_2026`, `sk_da_2024_2026`).
"""


@dataclass(frozen=True, slots=True)
class InUnit:
    """Positions of values that are given in one length of period, or refused for one reason."""

    positions: Ints
    minutes: int
    refusal: str = ""


def in_auction_unit(starts_us: Ints, values: Floats, minutes: int, zone: str) -> Iterator[InUnit]:
    """Day-ahead prices in the market time unit of each delivery day.

    Starts in microseconds since 1970 and values are `(n,)` each, in any order. Shorter periods that agree
    inside every unit of a day are read as the unit. Those that differ are prices of another auction and are
    refused, and so are longer ones.
    """
    order = np.argsort(starts_us, kind="stable")
    groups: dict[tuple[int, str], list[Ints]] = {}
    for day, part in day_slices(starts_us[order], zone):
        positions, unit, refusal = order[part], day_ahead_mtu_minutes(zone, day), ""
        reduced = (
            _firsts_of_units(starts_us[positions], values[positions], unit // minutes, unit)
            if minutes < unit
            else None
        )
        if reduced is not None:
            groups.setdefault((unit, ""), []).append(positions[reduced])
            continue
        if minutes != unit:
            refusal = f"periods of {minutes} minutes where the auction of that day has {unit}"
        groups.setdefault((minutes, refusal), []).append(positions)
    for (length, refusal), found in groups.items():
        yield InUnit(np.concatenate(found), length, refusal)


def is_repeated(values: Floats, minutes: int) -> bool:
    """Whether a day of quarter-hour prices `(n,)` repeats hourly prices on their quarters.

    Quarters of a flat stretch may be equal, for example at zero. Equal quarters in many hours of different
    prices are no result of a quarter-hour auction.
    """
    if minutes != 15 or len(values) % 4:
        return False
    hours = values.reshape(-1, 4)
    equal = hours[(hours == hours[:, :1]).all(axis=1), 0]
    return len(equal) >= _REPEATED_HOURS and len(np.unique(equal)) >= _REPEATED_PRICES


def day_slices(starts_us: Ints, zone: str) -> Iterator[tuple[date, slice]]:
    """Delivery day and the part of ascending `starts_us`, `(n,)`, that falls on it."""
    at = 0
    while at < len(starts_us):
        day = delivery_day_of(zone, datetime.fromtimestamp(int(starts_us[at]) / 1_000_000, UTC))
        end = int(np.searchsorted(starts_us, bounds_us(zone, day)[1], side="left"))
        yield day, slice(at, end)
        at = end


@lru_cache(maxsize=65536)
def bounds_us(zone: str, day: date) -> tuple[int, int]:
    """Start and end of a delivery day, microseconds since 1970."""
    start, end = day_bounds_utc(zone, day)
    return int(start.timestamp()) * 1_000_000, int(end.timestamp()) * 1_000_000


def _firsts_of_units(starts: Ints, prices: Floats, n_parts: int, unit_minutes: int) -> Ints | None:
    """Position of the first part of every unit, where all parts are there and agree; else None."""
    unit = unit_minutes * US_PER_MINUTE
    firsts, counts = np.unique(starts // unit, return_counts=True)
    if (counts != n_parts).any():
        return None
    table = prices.reshape(len(firsts), n_parts)
    same: Bools = (table == table[:, :1]) | (np.isnan(table) & np.isnan(table[:, :1]))
    return np.arange(0, len(prices), n_parts) if same.all() else None
