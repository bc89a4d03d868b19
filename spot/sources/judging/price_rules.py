"""The rules for a day of prices: the opposite sign, and a wrong scale inside the limits."""

import numpy as np

from spot.sources.judging.judged_day import Fault, JudgedDay
from spot.sources.judging.series_past import Past, by_clock_hour, correlation, finer_than_cents

_NEARER = 0.75
_NEAR = 3.0
_NEAR_EUR_PER_MWH = 30.0
_SAME_SHAPE = 0.3
_TINY = 0.02
"""Largest price of a day over the mean of the week before, below which its unit is looked at."""
_TURNED_SHAPE = -0.6
_BELOW_A_EURO = 1.0
_MOSTLY = 0.5
"""A day is in another unit where its prices are below a euro, and most have more digits than cents. Chosen by
hand; `python -m benchmarks.faults.zone_truth` measures both sides.
"""


def find_flipped(day: JudgedDay, past: Past) -> Fault | None:
    """Prices that fit the past week better with the opposite sign, and fit it well.

    A day of deep negative prices is far from the week before with either sign. A turned day is near it, and
    has its shape.
    """
    hourly = by_clock_hour(day.values, day.hours)
    seen = ~np.isnan(hourly) & ~np.isnan(past.profile)
    x, profile = hourly[seen], past.profile[seen]
    as_given, turned = float(np.abs(x - profile).mean()), float(np.abs(-x - profile).mean())
    is_nearer = turned < _NEARER * as_given
    is_near = turned < max(_NEAR * past.usual_distance, _NEAR_EUR_PER_MWH)
    shape = correlation(x, profile)
    if is_near and ((is_nearer and shape < _SAME_SHAPE) or (turned < as_given and shape < _TURNED_SHAPE)):
        return Fault("prices fit the week before better with the opposite sign")
    return None


def find_price_scale(day: JudgedDay, past: Past) -> Fault | None:
    """Prices a thousand times too small or too large, yet inside the limits."""
    hourly = by_clock_hour(day.values, day.hours)
    seen = ~np.isnan(hourly) & ~np.isnan(past.profile)
    x, profile = hourly[seen], past.profile[seen]
    error, size = float(np.abs(x - profile).mean()), float(np.abs(day.values).max())
    if size > 8.0 * max(past.maximum, 20.0) and float(np.abs(x / 1000.0 - profile).mean()) < 0.1 * error:
        return Fault("prices look a thousandfold too large")
    is_tiny = size < _TINY * float(np.abs(profile).mean())
    if is_tiny and float(np.abs(x * 1000.0 - profile).mean()) < _NEARER * error:
        return Fault("prices look a thousandfold too small")
    # A day around zero is near the week before at any scale. Its digits tell.
    if past.is_in_cents and size < _BELOW_A_EURO and finer_than_cents(day.values).mean() > _MOSTLY:
        return Fault("prices below a euro in fractions of a cent: look a thousandfold too small")
    return None
