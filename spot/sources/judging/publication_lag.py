"""When values really came, compared with the rule that says when they are due, by source, series and zone.

Only captured and stated instants are measurements. A value dated by the rule itself says nothing. A capture
sees a value at the next look, so the lag is an upper bound, uncertain by the interval between looks.
"""

from datetime import date, datetime, timedelta

import polars as pl

from spot.contracts.live_tables import PUBLICATION_LAGS
from spot.contracts.table import UTC_INSTANT
from spot.market.publication_rules import (
    RULES,
    SERIES_RULES,
    has_rule,
    publication_rule,
    published_by_utc,
)


def measure_lags(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """First complete sight of each delivery day, compared with its due instant.

    Rows are under the contract `publication_lags`. A day is seen when the last of its first vintages has
    arrived. Tables without a rule give no rows.
    """
    measured = rows.filter(pl.col("availability") != "rule")
    is_ruled = has_rule(table) or any(name.startswith(f"{table}.") for name in SERIES_RULES)
    if not is_ruled or measured.is_empty():
        return PUBLICATION_LAGS.empty()
    period = ["source", "zone", "series", "delivery_day"]
    first = measured.group_by(*period, "delivery_start_utc", "resolution_minutes").agg(
        pl.col("available_at_utc").min()
    )
    end = (pl.col("delivery_start_utc") + pl.duration(minutes=pl.col("resolution_minutes"))).max()
    days = first.group_by(period).agg(pl.col("available_at_utc").max().alias("seen_utc"), end.alias("_end"))
    due = [
        published_by_utc(table if has_rule(table) else f"{table}.{series}", zone, day, stop)
        for zone, series, day, stop in days.select("zone", "series", "delivery_day", "_end").iter_rows()
    ]
    return (
        days.with_columns(pl.Series("due_utc", due, dtype=UTC_INSTANT), table_name=pl.lit(table))
        .with_columns(lag_minutes=(pl.col("seen_utc") - pl.col("due_utc")).dt.total_seconds() / 60.0)
        .select(PUBLICATION_LAGS.columns.keys())
        .sort("source", "zone", "series", "delivery_day")
    )


def summarise_lags(lags: pl.DataFrame) -> pl.DataFrame:
    """Days, median, 90th percentile and maximum of the lag in minutes, by table, source, zone and series."""
    lag = pl.col("lag_minutes")
    return (
        lags.group_by("table_name", "source", "zone", "series")
        .agg(
            n_days=pl.len(),
            median_minutes=lag.median(),
            p90_minutes=lag.quantile(0.9, "nearest"),
            maximum_minutes=lag.max(),
            n_late_days=(lag > 0).sum(),
        )
        .sort("table_name", "source", "zone", "series")
    )


def late_series(
    table: str,
    zone: str,
    delivery_day: date,
    rows: pl.DataFrame,
    *,
    now: datetime,
    grace: timedelta,
    usual_minutes: float = 0.0,
) -> str:
    """Why the series of the day counts as late now, empty where it does not.

    It is late when its rule and its usual lag have passed and it is missing.
    """
    if (
        table not in RULES
        or rows.filter(pl.col("zone") == zone, pl.col("delivery_day") == delivery_day).height
    ):
        return ""
    due = (
        published_by_utc(table, zone, delivery_day, now) + timedelta(minutes=max(0.0, usual_minutes)) + grace
    )
    if publication_rule(table, zone).anchor == "period_end" or now < due:
        return ""
    return f"{table} of {zone} for {delivery_day} was due at {due:%H:%M} UTC and is not there"
