"""The periods of the simulated market: one row per market time unit, with natural and local time.

Values have any unit; means have the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from spot.arrays import Floats, Ints
from spot.errors import ContractError
from spot.market.clock import local_time
from spot.market.delivery import day_bounds_utc, days_between
from spot.market.holidays import day_kind
from spot.simulation.noise import epoch_day
from spot.simulation.scenarios import Scenario, mtu_minutes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
"""Periods are counted in minutes since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketClock:
    """All periods of a zone on a contiguous range of delivery days. Shapes: D days, N periods."""

    zone: str
    days: tuple[date, ...]
    first_row: Ints
    """(D,) row of each day's first period."""
    day_row: Ints
    """(N,) position of the period's day in `days`."""
    epoch_days: Ints
    """(N,) days since 1970 of the period's delivery day."""
    start_minutes: Ints
    """(N,) start, minutes since 1970 UTC."""
    resolution_minutes: Ints
    """(N,)"""
    local_hour: Floats
    """(N,) middle of the period on the local wall clock, 0 to 24."""
    day_of_year: Floats
    """(N,)"""
    day_kind: Ints
    """(N,) kind of the period's day: `spot.market.holidays.day_kind`."""

    @property
    def middle_hours(self) -> Floats:
        """(N,) middle of the period, hours since 1970 UTC."""
        return (self.start_minutes + self.resolution_minutes / 2.0) / 60.0

    @property
    def quarters(self) -> Ints:
        """(N,) quarter hours since 1970 at the start of the period."""
        return self.start_minutes // 15

    def daily_mean(self, values: Floats) -> Floats:
        """(N,) mean over the delivery day, repeated for each of its periods."""
        counts = np.diff(np.append(self.first_row, len(values)))
        return np.asarray(np.repeat(np.add.reduceat(values, self.first_row) / counts, counts))


def market_clock(zone: str, first_day: date, last_day: date, scenarios: Sequence[Scenario]) -> MarketClock:
    """The clock of `zone` from `first_day` to `last_day`, both included.

    Raises:
        ContractError: the range is empty.
        ConfigurationError: the zone is unknown or the days are outside the simulated world.
    """
    days = days_between(first_day, last_day)
    if not days:
        raise ContractError(f"no day from {first_day} to {last_day}")
    epoch_day(first_day), epoch_day(last_day)
    bounds = [tuple((bound - _EPOCH) // _MINUTE for bound in day_bounds_utc(zone, day)) for day in days]
    minutes = [mtu_minutes(zone, day, scenarios) for day in days]
    starts = [
        np.arange(start, end, step, dtype=np.int64)
        for (start, end), step in zip(bounds, minutes, strict=True)
    ]
    counts = np.array([len(part) for part in starts])
    start_minutes = np.concatenate(starts)
    resolution = np.repeat(np.array(minutes, dtype=np.int64), counts)
    kinds = np.array([day_kind(zone, day) for day in days], dtype=np.int64)
    return MarketClock(
        zone=zone,
        days=days,
        first_row=np.concatenate([[0], np.cumsum(counts)[:-1]]),
        day_row=np.repeat(np.arange(len(days)), counts),
        epoch_days=np.repeat(np.array([epoch_day(day) for day in days], dtype=np.int64), counts),
        start_minutes=start_minutes,
        resolution_minutes=resolution,
        local_hour=_wall_clock(zone, start_minutes) + resolution / 120.0,
        day_of_year=np.repeat(np.array([day.timetuple().tm_yday for day in days], dtype=np.float64), counts),
        day_kind=np.repeat(kinds, counts),
    )


def _wall_clock(zone: str, start_minutes: Ints) -> Floats:
    starts = pl.Series("start", start_minutes * 60_000_000).cast(pl.Datetime("us", "UTC")).to_frame()
    local = local_time(zone, "start")
    hours = starts.select(local.dt.hour().cast(pl.Float64) + local.dt.minute() / 60.0)
    return np.asarray(hours.to_series().to_numpy())
