"""Statistics of the last weeks of one series, which the plausibility rules compare with.

Values have the unit of their table, EUR/MWh or MW.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from spot.arrays import Bools, Floats, Ints

N_DAYS = 28
N_PROFILE_DAYS = 7
_QUARTERS_OF_A_CENT = 400
"""Prices are published in cents; the mean of four quarter hours is then in quarters of a cent."""
_ROUNDINGS = (1000.0, 500.0, 200.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0)
N_NEEDED = 7
"""Days of history that a series needs before it is judged by its past."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The last four weeks by local clock hour.

    Shapes (24,) in the unit of the series; NaN for an hour never seen.
    """

    profile: Floats
    """Mean of the last seven days."""
    hour_maximum: Floats
    minimum: float
    maximum: float
    zero_share: float
    """Share of hours that were exactly zero."""
    maximum_step: float
    """Largest change from one hour to the next."""
    usual_distance: float
    """Median over the days of the mean distance between the hours of a day and those of the week before."""
    rounding: float
    """Step to which the publisher rounds, 0 where none is found."""
    longest_run_hours: int
    """Longest run of equal hours within a day, zeros left out."""
    is_in_cents: bool
    """Whether no value is finer than a hundredth, or than the mean of four such values."""


class RollingPast:
    """The past of a series, to which accepted days are added one after the other."""

    def __init__(self) -> None:
        self._days: deque[Floats] = deque(maxlen=N_DAYS)
        self._distances: deque[float] = deque(maxlen=N_DAYS)
        self._roundings: deque[float] = deque(maxlen=N_DAYS)
        self._runs: deque[int] = deque(maxlen=N_DAYS)
        self._in_cents: deque[bool] = deque(maxlen=N_DAYS)

    def add(self, hourly: Floats) -> None:
        """Add a day, (24,) means by local clock hour, NaN for an hour that the day does not have."""
        seen = hourly[~np.isnan(hourly)]
        if self._days:
            recent = np.array(list(self._days)[-N_PROFILE_DAYS:])
            distances = np.abs(hourly - recent)
            known = ~np.isnan(distances)
            self._distances.append(float(distances[known].mean()) if known.any() else 0.0)
        self._days.append(hourly)
        self._roundings.append(rounding_of(seen))
        self._runs.append(_longest_hours(seen))
        self._in_cents.append(not finer_than_cents(seen).any())

    def summary(self) -> Past | None:
        """The statistics, or None while fewer than `N_NEEDED` days are known."""
        if len(self._days) < N_NEEDED:
            return None
        days = np.stack(self._days)
        flat = days[~np.isnan(days)]
        filled = np.where(np.isnan(days), -np.inf, days)
        recent = days[-N_PROFILE_DAYS:]
        n_seen = (~np.isnan(recent)).sum(axis=0)
        with np.errstate(invalid="ignore"):
            profile = np.where(n_seen > 0, np.nansum(recent, axis=0) / np.maximum(n_seen, 1), np.nan)
        steps = np.abs(np.diff(days, axis=1))
        return Past(
            profile=profile,
            hour_maximum=filled.max(axis=0),
            minimum=float(flat.min()),
            maximum=float(flat.max()),
            zero_share=float((flat == 0.0).mean()),
            maximum_step=float(np.nanmax(steps)) if np.isfinite(steps).any() else 0.0,
            usual_distance=float(np.median(self._distances)),
            rounding=min(self._roundings),
            longest_run_hours=max(self._runs),
            is_in_cents=all(self._in_cents),
        )


def rounding_of(values: Floats) -> float:
    """Step of which every value `(n,)` is a multiple: 1, 2, 5 and their tens, or 0 where none is."""
    if not len(values) or (values != np.round(values)).any():
        return 0.0
    return next((step for step in _ROUNDINGS if not (values % step).any()), 0.0)


def finer_than_cents(values: Floats) -> Bools:
    """(n,) whether each value is finer than a hundredth and than the mean of four hundredths."""
    scaled = values * _QUARTERS_OF_A_CENT
    return np.abs(scaled - np.round(scaled)) > 1e-6


def _longest_hours(values: Floats) -> int:
    """Longest run of equal values other than zero."""
    if not len(values):
        return 0
    n_equal, first, _ = longest_run(np.where(values == 0.0, np.arange(1, len(values) + 1) * 1e-9, values))
    return n_equal if values[first] != 0.0 else 0


def by_clock_hour(values: Floats, hours: Ints) -> Floats:
    """(24,) mean of the values at each local clock hour, NaN where there is none."""
    counts = np.bincount(hours, minlength=24)
    sums = np.bincount(hours, weights=values, minlength=24)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def longest_run(values: Floats) -> tuple[int, int, bool]:
    """The longest run of equal values in a series `(n,)`: length, first index, whether it ends the series."""
    change = np.flatnonzero(np.diff(values) != 0.0)
    starts = np.concatenate(([0], change + 1))
    lengths = np.diff(np.concatenate((starts, [len(values)])))
    best = int(lengths.argmax())
    return int(lengths[best]), int(starts[best]), best == len(lengths) - 1


def correlation(a: Floats, b: Floats) -> float:
    """Pearson correlation of two series, `(n,)` each; 0 where one of them does not vary."""
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0.0 else 0.0
