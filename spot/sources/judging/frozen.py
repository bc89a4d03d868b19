"""The rule for values that stay the same for hours."""

import numpy as np

from spot.market.delivery import n_periods
from spot.market.price_limits import local_price_limits
from spot.sources.judging.judged_day import Fault, JudgedDay
from spot.sources.judging.series_past import Past, longest_run, rounding_of

SMALL_MW = 100.0
"""Plants of less are too small to be judged by their own past."""
FEW_FARMS_MW = 600.0
"""Wind of one or two farms: all of it may stand still, or at a reduced rating, for days."""
_COARSE = 0.001
"""Step of the publisher, as a share of the largest value, from which equal hours are a matter of rounding."""
_ROUNDED_HOURS = 6.0
_NEAR_ZERO_EUR_PER_MWH = 5.0
"""Price beside a run of zeros up to which the run is a surplus of wind and sun: Portugal had 19 such hours on
10 March 2024, between prices of 3 EUR/MWh. A series that is filled with zeros jumps to them.
"""


def find_frozen(day: JudgedDay, past: Past | None) -> Fault | None:
    """The same value for hours.

    It is real for the sun at night and for prices at zero, not for anything else.
    """
    n_equal, first, is_last = longest_run(day.values)
    hours, value = n_equal / day.per_hour, float(day.values[first])
    if day.kind == "price":
        limits = local_price_limits(day.zone, day.day)
        if value in (limits.minimum, limits.maximum) or (
            value == 0.0 and _glides_to_zero(day, first, n_equal)
        ):
            return None
        longest = 16.0 if value == 0.0 else 10.0
        trailing = (
            is_last
            and hours >= 5.0
            and len(day.values) == n_periods(day.zone, day.day, day.resolution_minutes)
        )
        return (
            Fault(f"{value:g} for {hours:g} hours: frozen, or filled after a cut")
            if hours >= longest or trailing
            else None
        )
    if day.kind == "load":
        return Fault(f"{value:g} for {hours:g} hours: frozen") if hours >= _load_hours(day, past) else None
    if past is None or past.maximum < SMALL_MW or value == 0.0:
        return None
    if day.kind == "wind" and past.maximum < FEW_FARMS_MW:
        return None
    # A wind farm at its rated power really is constant.
    is_high = day.kind == "wind" and value > 0.97 * past.maximum
    limit = 6.0 if day.kind == "wind" else 4.0
    return (
        Fault(f"{value:g} for {hours:g} hours: frozen")
        if hours >= limit and value > 0.01 * past.maximum and not is_high
        else None
    )


def _glides_to_zero(day: JudgedDay, first: int, n_equal: int) -> bool:
    """Whether the prices beside a run of zeros are near zero; a day of nothing but zeros has none."""
    beside = day.values[[at for at in (first - 1, first + n_equal) if 0 <= at < len(day.values)]]
    return len(beside) > 0 and float(np.abs(beside).max()) <= _NEAR_ZERO_EUR_PER_MWH


def _load_hours(day: JudgedDay, past: Past | None) -> float:
    """Hours of the same load from which it is frozen.

    A publisher that rounds coarsely gives the same value for hours of quiet nights. Its step shows in the
    other values of the day, and in the past where there is one.
    """
    n_equal, first, _ = longest_run(day.values)
    others = [*day.values[:first], *day.values[first + n_equal :]]
    step = rounding_of(np.array(others)) if past is None else past.rounding
    if step < _COARSE * float(day.values.max()):
        return 4.0
    seen = 0 if past is None else past.longest_run_hours
    return max(_ROUNDED_HOURS, seen + 2.0)
