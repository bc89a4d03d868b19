"""The local clock of delivery days: clock slots, and the hour that a clock change skips or doubles.

A *period* is a market time unit, counted from the start of the delivery day. A day has 23, 24 or 25 hours of
them. A *slot* is a stretch of the local clock of the same length, counted from local midnight. The clock
always has 24 hours of them. In spring the clock skips an hour, so four quarter-hour slots have no period. In
autumn it doubles one, so four slots have two periods each. Everything that compares days by local time asks
here which slot a period belongs to.

Source of the clock changes: the IANA time zone database, by the market time zone of the bidding zone.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from spot.arrays import Days, Ints
from spot.errors import ContractError
from spot.market.delivery import RESOLUTIONS_MINUTES, day_bounds_utc
from spot.market.zones import find_zone

HOURS = 24
QUARTER_MINUTES = 15
QUARTERS_PER_HOUR = 4
"""A day of the local clock, whatever its hours in UTC, and the shortest market time unit."""
CLOCK_QUARTERS = HOURS * QUARTERS_PER_HOUR
LONGEST_DAY_QUARTERS = CLOCK_QUARTERS + QUARTERS_PER_HOUR
_WEEKDAY_OF_EPOCH = 3
"""1 January 1970 was a Thursday."""
_QUARTER = timedelta(minutes=QUARTER_MINUTES)


@lru_cache(maxsize=65536)
def clock_quarters(zone: str, day: date) -> Ints:
    """(Q,) slot of the local clock, 0 to 95, of each of the 92, 96 or 100 quarter hours of a day.

    Read-only.
    """
    start, end = day_bounds_utc(zone, day)
    n_quarters = (end - start) // _QUARTER
    if n_quarters == CLOCK_QUARTERS:
        slots = np.arange(CLOCK_QUARTERS)
    else:
        slots = slots_of(zone, [start + i * _QUARTER for i in range(n_quarters)], QUARTER_MINUTES)
    slots.flags.writeable = False
    return slots


def clock_slots(zone: str, day: date, minutes: int) -> Ints:
    """(P,) slot of the local clock of each period of `minutes` of a day.

    Raises:
        ContractError: periods of that length do not exist.
    """
    if minutes not in RESOLUTIONS_MINUTES:
        raise ContractError(
            f"{zone} {day}: resolution of {minutes} minutes, expected one of {RESOLUTIONS_MINUTES}"
        )
    step = minutes // QUARTER_MINUTES
    return clock_quarters(zone, day)[::step] // step


@lru_cache(maxsize=65536)
def skipped_slots(zone: str, day: date, minutes: int) -> Ints:
    """Slots of `minutes` that the day does not have, `(n,)`, ascending: the hour that spring skips."""
    skipped = np.setdiff1d(np.arange(HOURS * 60 // minutes), clock_slots(zone, day, minutes))
    skipped.flags.writeable = False
    return skipped


def slots_of(zone: str, instants: Sequence[datetime], minutes: int) -> Ints:
    """(N,) slot of `minutes` of the local clock in which each aware instant lies."""
    time_zone = ZoneInfo(find_zone(zone).market_time_zone)
    local = (instant.astimezone(time_zone) for instant in instants)
    return np.array([(clock.hour * 60 + clock.minute) // minutes for clock in local], dtype=np.int64)


@lru_cache(maxsize=65536)
def period_clock(zone: str, day: date, n_periods: int, resolution_minutes: int) -> tuple[Ints, Ints]:
    """Local clock hour (P,) and first quarter of that hour (P,) of each period of a day.

    `n_periods` may be 24 hours of periods on any day: days of the open-access benchmark and of some files
    are naive local days without clock changes.

    Raises:
        ContractError: the number of periods does not fit the day, or periods of that length do not exist.
    """
    slots = clock_slots(zone, day, resolution_minutes)
    per_hour = 60 // resolution_minutes
    if n_periods == HOURS * per_hour:
        slots = np.arange(n_periods)
    elif len(slots) != n_periods:
        raise ContractError(
            f"{zone} {day}: {n_periods} periods of {resolution_minutes} minutes, the day has {len(slots)}"
        )
    return slots // per_hour, slots % per_hour * (QUARTERS_PER_HOUR // per_hour)


def period_quarters(zone: str, day: date, n_periods: int, resolution_minutes: int) -> Ints:
    """(P, K) quarter-hour slots of the local clock, 0 to 95, that each period of a day covers.

    Raises:
        ContractError: as `period_clock`.
    """
    hours, first = period_clock(zone, day, n_periods, resolution_minutes)
    return (hours * QUARTERS_PER_HOUR + first)[:, None] + np.arange(resolution_minutes // QUARTER_MINUTES)


def weekdays(days: Days) -> Ints:
    """(D,) weekday of each day, 0 for Monday to 6 for Sunday."""
    return (days.astype("datetime64[D]").astype(np.int64) + _WEEKDAY_OF_EPOCH) % 7


def local_time(zone: str, instant: str | pl.Expr = "delivery_start_utc") -> pl.Expr:
    """The column of instants on the local clock."""
    column = pl.col(instant) if isinstance(instant, str) else instant
    return column.dt.convert_time_zone(find_zone(zone).market_time_zone)


def slot_of(zone: str, minutes: int, instant: str | pl.Expr = "delivery_start_utc") -> pl.Expr:
    """Slot of `minutes` of the local clock in which the instant lies, Int32; `slots_of` for frames."""
    local = local_time(zone, instant)
    return (local.dt.hour().cast(pl.Int32) * 60 + local.dt.minute().cast(pl.Int32)) // minutes


def by_quarter_hour(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows repeated for each quarter hour that they cover, its start in `quarter_utc`.

    `frame` has `delivery_start_utc` and `resolution_minutes`.
    """
    parts = pl.int_ranges(0, pl.col("resolution_minutes") // QUARTER_MINUTES, dtype=pl.Int64).alias("part")
    start = pl.col("delivery_start_utc") + pl.duration(minutes=QUARTER_MINUTES * pl.col("part"))
    return frame.with_columns(parts).explode("part").with_columns(quarter_utc=start).drop("part")
