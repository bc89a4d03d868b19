"""Whether the price has moved in a way that residual load does not explain.

A curve of price over load is fitted hour by hour, and the rest is judged.

A fuel shock lifts the hours in which thermal plants set the price, and not windy and sunny hours. Scarcity
lifts the few hours beyond what was seen before. So a day is judged only by its hours in the upper middle of
the load. Their median distance from the curve of the reference is taken, less that of the newest reference
days (fuel prices wander), in units of a day's usual distance from the weeks before it. The window's median
(NannyML, "Summary statistics") is compared with a fixed limit, so that one odd day, or three, are not a
regime.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.monitoring.drift import DriftVerdict, verdict_of_rows
from spot.monitoring.settings import DriftSettings

PRICE_COLUMN = "price_given_load"
METHOD = "median_shift"
_BAND = (0.6, 0.97)
"""Quantiles of the reference's load between which an hour counts. `python -m
benchmarks.lifecycle.drift_detection` measures the monitor with them.
"""
_N_BINS = 12
"""Bins of the compared distributions. Chosen by hand; not tuned."""
_FEW, _ENOUGH = 1 / 6, 1 / 4
"""A day with less than the first share of its hours in the band is judged by the second share of its hours,
those nearest to the band. Chosen by hand; not tuned.
"""
_LEVEL_DAYS, _MEMORY_DAYS = 21, 28
"""Newest days whose median is judged, and days before each day that it is compared with. `python -m
benchmarks.lifecycle.drift_detection` measures the monitor with them.
"""
_SMALLEST_SHARE = 0.10
"""Smallest deviation, as a share of the usual price. A smaller one is no news for a desk, however calm the
reference was. Chosen by hand; not tuned.
"""
_NORMAL_MAD = 1.4826
"""Standard deviation of a normal variable over its median absolute deviation."""


@dataclass(frozen=True, slots=True)
class PriceCurve:
    """The price expected for a load, and the usual distance of a day from it.

    Loads are in MW, prices in EUR/MWh.
    """

    loads: Floats
    prices: Floats
    band: tuple[float, float]
    level: float
    """Distance of the newest reference days above the curve."""
    deviation: float


@dataclass(frozen=True, slots=True)
class FittedPrice:
    """A reference for the price: its curve, or why there is none."""

    curve: PriceCurve | None
    blind: str
    n_days: int


def hourly_prices(wide: pl.DataFrame, settings: DriftSettings) -> pl.DataFrame:
    """`delivery_day`, `load` and `price` of rows of `day_ahead_features`.

    The price in a row is yesterday's, and so is its load. A zone without a load forecast has one constant
    load, so its price is compared as it is. Empty where there is no price.
    """
    driver = next(
        (
            name
            for name in settings.price_drivers
            if name in wide.columns and wide[name].fill_nan(None).null_count() < wide.height / 2
        ),
        None,
    )
    if settings.price not in wide.columns:
        return pl.DataFrame(schema={"delivery_day": pl.Date, "load": pl.Float64, "price": pl.Float64})
    rows = wide.unique("delivery_start_utc", keep="first").sort("delivery_start_utc")
    load = pl.lit(0.0) if driver is None else pl.col(driver).cast(pl.Float64).fill_nan(None)
    before = rows.select(pl.col("delivery_start_utc").dt.offset_by("24h"), load.alias("load"))
    priced = rows.select(
        "delivery_day",
        "delivery_start_utc",
        pl.col(settings.price).cast(pl.Float64).fill_nan(None).alias("price"),
    )
    both = priced.join_asof(before, on="delivery_start_utc", strategy="backward", tolerance="59m")
    return both.select("delivery_day", "load", "price").drop_nulls()


def fit_price(hours: pl.DataFrame, settings: DriftSettings) -> FittedPrice:
    """Learn the curve on the reference's hours (rows of `hourly_prices`)."""
    n_days, needed = hours["delivery_day"].n_unique(), settings.reference.minimum_days
    if n_days < needed:
        return FittedPrice(
            None,
            f"cannot see {PRICE_COLUMN}: {n_days} days of price and load in the reference, {needed} needed",
            n_days,
        )
    loads, prices = hours["load"].to_numpy(), hours["price"].to_numpy()
    if np.ptp(prices) == 0:
        return FittedPrice(None, f"cannot see {PRICE_COLUMN}: constant in the reference", n_days)
    order = np.argsort(loads, kind="stable")
    n_bins = _N_BINS if np.ptp(loads) > 0 else 1
    bins = [(np.median(loads[part]), np.median(prices[part])) for part in np.array_split(order, n_bins)]
    knots = np.array(bins)
    band = (float(np.quantile(loads, _BAND[0])), float(np.quantile(loads, _BAND[1])))
    bare = PriceCurve(knots[:, 0], np.maximum.accumulate(knots[:, 1]), band, 0.0, 1.0)
    days = price_shifts(bare, hours)[PRICE_COLUMN].to_numpy()
    strayed = np.abs(
        [
            days[i] - np.median(days[max(0, i - _MEMORY_DAYS) : i])
            for i in range(settings.chunk_days, len(days))
        ]
    )
    smallest = _SMALLEST_SHARE * abs(float(np.median(prices)))
    deviation = max(_NORMAL_MAD * float(np.median(strayed)), smallest, 1e-6)
    level = float(np.median(days[-_LEVEL_DAYS:]))
    return FittedPrice(PriceCurve(bare.loads, bare.prices, band, level, deviation), "", n_days)


def price_shifts(curve: PriceCurve, hours: pl.DataFrame) -> pl.DataFrame:
    """`delivery_day` and `price_given_load`: distance of each day above the curve and its level.

    It is in usual deviations.
    """
    left = hours["price"].to_numpy() - np.interp(hours["load"].to_numpy(), curve.loads, curve.prices)
    parts = (
        hours.with_columns(left=pl.Series(left))
        .sort("delivery_day", maintain_order=True)
        .partition_by("delivery_day", maintain_order=True)
    )
    days = [part["delivery_day"][0] for part in parts]
    values = [
        (_day_value(part["load"].to_numpy(), part["left"].to_numpy(), curve.band) - curve.level)
        / curve.deviation
        for part in parts
    ]
    return pl.DataFrame(
        {"delivery_day": days, PRICE_COLUMN: values},
        schema={"delivery_day": pl.Date, PRICE_COLUMN: pl.Float64},
    )


def judge_price(fitted: FittedPrice, hours: pl.DataFrame, settings: DriftSettings) -> DriftVerdict:
    """The verdict on the judged days (rows of `hourly_prices`), under the same rows as every other drift."""
    window = hours.select("delivery_day").unique().sort("delivery_day")
    blind = fitted.blind or _window_blindness(window.height, settings)
    value = None
    if fitted.curve is not None and not blind:
        value = abs(_nannyml_median(price_shifts(fitted.curve, hours)))
    is_alert = value is not None and value > settings.price_threshold
    reason = blind or (
        f"{PRICE_COLUMN}: {METHOD} {value:.4g} over {settings.price_threshold:.4g}" if is_alert else ""
    )
    row = {
        "feature": PRICE_COLUMN,
        "method": METHOD,
        "value": value,
        "threshold": None if value is None else settings.price_threshold,
        "status": "cannot_see" if blind else ("alert" if is_alert else "ok"),
        "reason": reason,
    }
    return verdict_of_rows([row], window=window, n_reference_days=fitted.n_days, settings=settings)


def _day_value(loads: Floats, left: Floats, band: tuple[float, float]) -> float:
    """Median remainder of the band's hours of one day, or of the nearest hours where the band has few."""
    inside = (loads >= band[0]) & (loads <= band[1])
    if inside.sum() >= _FEW * len(loads):
        return float(np.median(left[inside]))
    n_near = max(1, int(np.ceil(_ENOUGH * len(loads))))
    distance = np.maximum(np.maximum(band[0] - loads, loads - band[1]), 0.0)
    return float(np.median(left[np.argsort(distance, kind="stable")[:n_near]]))


def _window_blindness(n_days: int, settings: DriftSettings) -> str:
    if n_days >= (1.0 - settings.maximum_missing_share) * settings.chunk_days:
        return ""
    return (
        f"cannot see {PRICE_COLUMN}: {n_days} days with price and load to judge, {settings.chunk_days} wanted"
        if n_days
        else "cannot see: no rows to judge"
    )


def _nannyml_median(shifts: pl.DataFrame) -> float:
    from nannyml import SummaryStatsMedianCalculator

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The resulting number of chunks is too low")
        calculator: Any = SummaryStatsMedianCalculator(column_names=[PRICE_COLUMN], chunk_size=shifts.height)
        frame = shifts.select(PRICE_COLUMN).to_pandas()
        result = calculator.fit(frame).calculate(frame).filter(period="analysis").to_df()
    return float(result[(PRICE_COLUMN, "value")].iloc[-1])
