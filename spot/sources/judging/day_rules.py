"""The rules by which a day of values is judged: typical errors of providers, each with its threshold.

`plausibility.py` says which days are judged and against what.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.market.delivery import day_ahead_mtu_minutes, n_periods
from spot.market.price_limits import local_price_limits
from spot.sources.auction_unit import is_repeated
from spot.sources.judging.frozen import FEW_FARMS_MW, SMALL_MW, find_frozen
from spot.sources.judging.judged_day import Fault, FaultKind, JudgedDay, Kind
from spot.sources.judging.price_rules import find_flipped, find_price_scale
from spot.sources.judging.series_past import Past, by_clock_hour, correlation

_SPIKE_FACTOR = 2.0
_LOAD_LEVEL = (0.5, 1.8)
"""Mean load of a day over that of the week before, outside of which unit or scale is wrong. `python -m
benchmarks.faults.zone_truth` measures it.
"""
_SHAPED = 0.05
"""Spread of the hours of a week over their mean, from which a load has a shape to compare."""
_THOUSANDTH = 0.002
"""Highest value of a day over that of four weeks, below which a generation is in another unit."""
_OWN_USE = 0.005
"""Share of the highest value of four weeks that a farm may take from the grid while nothing is generated."""
_CALM = 0.03
"""Share of the highest value of four weeks up to which wind is calm."""
_STAND_INS = (9999.0, 99999.0)
"""Numbers that some systems write for a missing load or generation. As prices they are real where the limits
allow them.
"""


_Rule = Callable[[JudgedDay, Past], Fault | None]


def judge_day(day: JudgedDay, part: pl.DataFrame, past: Past | None) -> Fault | None:
    """Why the whole day is doubtful, None where it is not. `part` holds the day's rows."""
    if part["resolution_minutes"].n_unique() > 1:
        return Fault("periods of several lengths on one day")
    if part["delivery_start_utc"].is_duplicated().any():
        return Fault("a period is given twice")
    if day.kind == "price" and (fault := _other_unit(day)):
        return fault
    n_expected = n_periods(day.zone, day.day, day.resolution_minutes)
    if day.must_be_whole and len(day.values) != n_expected:
        return Fault(
            f"{len(day.values)} of {n_expected} periods of the day: incomplete or shifted",
            FaultKind.INCOMPLETE,
        )
    # A few hours are too few to compare a shape.
    if past is not None and len(day.values) * day.resolution_minutes >= 6 * 60:
        for rule in _DAY_RULES[day.kind]:
            if fault := rule(day, past):
                return fault
    return find_frozen(day, past)


def _load_shape(day: JudgedDay, past: Past) -> Fault | None:
    hourly = by_clock_hour(day.values, day.hours)
    seen = ~np.isnan(hourly) & ~np.isnan(past.profile)
    if seen.sum() < 20:
        return None
    x, profile = hourly[seen], past.profile[seen]
    ratio = float(x.mean()) / max(float(profile.mean()), 1.0)
    if not _LOAD_LEVEL[0] <= ratio <= _LOAD_LEVEL[1]:
        return Fault(f"the mean load is {ratio:.2g} times that of the week before: unit or scale")
    # A load without a shape of its own, as of electric heating, may run against the week before.
    has_shape = float(profile.std()) > _SHAPED * float(profile.mean())
    if has_shape and correlation(x, profile) < -0.3:
        return Fault("load runs against the shape of the week before")
    # A shifted forecast no longer fills its day, which another rule catches. Only actual values may cover
    # part of a day.
    return None if day.must_be_whole else _shift(x, profile, 0.2)


def _shift(x: Floats, profile: Floats, factor: float) -> Fault | None:
    """Whether values fit the past much better one hour earlier or later than as given.

    Level and spread are removed first.
    """

    def error(a: Floats, b: Floats) -> float:
        return float(np.mean(((a - a.mean()) / (a.std() + 1e-9) - (b - b.mean()) / (b.std() + 1e-9)) ** 2))

    here = error(x[1:-1], profile[1:-1])
    beside = min(error(x[1:-1], profile[:-2]), error(x[1:-1], profile[2:]))
    return (
        Fault("values fit the week before one hour earlier or later: shifted")
        if here > 0.03 and beside < factor * here
        else None
    )


def _solar_shape(day: JudgedDay, past: Past) -> Fault | None:
    if past.maximum < SMALL_MW:
        return None
    at_night = past.hour_maximum[day.hours] <= 0.0
    own = float(day.values.max())  # of a day that is far below the past: little wind in the place of the sun
    n_lit = (day.values[at_night] > 0.15 * own).sum() if own < past.maximum else 0
    if (day.values[at_night] > 0.15 * past.maximum).sum() >= day.per_hour or n_lit >= 3 * day.per_hour:
        return Fault("generation by night: another series, or shifted", FaultKind.OTHER_SERIES)
    at_noon = past.profile[day.hours] > 0.2 * past.maximum
    if at_noon.any() and (day.values[at_noon] == 0.0).sum() >= 2 * day.per_hour:
        return Fault("zero at noon: not published, or another series", FaultKind.OTHER_SERIES)
    return None


