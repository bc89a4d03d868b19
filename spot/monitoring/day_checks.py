"""Verdicts on the rows of single delivery days: complete, in time, and inside the limits?

They are pure and cheap, for asset checks.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.market.delivery import day_bounds_utc, n_periods
from spot.market.price_limits import INTRADAY_LIMITS, day_ahead_price_limits
from spot.market.publication_rules import published_by_utc

_MAX_REASONS = 5
"""Reasons that a verdict on many days repeats: a person reads no more."""


@dataclass(frozen=True, slots=True)
class DayVerdict:
    """Which of the judged days fail, and why."""

    days: tuple[date, ...]
    failed_days: tuple[date, ...]
    reasons: tuple[str, ...]
    """At most five, one per failed day."""

    @property
    def is_good(self) -> bool:
        """No day fails."""
        return not self.failed_days

    @property
    def is_all_bad(self) -> bool:
        """Whether every day fails: then there is nothing left to work with."""
        return bool(self.days) and len(self.failed_days) == len(self.days)


def assess_completeness(
    frame: pl.DataFrame, *, zone: str, days: Sequence[date], may_be_absent: bool = False
) -> DayVerdict:
    """Whether every series of a day covers each of its periods once, at the resolution of its rows.

    A day without any row fails, unless it `may_be_absent`: then it may not be published yet, which freshness
    judges.
    """
    keys = ["delivery_day", "series"] if "series" in frame.columns else ["delivery_day"]
    counted = frame.group_by([*keys, "resolution_minutes"]).agg(
        pl.col("delivery_start_utc").n_unique().alias("n")
    )
    minutes_by_day: dict[date, dict[str, float]] = {}
    for row in counted.iter_rows(named=True):
        share = row["n"] / n_periods(zone, row["delivery_day"], row["resolution_minutes"])
        series = minutes_by_day.setdefault(row["delivery_day"], {})
        # Hours and quarter hours of one series may occur on the same day: their shares add up.
        series[row.get("series", "")] = series.get(row.get("series", ""), 0.0) + share
    reasons: dict[date, str] = {}
    for day in days:
        shares = minutes_by_day.get(day)
        if shares is None:
            if not may_be_absent:
                reasons[day] = f"{day}: no rows"
        elif min(shares.values()) < 1.0 - 1e-9:
            name, share = min(shares.items(), key=lambda item: item[1])
            reasons[day] = f"{day}: {name or 'rows'} cover {share:.0%} of the day"
    return _verdict(days, reasons)


def assess_freshness(
    frame: pl.DataFrame, *, table: str, zone: str, days: Sequence[date], now: datetime
) -> DayVerdict:
    """Days that should be published by `now`, by the publication rule of `table`, and are missing."""
    present = set(frame["delivery_day"].unique().to_list())
    reasons = {}
    for day in days:
        due = published_by_utc(table, zone, day, day_bounds_utc(zone, day)[1])
        if due <= now and day not in present:
            reasons[day] = f"{day}: due at {due:%Y-%m-%d %H:%M} UTC, not here at {now:%Y-%m-%d %H:%M} UTC"
    return _verdict(days, reasons)


def assess_price_limits(
    frame: pl.DataFrame, *, days: Sequence[date], is_day_ahead: bool = True
) -> DayVerdict:
    """Whether the prices of each day are inside the limits of its zone and day.

    Imbalance prices have no limits and are not judged here.
    """
    spans = frame.group_by("zone", "delivery_day").agg(
        low=pl.col("price_eur_per_mwh").min(), high=pl.col("price_eur_per_mwh").max()
    )
    reasons = {}
    for zone, day, low, high in spans.iter_rows():
        limits = day_ahead_price_limits(day, zone) if is_day_ahead else INTRADAY_LIMITS
        if low < limits.minimum_eur_per_mwh or high > limits.maximum_eur_per_mwh:
            allowed = f"{limits.minimum_eur_per_mwh:g} to {limits.maximum_eur_per_mwh:g}"
            reasons[day] = f"{day}: prices from {low:g} to {high:g} EUR/MWh, allowed {allowed}"
    return _verdict(days, reasons)


def assess_quantile_order(forecast: pl.DataFrame, *, days: Sequence[date]) -> DayVerdict:
    """Quantiles of every row ascend and are finite."""
    names = list(QUANTILE_COLUMNS.values())
    crossed = [pl.col(high) < pl.col(low) for low, high in itertools.pairwise(names)]
    odd = [~pl.col(name).is_finite().fill_null(value=False) for name in names]
    bad = forecast.filter(pl.any_horizontal(*crossed, *odd)).group_by("delivery_day").len()
    return _verdict(
        days, {day: f"{day}: quantiles cross or are not finite in {n} rows" for day, n in bad.iter_rows()}
    )


def _verdict(days: Sequence[date], reasons: dict[date, str]) -> DayVerdict:
    failed = tuple(day for day in days if day in reasons)
    return DayVerdict(tuple(days), failed, tuple(reasons[day] for day in failed[:_MAX_REASONS]))
