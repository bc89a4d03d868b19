"""What a day is expected to look like from its season, weekday and drivers.

Drift monitors watch the unexplained remainder.

Solar output follows the sun, load the weekday, the price the residual load. A shift of the market is small
compared with these, and large compared with what they leave unexplained. So every column is regressed on
reference days (ridge, closed form), and remainders are measured in usual daily deviations (median absolute
deviation of the reference). Insolation: Duffie and Beckman, "Solar Engineering of Thermal Processes", eq.
1.10.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.monitoring.settings import DriftSettings

_LATITUDE = np.radians(50.0)
_PRICE_CLIP = 4.0
"""Largest remainder that counts, in deviations, so that one day of scarcity is not a regime. Chosen by hand;
not tuned.
"""
_CLIPS = (-8.0, 8.0)
"""Bounds of scaled values, so that one absurd value does not decide. Chosen by hand; not tuned."""
_WEATHER_CLIPS = (-1.5, 8.0)
"""Bounds for wind and solar. The lower one is near because a calm or dark week is weather; new capacity shows
above. Chosen by hand; not tuned.
"""
_NORMAL_MAD = 1.4826
"""Standard deviation of a normal variable over its median absolute deviation."""
_DRIVERS = ("driver|mean", "driver|max", "driver|min")


@dataclass(frozen=True, slots=True)
class _Regression:
    weights: Floats
    centre: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Expectation:
    """Regressions of every column on reference days.

    A column that cannot be learnt is passed on unchanged, so that the monitor can say why.
    """

    columns: tuple[str, ...]
    regressions: dict[str, _Regression]
    driver_range: dict[str, tuple[float, float]]
    uses_harmonics: bool

    def remainders(self, daily: pl.DataFrame) -> pl.DataFrame:
        """`delivery_day`, and per watched column its unexplained remainder.

        Remainders are in usual deviations, clipped; null where missing.
        """
        out: dict[str, Any] = {"delivery_day": daily["delivery_day"]}
        for name in self.columns:
            values = _transformed(name, daily[name].fill_nan(None).to_numpy().astype(np.float64))
            if name in self.regressions:
                fit = self.regressions[name]
                expected = self.design(name, daily) @ fit.weights
                values = np.clip((values - expected - fit.centre) / fit.deviation, *_clips(name))
            out[name] = values
        return pl.DataFrame(out).with_columns(pl.col(self.columns).fill_nan(None))

    def design(self, name: str, daily: pl.DataFrame) -> Floats:
        """(D, K) regressors of a column."""
        if is_priced(name):
            return _price_design(daily, self.driver_range)
        return _season_design(daily, uses_harmonics=self.uses_harmonics)


def daily_inputs(wide: pl.DataFrame, settings: DriftSettings) -> pl.DataFrame:
    """One row per delivery day: mean of every watched input, and what drove the price of the day before.

    `wide` holds rows of `day_ahead_features`. The price in a row is yesterday's, so its drivers come from
    yesterday's row.
    """
    names = [name for name in settings.features if name in wide.columns]
    present = set(wide.columns)
    driver = next(
        (
            name
            for name in settings.price_drivers
            if name in present and wide[name].null_count() < wide.height / 2
        ),
        None,
    )
    aggregates = [pl.col(name).fill_nan(None).mean().alias(name) for name in names]
    aggregates.append(
        (pl.col("holiday_fraction").mean() if "holiday_fraction" in present else pl.lit(0.0).first()).alias(
            "holiday"
        )
    )
    if driver is not None:
        value = pl.col(driver).fill_nan(None)
        aggregates += [
            value.mean().alias("driver|mean"),
            value.max().alias("driver|max"),
            value.min().alias("driver|min"),
        ]
    daily = wide.group_by("delivery_day", maintain_order=True).agg(aggregates).sort("delivery_day")
    if driver is None:
        daily = daily.with_columns(pl.lit(0.0).alias(name) for name in _DRIVERS)
    yesterday = daily.select(
        (pl.col("delivery_day") + pl.duration(days=1)).alias("delivery_day"),
        *_DRIVERS,
        pl.col("holiday").alias("holiday|before"),
    )
    return daily.drop(_DRIVERS).join(yesterday, on="delivery_day", how="left", maintain_order="left")


def learn_expectation(
    reference: pl.DataFrame, columns: Sequence[str], *, has_earlier_years: bool
) -> Expectation:
    """Regress every column on the reference days (frame of `daily_inputs`)."""
    ranges = {name: _range(reference[name]) for name in _DRIVERS}
    found = Expectation(tuple(columns), {}, ranges, has_earlier_years)
    for name in columns:
        values = _transformed(name, reference[name].fill_nan(None).to_numpy().astype(np.float64))
        design = found.design(name, reference)
        fit = _regress(values, design)
        if fit is not None:
            found.regressions[name] = fit
    return found


def is_priced(name: str) -> bool:
    """Whether a column is a price. Such a column is expected from the residual load, not the season."""
    return "price" in name or "spread" in name or name.startswith(("forecast_", "fuel_"))


def _range(values: pl.Series) -> tuple[float, float]:
    known = values.fill_nan(None).drop_nulls().to_numpy()
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)


def _regress(values: Floats, design: Floats) -> _Regression | None:
    known = np.isfinite(values) & np.isfinite(design).all(axis=1)
    if known.sum() < 2 * design.shape[1] or np.ptp(values[known]) == 0:
        return None
    y, x = values[known], design[known]
    penalty = 0.5 * np.eye(x.shape[1])
    penalty[0, 0] = 0.0
    weights = np.asarray(np.linalg.solve(x.T @ x + penalty, x.T @ y), dtype=np.float64)
    left = y - x @ weights
    centre = float(np.median(left))
    deviation = float(_NORMAL_MAD * np.median(np.abs(left - centre)))
    return _Regression(weights, centre, deviation) if deviation > 0 else None


def _transformed(name: str, values: Floats) -> Floats:
    """The logarithm of wind and solar, because they grow by factors, not by sums.

    Other columns are unchanged.
    """
    if _is_weather(name):
        return np.asarray(np.log(np.maximum(values, 1.0)))
    return values


def _clips(name: str) -> tuple[float, float]:
    if is_priced(name):
        return -_PRICE_CLIP, _PRICE_CLIP
    return _WEATHER_CLIPS if _is_weather(name) else _CLIPS


def _is_weather(name: str) -> bool:
    return not is_priced(name) and ("wind" in name or "solar" in name) and "change" not in name


def _season_design(daily: pl.DataFrame, *, uses_harmonics: bool) -> Floats:
    angle = daily["delivery_day"].dt.ordinal_day().to_numpy() * (2 * np.pi / 365.25)
    weekday = daily["delivery_day"].dt.weekday().to_numpy()
    columns = [
        np.ones(daily.height),
        weekday == 6,
        weekday == 7,
        daily["holiday"].to_numpy(),
        np.log(_insolation(angle)),
    ]
    if uses_harmonics:
        columns += [np.sin(angle), np.cos(angle)]
    return np.column_stack(columns).astype(np.float64)


def _insolation(angle: Floats) -> Floats:
    """Daily sunshine above the atmosphere at 50 degrees north, relative units.

    From the day's angle within the year.
    """
    declination = np.radians(23.45) * np.sin(angle + 2 * np.pi * 284 / 365)
    sunset = np.arccos(np.clip(-np.tan(_LATITUDE) * np.tan(declination), -1.0, 1.0))
    height = np.cos(_LATITUDE) * np.cos(declination) * np.sin(sunset) + sunset * np.sin(_LATITUDE) * np.sin(
        declination
    )
    return np.asarray(np.maximum(height, 1e-3))


def _price_design(daily: pl.DataFrame, ranges: dict[str, tuple[float, float]]) -> Floats:
    """Regressors of the price: weekday, holiday and residual load of the day before.

    The price in a row is that of the day before, too.
    """
    weekday = daily["delivery_day"].dt.weekday().to_numpy()
    columns = [
        np.ones(daily.height),
        weekday == 1,
        weekday == 2,
        daily["holiday|before"].fill_null(0.0).to_numpy(),
    ]
    for name in _DRIVERS:
        low, high = ranges.get(name, (0.0, 0.0))
        if high > low:
            values = daily[name].fill_nan(None).to_numpy().astype(np.float64)
            columns.append((np.clip(values, low, high) - low) / (high - low) * 4.0 - 2.0)
    return np.column_stack(columns).astype(np.float64)