def _wind_shape(day: JudgedDay, past: Past) -> Fault | None:
    if past.maximum < FEW_FARMS_MW or past.zero_share > 0.01:
        return None
    zeros = day.values == 0.0
    if zeros.sum() < 3 * day.per_hour:
        return None
    # Wind that dies down reaches zero in small steps. Values that are not there begin at once.
    beside = (np.roll(zeros, 1) | np.roll(zeros, -1)) & ~zeros
    is_sudden = zeros.all() or float(day.values[beside].max(initial=0.0)) > _CALM * past.maximum
    words = "zeros for hours: not published, or another series"
    return Fault(words, FaultKind.OTHER_SERIES) if is_sudden else None


def _too_small(day: JudgedDay, past: Past) -> Fault | None:
    """Generation of a thousandth: another unit."""
    highest = float(day.values.max())
    if not 0.0 < highest < _THOUSANDTH * past.maximum:
        return None
    return Fault("values look a thousandfold too small: unit or scale")


def _turned(day: JudgedDay, past: Past) -> Fault | None:
    """Generation below zero all day: the opposite sign.

    What a calm farm takes from the grid is far less.
    """
    if float(day.values.max()) > 0.0 or float(day.values.min()) >= -_OWN_USE * past.maximum:
        return None
    return Fault("no value above zero, and some far below: opposite sign")


def _too_high(day: JudgedDay, past: Past) -> Fault | None:
    factor = {"load": 1.8, "solar": 4.0, "wind": 3.0}[day.kind]
    n_above = int((day.values > factor * max(past.maximum, SMALL_MW / 2)).sum())
    return (
        Fault(f"{n_above} values above {factor:g} times the maximum of four weeks: unit or scale")
        if n_above > day.per_hour
        else None
    )


def _too_low(day: JudgedDay, past: Past) -> Fault | None:
    n_below = int((day.values < 0.35 * past.minimum).sum())
    return (
        Fault(f"{n_below} values far below the minimum of four weeks: not published, unit or scale")
        if n_below > day.per_hour
        else None
    )


_DAY_RULES: dict[Kind, tuple[_Rule, ...]] = {
    "price": (find_flipped, find_price_scale),
    "load": (_too_high, _too_low, _load_shape),
    "solar": (_turned, _too_high, _too_small, _solar_shape),
    "wind": (_turned, _too_high, _too_small, _wind_shape),
}


def _other_unit(day: JudgedDay) -> Fault | None:
    """Prices that are not in the market time unit of their auction, or only pretend to be."""
    if day.resolution_minutes != (mtu := day_ahead_mtu_minutes(day.zone, day.day)):
        return Fault(f"periods of {day.resolution_minutes} minutes where the auction of that day has {mtu}")
    if is_repeated(day.values, day.resolution_minutes):
        # The quarters of the auction may still come. The day says nothing about its neighbours.
        words = "hourly prices repeated on their quarters: not the auction's result"
        return Fault(words, FaultKind.INCOMPLETE)
    return None


def judge_rows(day: JudgedDay, past: Past | None) -> list[str]:
    """Why each value is doubtful, empty where it is not.

    A doubtful value is far from its neighbours, further than the series ever moved.
    """
    reasons = [""] * len(day.values)
    if day.kind == "price":
        limits = local_price_limits(day.zone, day.day)
        outside = (day.values < limits.minimum) | (day.values > limits.maximum)
        return ["beyond the harmonised clearing price limits of the day" if bad else "" for bad in outside]
    if past is None or past.maximum < SMALL_MW:
        return reasons
    floor = 0.35 * past.minimum if day.kind == "load" else -0.05 * past.maximum
    ceiling = {"load": 1.8, "solar": 4.0, "wind": 3.0}[day.kind] * past.maximum
    padded = (
        np.concatenate((day.values[1:2], day.values, day.values[-2:-1]))
        if len(day.values) > 1
        else np.repeat(day.values, 3)
    )
    before, after = padded[:-2], padded[2:]
    alone = np.minimum(np.abs(day.values - before), np.abs(day.values - after)) * np.sign(
        (day.values - before) * (day.values - after)
    )
    limit = 1.5 * past.maximum_step + 0.02 * past.maximum
    for at in np.flatnonzero((day.values < floor) | (day.values > ceiling) | (alone > limit)):
        reasons[at] = "stands alone, far from the values beside it and from four weeks"
    stands_in = np.isin(np.abs(day.values), _STAND_INS)
    nearest = np.minimum(np.abs(day.values - before), np.abs(day.values - after))
    # A load of 9,999 MW between two of nearly as much is a load.
    for at in np.flatnonzero(stands_in & ((nearest == 0.0) | (nearest > past.maximum_step))):
        reasons[at] = "a number that stands for a missing value"
    return reasons


def find_flag(day: JudgedDay, past: Past | None) -> str:
    """What is unusual about a plausible day, for a person to look at; empty where nothing is."""
    if day.kind != "price" or past is None:
        return ""
    if float(day.values.max()) > _SPIKE_FACTOR * max(past.maximum, 50.0):
        return "price spike"
    return (
        "deep negative prices" if float(day.values.min()) < min(-100.0, _SPIKE_FACTOR * past.minimum) else ""
    )
