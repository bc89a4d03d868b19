"""The rules by which a day of values is judged: typical errors of providers, each with its threshold.

`plausibility.py` says which days are judged and against what.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

import numpy as np
import polars as pl

from spot.arrays import Floats, Ints
from spot.market.delivery import day_ahead_mtu_minutes, n_periods
from spot.market.price_limits import local_price_limits
from spot.sources.judging.series_past import Past, by_clock_hour, correlation, longest_run

_SMALL_MW = 100.0
_SPIKE_FACTOR = 2.0
_STAND_INS = (9999.0, 99999.0)
"""Numbers that some systems write for a missing load or generation. As prices they are real where the limits
allow them.
"""


Kind = Literal["price", "load", "solar", "wind"]


class FaultKind(StrEnum):
    """What a fault says about other rows."""

    VALUES = "values"
    """Nothing about the other series of the day."""
    INCOMPLETE = "incomplete"
    """The day lacks periods, which says nothing about any other day."""
    OTHER_SERIES = "other_series"
    """The values look like those of another series. Columns may be swapped, so no series of the day is
    accepted.
    """


@dataclass(frozen=True, slots=True)
class Fault:
    """Why values are doubtful, in words and by kind."""

    words: str
    kind: FaultKind = FaultKind.VALUES


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDay:
    """One delivery day of one series."""

    zone: str
    day: date
    kind: Kind
    resolution_minutes: int
    values: Floats
    hours: Ints
    """(N,) local clock hour of each period."""
    must_be_whole: bool

    @property
    def per_hour(self) -> int:
        """Periods of an hour."""
        return 60 // self.resolution_minutes


_Rule = Callable[[JudgedDay, Past], Fault | None]


def judge_day(day: JudgedDay, part: pl.DataFrame, past: Past | None) -> Fault | None:
    """Why the whole day is doubtful, None where it is not. `part` holds the day's rows."""
    if part["resolution_minutes"].n_unique() > 1:
        return Fault("periods of several lengths on one day")
    if part["delivery_start_utc"].is_duplicated().any():
        return Fault("a period is given twice")
    if day.kind == "price" and day.resolution_minutes != (mtu := day_ahead_mtu_minutes(day.zone, day.day)):
        return Fault(f"periods of {day.resolution_minutes} minutes where the auction of that day has {mtu}")
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
    return _frozen(day, past)


def _frozen(day: JudgedDay, past: Past | None) -> Fault | None:
    """The same value for hours.

    It is real for the sun at night and for prices at zero, not for anything else.
    """
    n_equal, first, is_last = longest_run(day.values)
    hours, value = n_equal / day.per_hour, float(day.values[first])
    if day.kind == "price":
        limits = local_price_limits(day.zone, day.day)
        if value in (limits.minimum, limits.maximum):
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
        return Fault(f"{value:g} for {hours:g} hours: frozen") if hours >= 4.0 else None
    if past is None or past.maximum < _SMALL_MW or value == 0.0:
        return None
    # A wind farm at its rated power really is constant.
    is_high = day.kind == "wind" and value > 0.97 * past.maximum
    limit = 6.0 if day.kind == "wind" else 4.0
    return (
        Fault(f"{value:g} for {hours:g} hours: frozen")
        if hours >= limit and value > 0.01 * past.maximum and not is_high
        else None
    )


def _flipped(day: JudgedDay, past: Past) -> Fault | None:
    """Prices that fit the past week better with the opposite sign, or run against its shape."""
    hourly = by_clock_hour(day.values, day.hours)
    seen = ~np.isnan(hourly) & ~np.isnan(past.profile)
    x, profile = hourly[seen], past.profile[seen]
    as_given, turned = float(np.abs(x - profile).mean()), float(np.abs(-x - profile).mean())
    if turned < 0.75 * as_given or correlation(x, profile) < -0.6:
        return Fault("prices fit the week before better with the opposite sign")
    return None


def _price_scale(day: JudgedDay, past: Past) -> Fault | None:
    """Prices a thousand times too small or too large, yet inside the limits."""
    hourly = by_clock_hour(day.values, day.hours)
    seen = ~np.isnan(hourly) & ~np.isnan(past.profile)
    error = float(np.abs(hourly[seen] - past.profile[seen]).mean())
    scaled = float(np.abs(hourly[seen] / 1000.0 - past.profile[seen]).mean())
    size = float(np.abs(day.values).max())
    return (
        Fault("prices look a thousandfold too large")
        if size > 8.0 * max(past.maximum, 20.0) and scaled < 0.1 * error
        else None
    )


def _load_shape(day: JudgedDay, past: Past) -> Fault | None:
    hourly = by_clock_hour(day.values, day.hours)
    seen = ~np.isnan(hourly) & ~np.isnan(past.profile)
    if seen.sum() < 20:
        return None
    x, profile = hourly[seen], past.profile[seen]
    if correlation(x, profile) < -0.3:
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
    if past.maximum < _SMALL_MW:
        return None
    at_night = past.hour_maximum[day.hours] <= 0.0
    if (day.values[at_night] > 0.15 * past.maximum).sum() >= day.per_hour:
        return Fault("generation by night: another series, or shifted", FaultKind.OTHER_SERIES)
    at_noon = past.profile[day.hours] > 0.2 * past.maximum
    if at_noon.any() and (day.values[at_noon] == 0.0).sum() >= 2 * day.per_hour:
        return Fault("zero at noon: not published, or another series", FaultKind.OTHER_SERIES)
    return None


def _wind_shape(day: JudgedDay, past: Past) -> Fault | None:
    if past.maximum < _SMALL_MW or past.zero_share > 0.01:
        return None
    return (
        Fault("zeros for hours: not published, or another series", FaultKind.OTHER_SERIES)
        if (day.values == 0.0).sum() >= 3 * day.per_hour
        else None
    )


def _too_high(day: JudgedDay, past: Past) -> Fault | None:
    factor = {"load": 1.8, "solar": 4.0, "wind": 3.0}[day.kind]
    n_above = int((day.values > factor * max(past.maximum, _SMALL_MW / 2)).sum())
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
    "price": (_flipped, _price_scale),
    "load": (_too_high, _too_low, _load_shape),
    "solar": (_too_high, _solar_shape),
    "wind": (_too_high, _wind_shape),
}


def judge_rows(day: JudgedDay, past: Past | None) -> list[str]:
    """Why each value is doubtful, empty where it is not.

    A doubtful value is far from its neighbours, further than the series ever moved.
    """
    reasons = [""] * len(day.values)
    if day.kind == "price":
        limits = local_price_limits(day.zone, day.day)
        outside = (day.values < limits.minimum) | (day.values > limits.maximum)
        return ["beyond the harmonised clearing price limits of the day" if bad else "" for bad in outside]
    if past is None or past.maximum < _SMALL_MW:
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
    for at in np.flatnonzero(np.isin(np.abs(day.values), _STAND_INS)):
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
