"""The canonical day: every delivery day as 24 hours of the local clock, whatever its length and resolution.

Forecasters learn from hourly means by local clock hour. The hour that spring skips is interpolated. The hour
that autumn doubles is the mean of both. Quarter-hour days add the deviation of each quarter from its hour.
`spot.market.clock.period_clock` maps the clock back to a day's real periods.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from spot.arrays import Days, Floats, Ints
from spot.contracts.panel import DeliveryPanel
from spot.errors import ContractError
from spot.market.clock import HOURS, QUARTER_MINUTES, QUARTERS_PER_HOUR, period_clock
from spot.market.delivery import RESOLUTIONS_MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockGrid:
    """Days of one zone by local clock hour. D days; NaN where unknown."""

    zone: str
    days: Days
    prices: Floats
    """(D, 24) mean price of each clock hour."""
    deviations: Floats
    """(D, 24, 4) price of each quarter minus the mean of its hour; NaN on days with hourly periods."""
    inputs: Mapping[str, Floats]
    """Name to (D, 24)."""
    holiday_fraction: Floats

    def __len__(self) -> int:
        return len(self.days)

    def rows(self, part: slice) -> "ClockGrid":
        """A contiguous part of the grid."""
        return replace(
            self,
            days=self.days[part],
            prices=self.prices[part],
            deviations=self.deviations[part],
            inputs={name: array[part] for name, array in self.inputs.items()},
            holiday_fraction=self.holiday_fraction[part],
        )

    def select_inputs(self, names: tuple[str, ...]) -> "ClockGrid":
        """The same days with exactly these inputs; one that is not there is all NaN."""
        absent = np.full_like(self.prices, np.nan)
        return replace(self, inputs={name: self.inputs.get(name, absent) for name in names})

    def joined(self, later: "ClockGrid") -> "ClockGrid":
        """These days followed by those of `later`, which must continue them with the same inputs.

        Raises:
            ContractError: `later` does not start on the day after the last day of this grid.
        """
        if len(self) and len(later) and later.days[0] != self.days[-1] + np.timedelta64(1, "D"):
            raise ContractError(f"grid of {self.zone}: {later.days[0]} does not follow {self.days[-1]}")
        return replace(
            self,
            days=np.concatenate([self.days, later.days]),
            prices=np.concatenate([self.prices, later.prices]),
            deviations=np.concatenate([self.deviations, later.deviations]),
            inputs={name: np.concatenate([array, later.inputs[name]]) for name, array in self.inputs.items()},
            holiday_fraction=np.concatenate([self.holiday_fraction, later.holiday_fraction]),
        )


def grid_of(panel: DeliveryPanel) -> ClockGrid:
    """The panel on the local clock."""
    n_days = len(panel)
    prices, deviations = np.full((n_days, HOURS), np.nan), np.full((n_days, HOURS, QUARTERS_PER_HOUR), np.nan)
    inputs = {name: np.full((n_days, HOURS), np.nan) for name in panel.inputs}
    for n_periods, minutes in sorted(
        set(zip(panel.n_periods.tolist(), panel.resolution_minutes.tolist(), strict=True))
    ):
        rows = np.flatnonzero((panel.n_periods == n_periods) & (panel.resolution_minutes == minutes))
        is_regular = minutes in RESOLUTIONS_MINUTES and n_periods == HOURS * 60 // minutes
        # The clock of a 23- or 25-hour day depends on the day, so these days are converted one by one.
        groups = [rows] if is_regular else [rows[i : i + 1] for i in range(len(rows))]
        for group in groups:
            hours, slots = period_clock(panel.zone, panel.days[group[0]].astype(object), n_periods, minutes)
            prices[group] = _hourly(panel.prices[group, :n_periods], hours)
            for name, array in panel.inputs.items():
                inputs[name][group] = _hourly(array[group, :n_periods], hours)
            if minutes < 60:
                deviations[group] = _deviations(panel.prices[group, :n_periods], prices[group], hours, slots)
    return ClockGrid(
        zone=panel.zone,
        days=panel.days,
        prices=prices,
        deviations=deviations,
        inputs=inputs,
        holiday_fraction=panel.holiday_fraction,
    )


def _hourly(values: Floats, hours: Ints) -> Floats:
    """(n, P) to (n, 24): mean over the known periods of each clock hour.

    NaN where fewer than half are known.
    """
    known = np.isfinite(values)
    count = _sum_by_hour(known.astype(np.float64), hours)
    total = _sum_by_hour(np.where(known, values, 0.0), hours)
    n_periods = np.bincount(hours, minlength=HOURS)
    enough = (count > 0) & (2 * count >= n_periods)
    hourly = np.where(enough, total / np.where(enough, count, 1.0), np.nan)
    for hour in np.flatnonzero(n_periods == 0).tolist():
        before, after = hourly[:, max(hour - 1, 0)], hourly[:, min(hour + 1, HOURS - 1)]
        hourly[:, hour] = (before + after) / 2
    return np.asarray(hourly, dtype=np.float64)


def _sum_by_hour(values: Floats, hours: Ints) -> Floats:
    """(n, P) to (n, 24): sum over the periods of each clock hour.

    Added one after the other. A matrix product adds in an order that depends on the number of days, and a
    day must give the same bits alone and among others.
    """
    total = np.zeros((len(values), HOURS))
    nth_of_hour = np.tril(hours[:, None] == hours, -1).sum(axis=1)
    for nth in range(int(nth_of_hour.max(initial=-1)) + 1):
        periods = np.flatnonzero(nth_of_hour == nth)
        total[:, hours[periods]] += values[:, periods]
    return total


def _deviations(values: Floats, hourly: Floats, hours: Ints, slots: Ints) -> Floats:
    """(n, 24, 4) deviation of each quarter from its hour.

    NaN where the quarter is unknown or its hour was skipped.
    """
    width = QUARTERS_PER_HOUR // max(1, len(np.unique(slots)))
    result = np.full((len(values), HOURS, QUARTERS_PER_HOUR), np.nan)
    for offset in range(width):
        for period in range(
            len(hours)
        ):  # of a doubled hour the second run overwrites the first: one of the two is enough here
            result[:, hours[period], slots[period] + offset] = values[:, period] - hourly[:, hours[period]]
    return result


def hours_to_periods(hourly: Floats, zone: str, day: date, n_periods: int, resolution_minutes: int) -> Floats:
    """Values of the clock hours, `(24, levels)`, to those of the real periods of a day, `(P, levels)`."""
    hours, _ = period_clock(zone, day, n_periods, resolution_minutes)
    return np.asarray(hourly[hours], dtype=np.float64)


def slots_to_periods(slots: Floats, zone: str, day: date, n_periods: int, resolution_minutes: int) -> Floats:
    """Values of the clock's quarter hours, `(24, 4)`, to those of the real periods of a day, `(P,)`.

    A longer period takes the mean of its quarters. Further axes are kept.
    """
    hours, first_slot = period_clock(zone, day, n_periods, resolution_minutes)
    width = resolution_minutes // QUARTER_MINUTES
    return np.asarray(
        np.mean([slots[hours, first_slot + offset] for offset in range(width)], axis=0), dtype=np.float64
    )
