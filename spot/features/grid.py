"""Delivery days as rows of dense matrices, so that a lag of a day is a shift by one row.

All matrices are (D, S): D contiguous days of one zone, S = 100 slots of 15 minutes since the start of the
delivery day, so that the repeated hour of autumn keeps both its values; slots after the end of a day are NaN.
`at_clock_of` moves values between days by the local clock: the repeated hour counts with its mean, the hour
that spring leaves out takes the value before it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from spot.arrays import Floats, Ints
from spot.market.clock import CLOCK_QUARTERS, LONGEST_DAY_QUARTERS, QUARTER_MINUTES, clock_quarters
from spot.market.delivery import day_ahead_mtu_minutes, day_bounds_utc, days_between

STEP_US = QUARTER_MINUTES * 60_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Grid:
    """The slots of D contiguous days of one zone."""

    zone: str
    days: tuple[date, ...]
    start_us: Ints
    """(D,) start of each day, microseconds since 1970 UTC."""
    n_slots: Ints
    """(D,) slots of each day: 92, 96 or 100."""
    mtu_minutes: Ints
    """(D,) length of the day-ahead market time unit."""
    clock_slot: Ints
    """(D, S) slot of the local clock, 0 to 95; -1 after the end of the day."""

    @property
    def n_periods(self) -> Ints:
        """(D,) market time units of each day."""
        periods: Ints = self.n_slots * QUARTER_MINUTES // self.mtu_minutes
        return periods

    def part(self, first_row: int, end_row: int) -> "Grid":
        """The days of rows `first_row` up to, not including, `end_row`."""
        rows = slice(first_row, end_row)
        return Grid(
            self.zone,
            self.days[rows],
            self.start_us[rows],
            self.n_slots[rows],
            self.mtu_minutes[rows],
            self.clock_slot[rows],
        )

    def to_clock(self, matrix: Floats) -> Floats:
        """(D, S) by slot of the day to (D, 96) by slot of the local clock."""
        clock = matrix[:, :CLOCK_QUARTERS].copy()
        for row in np.flatnonzero(self.n_slots != CLOCK_QUARTERS):
            n_slots = self.n_slots[row]
            clock[row] = _mean_by_slot(matrix[row, :n_slots], self.clock_slot[row, :n_slots])
        return clock

    def at_clock_of(self, clock: Floats) -> Floats:
        """(D, 96) by slot of the local clock to (D, S) by slot of this grid's days."""
        values = np.take_along_axis(clock, np.maximum(self.clock_slot, 0), axis=1)
        return np.where(self.clock_slot >= 0, values, np.nan)


def make_grid(zone: str, first_day: date, last_day: date) -> Grid:
    """The grid of all days from `first_day` to `last_day`, both included."""
    days = days_between(first_day, last_day)
    start_us = np.array(
        [to_us(day_bounds_utc(zone, day)[0]) for day in (*days, last_day + timedelta(days=1))], dtype=np.int64
    )
    n_slots = np.diff(start_us) // STEP_US
    mtu_minutes = np.array([day_ahead_mtu_minutes(zone, day) for day in days], dtype=np.int64)
    slots = np.arange(LONGEST_DAY_QUARTERS)
    clock_slot = np.where(slots < CLOCK_QUARTERS, slots, -1)[None, :].repeat(len(days), axis=0)
    for row in np.flatnonzero(n_slots != CLOCK_QUARTERS):
        clock_slot[row] = -1
        clock_slot[row, : n_slots[row]] = clock_quarters(zone, days[row])
    return Grid(zone, days, start_us[:-1], n_slots, mtu_minutes, clock_slot)


def to_us(instant: datetime) -> int:
    """Microseconds since 1970 UTC of an aware instant."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def mean_of_periods(matrix: Floats, n_merged: int) -> Floats:
    """(D, S) to (D, S / n): mean of each `n_merged` slots.

    Exact where they are equal, NaN where one is missing.
    """
    blocks = matrix[:, : LONGEST_DAY_QUARTERS // n_merged * n_merged].reshape(len(matrix), -1, n_merged)
    first = blocks[:, :, 0]
    means: Floats = first + (blocks - first[:, :, None]).mean(axis=2)
    return means


def periods_of(grid: Grid, matrix: Floats, *, take_first: bool = False) -> Floats:
    """(D, S) by slot to (D, P) by market time unit, its mean or its first value.

    P the most periods of any day, NaN after the end of a day.
    """
    periods = np.full((len(grid.days), int(grid.n_periods.max())), np.nan)
    for minutes in np.unique(grid.mtu_minutes):
        rows = np.flatnonzero(grid.mtu_minutes == minutes)
        n_merged = int(minutes) // QUARTER_MINUTES
        merged = matrix[rows, ::n_merged] if take_first else mean_of_periods(matrix[rows], n_merged)
        width = min(merged.shape[1], periods.shape[1])
        periods[rows, :width] = merged[:, :width]
    return periods


def _mean_by_slot(values: Floats, slots: Ints) -> Floats:
    """(96,) mean of the values of each clock slot; a slot that does not occur takes the value before it."""
    counts = np.bincount(slots, minlength=CLOCK_QUARTERS)
    means = np.bincount(slots, weights=values, minlength=CLOCK_QUARTERS) / np.maximum(counts, 1)
    source = np.maximum.accumulate(np.where(counts > 0, np.arange(CLOCK_QUARTERS), 0))
    return means[source]
