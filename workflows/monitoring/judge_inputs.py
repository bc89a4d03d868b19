"""Judging the newest inputs of a zone and the forecast made from them, up to the newest day of a span."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of, read_features
from resources.settings.zones import Desk
from spot.market.delivery import ZoneDays
from spot.monitoring.data_quality import DataQualityVerdict
from spot.monitoring.drift import DriftVerdict
from spot.monitoring.reported import FORECAST_COLUMNS, watch_reported
from spot.monitoring.settings import MonitoringSettings
from spot.monitoring.watch import FeatureWatch, monitor_inputs
from spot.monitoring.young import with_reasons, young_columns
from workflows.monitoring.begun import has_begun
from workflows.monitoring.rows import (
    drift_rows,
    quality_rows,
    quarantine_faulty,
    reference_since,
    verdict_rows,
)

Verdict = TypeVar("Verdict", DataQualityVerdict, DriftVerdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedInputs:
    """Verdicts on the inputs of the newest day, and their rows."""

    watch: FeatureWatch
    reported: DriftVerdict
    n_quarantined: int
    source: str
    rows: dict[str, pl.DataFrame]
    """Table to its rows of the newest day. Bad data comes first, since drift is judged without it."""


def judge_inputs(
    span: ZoneDays, lake: Lake, desk: Desk, settings: MonitoringSettings, *, now: datetime
) -> JudgedInputs:
    """Judge the inputs up to the last day of the span, and copy bad values to quarantine."""
    zone, day, own = span.zone, span.last_day, desk.zone(span.zone)
    since = reference_since(day, settings)
    features = read_features(lake, zone, own, first_day=since, last_day=day)
    forecasts = lake.read("day_ahead_forecasts", zones=[zone], first_day=since, last_day=day)
    champion = forecasts.filter(pl.col("role") == "champion")
    watch = monitor_inputs(features, last_day=day, settings=settings)
    reported = watch_reported(features, champion, last_day=day, settings=settings)
    if champion.is_empty() and not has_begun(lake, "day_ahead_forecasts", zone, by=day):
        reported = young_columns(
            reported, FORECAST_COLUMNS, "too young: no forecast was made yet", settings.drift
        )
    if features.is_empty() and not has_begun(lake, "day_ahead_features", zone, by=day):
        watch, reported = (
            FeatureWatch(quality=_young(watch.quality), drift=_young(watch.drift)),
            _young(reported),
        )
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


def _young(verdict: Verdict) -> Verdict:
    """The verdict on a zone without inputs: too young, in every row."""
    text = "too young: the zone has no inputs yet"
    if isinstance(verdict, DriftVerdict):
        rows = with_reasons(verdict.features, pl.repeat(text, verdict.features.height, eager=True))
        return replace(verdict, status="too_young", reasons=(text,), features=rows)
    return replace(verdict, status="too_young", reasons=(text,))
