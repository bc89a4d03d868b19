"""Which delivery days of a table are whole, and which are open: due, and not there or there in part.

A day is the unit. An answer that holds nothing, half a day or another auction leaves its days open, whatever
the provider said.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import polars as pl

from spot.market.delivery import day_bounds_utc, n_periods
from spot.market.publication_rules import RULES, published_by_utc
from spot.sources.judging.freshness import GRACE

_WHOLE = 1.0 - 1e-9
"""Share of a day's units that are there, less what rounding takes."""


def is_judged_by_day(table: str) -> bool:
    """Whether the table has a publication rule, so that a day of it can be due and whole."""
    return table in RULES


def due_days(table: str, zone: str, days: Sequence[date], now: datetime) -> tuple[date, ...]:
    """Days whose values are due by the publication rule at `now`, ascending as given."""
    return tuple(
        day for day in days if published_by_utc(table, zone, day, day_bounds_utc(zone, day)[1]) + GRACE <= now
    )


def open_days(rows: pl.DataFrame, zone: str, days: Sequence[date]) -> tuple[date, ...]:
    """Days of `days` that no source has whole.

    A source has a day whole where each of its series covers every period of it. A series that the source has
    both before and after the day, and not on it, is missing.

    Args:
        rows: rows of one table of the zone with `source`, all vintages; other days beside `days` show which
            series a source has.
        zone: bidding zone.
        days: delivery days, ascending.
    """
    whole: set[date] = set()
    for _, own in rows.group_by("source"):
        shares = _shares(own, zone)
        series = shares.group_by("series").agg(
            pl.col("delivery_day").min().alias("first"), pl.col("delivery_day").max().alias("last")
        )
        there = {(day, name): share for day, name, share in shares.iter_rows()}
        spans = list(series.iter_rows())
        for day in days:
            needed = [name for name, first, last in spans if first <= day <= last]
            if needed and all(there.get((day, name), 0.0) >= _WHOLE for name in needed):
                whole.add(day)
    return tuple(day for day in days if day not in whole)


def _shares(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Share of each delivery day that each series covers, hours and shorter periods added."""
    counted = rows.group_by("delivery_day", "series", "resolution_minutes").agg(
        pl.col("delivery_start_utc").n_unique().alias("n")
    )
    lengths = counted.select("delivery_day", "resolution_minutes").unique()
    expected = pl.Series(
        [n_periods(zone, day, minutes) for day, minutes in lengths.iter_rows()], dtype=pl.Int64
    )
    return (
        counted.join(lengths.with_columns(expected=expected), on=["delivery_day", "resolution_minutes"])
        .group_by("delivery_day", "series")
        .agg((pl.col("n") / pl.col("expected")).sum().alias("share"))
        .select("delivery_day", "series", "share")
    )


def runs_of(days: Iterable[date]) -> list[tuple[date, date]]:
    """First and last day of each run of days that follow each other."""
    runs: list[tuple[date, date]] = []
    for day in sorted(days):
        if runs and day - runs[-1][1] == timedelta(days=1):
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def said_of(days: Sequence[date], *, most: int = 3) -> str:
    """The days for people: runs of them, the first few by name."""
    runs = [f"{first}" if first == last else f"{first} to {last}" for first, last in runs_of(days)]
    more = f" and {len(runs) - most} more" if len(runs) > most else ""
    return f"{', '.join(runs[:most])}{more}"
