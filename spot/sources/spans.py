"""Price series for which a provider does not say to which auction they belong.

The market time unit of each delivery day decides.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache

import numpy as np

from spot.arrays import Bools, Floats, Ints
from spot.errors import ContractError
from spot.market.delivery import day_ahead_mtu_minutes, day_bounds_utc, delivery_day_of
from spot.sources.parsed import Points
from spot.sources.providers.json_series import US_PER_MINUTE


@lru_cache(maxsize=65536)
def _bounds_us(zone: str, day: date) -> tuple[int, int]:
    start, end = day_bounds_utc(zone, day)
    return int(start.timestamp()) * 1_000_000, int(end.timestamp()) * 1_000_000


def day_slices(starts_us: Ints, zone: str) -> Iterator[tuple[date, slice]]:
    """Delivery day and the part of ascending `starts_us`, `(n,)`, that falls on it."""
    at = 0
    while at < len(starts_us):
        day = delivery_day_of(zone, datetime.fromtimestamp(int(starts_us[at]) / 1_000_000, UTC))
        end = int(np.searchsorted(starts_us, _bounds_us(zone, day)[1], side="left"))
        yield day, slice(at, end)
        at = end


def before_their_day(starts_us: Ints, made_us: Ints, zone: str) -> Bools:
    """(N,) whether a value was made before its delivery day began.

    A forecast made during the day covers only the rest of it, so it is not a day-ahead forecast.
    """
    days = (
        delivery_day_of(zone, datetime.fromtimestamp(start / 1_000_000, UTC)) for start in starts_us.tolist()
    )
    began = np.array([_bounds_us(zone, day)[0] for day in days], dtype=np.int64)
    return made_us < began


def day_ahead_points(starts_us: Ints, values: Floats, zone: str, what: str) -> Iterator[Points]:
    """Day-ahead prices in the market time unit of their day; nulls are left out.

    Starts in microseconds since 1970 and values in EUR/MWh are `(n,)` each.

    Some providers repeat an hourly price on its four quarters: the hour is taken. Quarters that differ inside
    an hour, on a day whose auction was hourly, are prices of another auction and are refused. So are hours on
    a day whose auction has quarters.

    Raises:
        ContractError: the starts do not lie on a grid of 15, 30 or 60 minutes.
    """
    for day, part in day_slices(starts_us, zone):
        starts, prices = starts_us[part], values[part]
        mtu = day_ahead_mtu_minutes(zone, day)
        step = int(np.diff(starts).min()) // US_PER_MINUTE if len(starts) > 1 else mtu
        if step not in (15, 30, 60) or (starts % (step * US_PER_MINUTE)).any():
            raise ContractError(f"{what}: starts {step} minutes apart or off the full period on {day}")
        refusal = ""
        if step < mtu and (reduced := _back_to(starts, prices, mtu // step, mtu)) is not None:
            starts, prices, step = *reduced, mtu
        elif step != mtu:
            refusal = f"periods of {step} minutes where the auction of that day has {mtu}"
        is_known = ~np.isnan(prices)
        yield Points(
            table="day_ahead_prices",
            series="day_ahead",
            starts_us=starts[is_known],
            resolution_minutes=step,
            values=prices[is_known],
            refusal=refusal,
        )


def _back_to(starts: Ints, prices: Floats, n_parts: int, mtu_minutes: int) -> tuple[Ints, Floats] | None:
    """One price per market time unit where all its parts are there and agree, else None for the whole day."""
    unit = mtu_minutes * US_PER_MINUTE
    firsts, counts = np.unique(starts // unit, return_counts=True)
    if (counts != n_parts).any():
        return None
    table = prices.reshape(len(firsts), n_parts)
    same = (table == table[:, :1]) | (np.isnan(table) & np.isnan(table[:, :1]))
    return (firsts * unit, table[:, 0]) if same.all() else None
