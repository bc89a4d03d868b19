"""The range that each input may have, and which inputs a day lacks.

A model that was fitted in winter sees more sun in summer. So the range grows with the absorbed days, up to
the values that seven of them reached. A fault of less than a week moves nothing, so it cannot make room for a
worse fault. A refit measures the range over all days alike, so that range may differ a little from the range
of an updated model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from spot.arrays import Floats
from spot.errors import ForecastError
from spot.forecast.days.clock_grid import ClockGrid
from spot.forecast.days.filling import fill_gaps_within_days
from spot.forecast.days.input_roles import is_fuel

MARGIN = 2.0
"""How far outside the range of the past a value may lie, in units of that range. Chosen by hand; not tuned.
"""
CONFIRMING_DAYS = 7
"""Days that must reach a value before it belongs to the range of the past. Chosen by hand: longer than a
usual fault of a feed.
"""
Ranges = Mapping[str, tuple[float, float]]


def with_margin(low: float, high: float) -> tuple[float, float]:
    """Lowest and highest value that counts, where the past reaches from `low` to `high`."""
    margin = MARGIN * (high - low)
    return low - margin, high + margin


def _without_margin(low: float, high: float) -> tuple[float, float]:
    margin = MARGIN * (high - low) / (1 + 2 * MARGIN)
    return low + margin, high - margin


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRanges:
    """The range of every input after some absorbed days.

    It depends only on the range of the fit and on the days absorbed since, in their order.
    """

    ranges: Ranges
    """Lowest and highest value of each input that counts as plausible."""
    lowest: Mapping[str, tuple[float, ...]]
    """The lowest daily minima since the fit, ascending, at most CONFIRMING_DAYS of them."""
    highest: Mapping[str, tuple[float, ...]]
    """The highest daily maxima since the fit, descending, at most CONFIRMING_DAYS of them."""

    @classmethod
    def of_fit(cls, ranges: Ranges) -> Self:
        """The ranges before any day is absorbed."""
        return cls(ranges=ranges, lowest=dict.fromkeys(ranges, ()), highest=dict.fromkeys(ranges, ()))

    def after(self, day: ClockGrid) -> Self:
        """The ranges after `day`, one row whose values lie within them.

        A day without a price does not count yet.
        """
        if not np.isfinite(day.prices).any():
            return self
        ranges, lowest, highest = dict(self.ranges), dict(self.lowest), dict(self.highest)
        for name, (low, high) in self.ranges.items():
            known = day.inputs[name][np.isfinite(day.inputs[name])].tolist()
            if known:
                lowest[name] = tuple(sorted([*lowest[name], min(known)])[:CONFIRMING_DAYS])
                highest[name] = tuple(sorted([*highest[name], max(known)], reverse=True)[:CONFIRMING_DAYS])
            if len(lowest[name]) == CONFIRMING_DAYS:
                past_low, past_high = _without_margin(low, high)
                if lowest[name][-1] < past_low or highest[name][-1] > past_high:
                    ranges[name] = with_margin(
                        min(past_low, lowest[name][-1]), max(past_high, highest[name][-1])
                    )
        return type(self)(ranges=ranges, lowest=lowest, highest=highest)

    def seen(self) -> Ranges:
        """Lowest and highest value of each input in the past, without the margin around them."""
        return {name: _without_margin(low, high) for name, (low, high) in self.ranges.items()}

    def within_range(self, grid: ClockGrid) -> ClockGrid:
        """The grid with exactly the inputs of `ranges`; values outside their range count as missing."""
        chosen = grid.select_inputs(tuple(self.ranges))
        inputs = {}
        for name, (low, high) in self.ranges.items():
            values = chosen.inputs[name]
            inputs[name] = np.where((values >= low) & (values <= high), values, np.nan)
        return ClockGrid(
            zone=grid.zone,
            days=grid.days,
            prices=grid.prices,
            deviations=grid.deviations,
            inputs=inputs,
            holiday_fraction=grid.holiday_fraction,
        )

    def missing_inputs(self, day: ClockGrid, past: ClockGrid) -> tuple[str, ...]:
        """Names of the inputs that the last day of `day` lacks.

        An input is lacking if it is absent, or frozen at one value although it varies within the days of
        `past`. A fuel outside its range is lacking too: in a shock its price is real, the power prices of the
        days before tell of it, and a day without forecast would cost more.

        Raises:
            ForecastError: an input other than a fuel is there but outside its range.
        """
        missing = []
        for name, (low, high) in self.ranges.items():
            values = day.inputs[name][-1] if name in day.inputs else np.full(day.prices.shape[1], np.nan)
            known = values[np.isfinite(values)]
            is_outside = len(known) > 0 and (known.min() < low or known.max() > high)
            if is_outside and not is_fuel(name):
                raise ForecastError(
                    f"{day.zone} {day.days[-1]}: {name} reaches from {known.min():g} to {known.max():g},"
                    f" plausible is {low:g} to {high:g}"
                )
            is_frozen = len(known) and np.ptp(known) == 0 and _varies_within_days(past.inputs[name])
            if is_outside or is_frozen or not np.isfinite(fill_gaps_within_days(values[None])).all():
                missing.append(name)
        return tuple(missing)

    def walk(self, later: ClockGrid, past: ClockGrid) -> tuple[ClockGrid, list[tuple[str, ...]]]:
        """The days of `later` with implausible values as missing, and which inputs each day lacks.

        `later` follows the days of `past`. Each day is judged by the days before it.

        Raises:
            ForecastError: an input other than a fuel is there but outside its range.
        """
        known = self
        days = past.select_inputs(tuple(self.ranges)).joined(later.select_inputs(tuple(self.ranges)))
        missing = []
        for row in range(len(past), len(days)):
            day = days.rows(slice(row, row + 1))
            missing.append(known.missing_inputs(day, days.rows(slice(0, row))))
            sound = known.within_range(day)
            for name in self.ranges:
                days.inputs[name][row] = sound.inputs[name][0]
            known = known.after(sound)
        return days.rows(slice(len(past), len(days))), missing


def _varies_within_days(values: Floats) -> bool:
    """Whether most days without a gap hold more than one value."""
    complete = values[np.isfinite(values).all(axis=1)]
    return len(complete) > 0 and bool(np.median(np.ptp(complete, axis=1)) > 0)
