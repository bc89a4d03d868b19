"""The reference days of a monitor: the same season, recently and in earlier years."""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from spot.monitoring.settings import ReferenceSettings

_SEASON_STEP_DAYS = 364
"""Whole weeks, so that weekdays stay aligned from year to year."""


def since_data_began(daily: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The rows from the first day on which any of the columns has a value.

    Features of days before the zone's data began are rows of nulls, and no past to compare with.
    """
    if not columns:
        return daily
    has_value = pl.any_horizontal(pl.col(name).fill_nan(None).is_not_null() for name in columns)
    first = daily.filter(has_value)["delivery_day"].min()
    return daily if first is None else daily.filter(pl.col("delivery_day") >= first)


def reference_days(
    daily: pl.DataFrame, *, first_day: date, settings: ReferenceSettings, chunk_days: int = 7
) -> pl.DataFrame:
    """The rows of `daily` that a verdict starting on `first_day` is compared with, oldest first.

    They are days of the same season in earlier years and the days just before. Each stretch is cut to whole
    chunks, so that every chunk is made of neighbouring days.
    """
    end = first_day - timedelta(days=settings.gap_days)
    stretches = [(end - timedelta(days=settings.recent_days), end)]
    half = timedelta(days=settings.season_half_width_days)
    for year in range(1, settings.n_earlier_years + 1):
        middle = first_day - timedelta(days=_SEASON_STEP_DAYS * year)
        stretches.append((middle - half, min(middle + half, stretches[-1][0])))
    parts = []
    for start, stop in reversed(stretches):
        rows = daily.filter((pl.col("delivery_day") >= start) & (pl.col("delivery_day") < stop)).sort(
            "delivery_day"
        )
        parts.append(rows.tail(rows.height // chunk_days * chunk_days))
    return pl.concat(parts)
