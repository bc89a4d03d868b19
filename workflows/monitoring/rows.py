"""From the monitors' verdicts to the rows of their tables, and from those to checks."""

from datetime import date, datetime, timedelta

import polars as pl

from resources.lake.lake import Lake
from resources.lake.quarantine import quarantine_rows
from spot.contracts.monitoring_tables import DATA_QUALITY, FEATURE_DRIFT, FORECAST_PERFORMANCE
from spot.monitoring.drift import DriftVerdict
from spot.monitoring.settings import MonitoringSettings
from spot.monitoring.watch import FeatureWatch, PerformanceWatch
from spot.strategy.near_limits import IS_PRICE


def reference_since(last_day: date, settings: MonitoringSettings) -> date:
    """First day that the drift monitor may use as a reference."""
    reference = settings.drift.reference
    years = 364 * reference.n_earlier_years + reference.season_half_width_days
    return last_day - timedelta(
        days=max(years, reference.recent_days) + reference.gap_days + 2 * settings.drift.chunk_days
    )


def drift_rows(watch: FeatureWatch, *, zone: str, last_day: date) -> pl.DataFrame:
    """Rows of `feature_drift`. A monitor that could judge nothing says so in its rows."""
    return verdict_rows(watch.drift, zone=zone, last_day=last_day)


def verdict_rows(drift: DriftVerdict, *, zone: str, last_day: date) -> pl.DataFrame:
    """Rows of `feature_drift` or `reported_drift`."""
    judged = drift.features.with_columns(
        zone=pl.lit(zone),
        delivery_day=pl.lit(last_day),
        n_reference_days=pl.lit(drift.n_reference_days, pl.Int64),
    )
    return judged.select(FEATURE_DRIFT.columns.keys())


def quality_rows(watch: FeatureWatch, *, zone: str, last_day: date) -> pl.DataFrame:
    """Rows of `data_quality`. A monitor that had nothing to judge leaves one row that says so."""
    checks = watch.quality.checks
    if checks.is_empty():
        blind = {
            "series": "all series",
            "check": "reference",
            "n_rows": 0,
            "status": watch.quality.status,
            "reason": "; ".join(watch.quality.reasons),
        }
        checks = pl.DataFrame([blind], schema=checks.schema)
    checks = checks.rename({"limit": "threshold"}).with_columns(
        zone=pl.lit(zone), delivery_day=pl.lit(last_day)
    )
    return checks.select(DATA_QUALITY.columns.keys())


def performance_rows(
    watch: PerformanceWatch, forecasts: pl.DataFrame, *, zone: str, last_day: date
) -> pl.DataFrame:
    """Rows of `forecast_performance` for the version that made the newest forecast."""
    newest = forecasts.sort("delivery_start_utc")["model_version"]
    version = str(newest[-1]) if newest.len() else None
    rows = pl.concat([watch.realised.metrics, watch.estimated.metrics]).with_columns(
        zone=pl.lit(zone),
        delivery_day=pl.lit(last_day),
        model_version=pl.lit(version, pl.String),
        role=pl.lit("champion"),
    )
    return rows.select(FORECAST_PERFORMANCE.columns.keys())


def conformance_by_limit(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per limit of rows under `limit_conformance`, the tightest first, prices last.

    Days, the furthest use, the smallest headroom, states.
    """
    counts = [
        (pl.col("status") == status).sum().alias(status) for status in ("reduced", "breached", "denied")
    ]
    return (
        rows.group_by("strategy", "scope", "limit_name")
        .agg(
            pl.col("delivery_day").n_unique().alias("n_days"),
            pl.when(pl.col("limit_name").first().str.starts_with("min_"))
            .then(pl.col("used").min())
            .otherwise(pl.col("used").max()),
            pl.col("limit_value").last(),
            pl.col("headroom_frac").min(),
            *counts,
        )
        .sort(IS_PRICE, "headroom_frac", "strategy", "scope", "limit_name", nulls_last=True)
    )


def tightest_limits(rows: pl.DataFrame, n: int = 5) -> pl.DataFrame:
    """The champion's `n` rows of `limit_conformance` with the least headroom, limits on prices left out."""
    shown = (
        "delivery_day",
        "strategy",
        "scope",
        "limit_name",
        "used",
        "limit_value",
        "headroom_frac",
        "status",
    )
    measured = pl.col("headroom_frac").is_not_null()
    return (
        rows.filter(pl.col("role") == "champion", measured, ~IS_PRICE)
        .sort("headroom_frac")
        .head(n)
        .with_columns(pl.col("delivery_day").cast(pl.String))
        .select(shown)
    )


def quarantine_faulty(
    watch: FeatureWatch, features: pl.DataFrame, lake: Lake, *, zone: str, now: datetime
) -> int:
    """Copy every bad value to `quarantine`, with the reason; returns their number.

    The ledger itself never changes.
    """
    faulty = watch.quality.faulty
    parts = [
        faulty.filter(pl.col("series") == name)
        .join(
            features.select("delivery_start_utc", pl.col(name).alias("value")),
            on="delivery_start_utc",
            how="left",
        )
        .select(
            pl.lit(zone).alias("zone"),
            "series",
            "delivery_start_utc",
            "value",
            pl.format("{} {}", "check", "series").alias("reason"),
        )
        for name in faulty["series"].unique().sort().to_list()
    ]
    if parts:
        lake.upsert(
            "quarantine",
            quarantine_rows(
                "day_ahead_features", pl.concat(parts).unique(), source="monitors", seen_at_utc=now
            ),
        )
    return faulty.height
