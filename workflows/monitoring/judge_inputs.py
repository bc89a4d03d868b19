"""Judging the newest inputs of a zone and the forecast made of them, up to the newest day of a span."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of, read_features
from resources.settings.zones import Desk
from spot.market.delivery import ZoneDays
from spot.monitoring.drift import DriftVerdict
from spot.monitoring.reported import watch_reported
from spot.monitoring.settings import MonitoringSettings
from spot.monitoring.watch import FeatureWatch, monitor_inputs
from workflows.monitoring.rows import (
    drift_rows,
    quality_rows,
    quarantine_faulty,
    reference_since,
    verdict_rows,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedInputs:
    """Verdicts on the inputs of the newest day, and the rows that say so."""

    watch: FeatureWatch
    reported: DriftVerdict
    n_quarantined: int
    source: str
    rows: dict[str, pl.DataFrame]
    """Table to its rows of the newest day: bad data first, since drift is judged without it."""


def judge_inputs(
    span: ZoneDays, lake: Lake, desk: Desk, settings: MonitoringSettings, *, now: datetime
) -> JudgedInputs:
    """Judge the inputs up to the last day of the span, and copy values that are not sound to quarantine."""
    zone, day, own = span.zone, span.last_day, desk.zone(span.zone)
    since = reference_since(day, settings)
    features = read_features(lake, zone, own, first_day=since, last_day=day)
    forecasts = lake.read("day_ahead_forecasts", zones=[zone], first_day=since, last_day=day)
    champion = forecasts.filter(pl.col("role") == "champion")
    watch = monitor_inputs(features, last_day=day, settings=settings)
    reported = watch_reported(features, champion, last_day=day, settings=settings)
    return JudgedInputs(
        watch=watch,
        reported=reported,
        n_quarantined=quarantine_faulty(watch, features, lake, zone=zone, now=now),
        source=lineage_of(own),
        rows={
            "data_quality": quality_rows(watch, zone=zone, last_day=day),
            "feature_drift": drift_rows(watch, zone=zone, last_day=day),
            "reported_drift": verdict_rows(reported, zone=zone, last_day=day),
        },
    )
