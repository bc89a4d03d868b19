"""Features on which the newest forecast of the serving version depends.

They are compared with those of its first days.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from resources.lake.lake import Lake, WriteReport
from resources.lake.zone_tables import read_features, read_raw
from resources.models.registry import ModelRegistry
from resources.settings.zones import Desk
from spot.arrays import Floats
from spot.contracts.days import first_day
from spot.contracts.monitoring_tables import FEATURE_IMPORTANCE
from spot.contracts.panel import DeliveryPanel
from spot.errors import ForecastError, ModelNotFoundError
from spot.features.matrix import build_panel
from spot.market.delivery import ZoneDays
from spot.monitoring.explanation import ExplanationVerdict, assess_explanations, feature_shares
from spot.monitoring.settings import ExplanationSettings
from workflows.forecasting.warm_models import give_back, take_forecaster
from workflows.monitoring.begun import has_begun

TABLE = FEATURE_IMPORTANCE.name
_UNSEEN = "all features together"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedDay:
    """The shares of the features in one day's forecast, as written, and the verdict on them."""

    version: str | None
    """The version that made the forecast; None where there is none."""
    verdict: ExplanationVerdict
    rows: pl.DataFrame
    report: WriteReport


def explain_newest_day(
    span: ZoneDays, lake: Lake, desk: Desk, registry: ModelRegistry, settings: ExplanationSettings
) -> ExplainedDay:
    """Explain the forecast of the span's last day, write its shares, and judge them with earlier days."""
    zone, day = span.zone, span.last_day
    version, shares = shares_of_day(zone, day, lake, desk, registry)
    rows = importance_rows(shares, zone=zone, day=day, version=version)
    lake.replace(TABLE, rows, zone=zone, first_day=day, last_day=day)
    verdict = judge_shares(lake, zone, version, last_day=day, settings=settings)
    if version is None and not has_begun(lake, "day_ahead_forecasts", zone, by=day):
        reasons = (f"too young: no forecast was made yet up to {day}",)
        verdict = replace(verdict, status="too_young", reasons=reasons)
    judged = judged_rows(rows, verdict)
    report = lake.replace(TABLE, judged, zone=zone, first_day=day, last_day=day)
    return ExplainedDay(version=version, verdict=verdict, rows=judged, report=report)


def shares_of_day(
    zone: str, day: date, lake: Lake, desk: Desk, registry: ModelRegistry
) -> tuple[str | None, dict[str, float]]:
    """The version that made the champion's forecast of the day, and the share of each feature in it.

    Empty where there is nothing to explain.
    """
    settings, name = desk.zone(zone), _author(zone, day, lake)
    if name is None:
        return None, {}
    try:
        version = registry.version(zone, name)
    except ModelNotFoundError:
        return name, {}
    first = version.trained_through + timedelta(days=1)
    features = read_features(
        lake, zone, settings, first_day=min(first, day - timedelta(days=21)), last_day=day
    )
    if features.filter(pl.col("delivery_day") == day).is_empty():
        return version.version, {}
    prices = read_raw(
        lake,
        "day_ahead_prices",
        zone,
        settings,
        first_day=first_day(features),
        last_day=day,
    )
    panel = build_panel(features, prices, zone=zone)
    row = int(np.searchsorted(panel.days, np.datetime64(day)))
    later = panel.rows(slice(int(np.searchsorted(panel.days, np.datetime64(first))), None))
    forecaster = take_forecaster(registry, version, later, day)

    def predict(known: DeliveryPanel) -> Floats | None:
        # A model absorbs the days before the one that it forecasts. With changed past prices a fresh model
        # must do so, or the change would have no effect.
        is_same_past = np.array_equal(known.prices[:-1], panel.prices[:row], equal_nan=True)
        try:
            return (
                (forecaster if is_same_past else registry.load(zone, version.version)[0]).predict(known).point
            )
        except ForecastError:
            return None

    shares = feature_shares(predict, panel, [row])
    if shares:
        give_back(registry, version, later, forecaster, [day])
    return version.version, shares


def _author(zone: str, day: date, lake: Lake) -> str | None:
    rows = lake.read("day_ahead_forecasts", zones=[zone], first_day=day, last_day=day)
    made = rows.filter(pl.col("role") == "champion")["model_version"]
    return str(made[0]) if made.len() else None


def judge_shares(
    lake: Lake, zone: str, version: str | None, *, last_day: date, settings: ExplanationSettings
) -> ExplanationVerdict:
    """The verdict on the newest explained days of a version, compared with its first ones."""
    stored = (
        lake.read(TABLE, zones=[zone], last_day=last_day)
        .filter(pl.col("model_version").eq_missing(pl.lit(version, pl.String)))
        .drop_nulls("share")
    )
    days = stored["delivery_day"].unique().sort()
    first, newest = days.head(settings.minimum_days), days.tail(settings.minimum_days)
    n_days = newest.filter(~newest.is_in(first.implode())).len() if days.len() else 0
    n_missing = 2 * settings.minimum_days - days.len()
    is_young = last_day in days.to_list() and n_missing > 0
    youth = (
        f"too young: {days.len()} days of version {version} explained, {2 * settings.minimum_days} needed:"
        f" explained every day, it can be judged from {last_day + timedelta(days=n_missing)}"
    )
    return assess_explanations(
        _mean(stored, first),
        _mean(stored, newest),
        n_days=n_days,
        settings=settings,
        youth=youth if is_young else "",
    )


def importance_rows(shares: dict[str, float], *, zone: str, day: date, version: str | None) -> pl.DataFrame:
    """Rows of `feature_importance` before they are judged.

    Where nothing could be explained, there is one row that says so.
    """
    told: Mapping[str, float | None] = shares or {_UNSEEN: None}
    rows = [
        {
            "zone": zone,
            "delivery_day": day,
            "model_version": version,
            "feature": name,
            "share_reference": None,
            "share": share,
            "status": "cannot_see",
        }
        for name, share in told.items()
    ]
    return pl.DataFrame(rows, schema=FEATURE_IMPORTANCE.schema)


def judged_rows(rows: pl.DataFrame, verdict: ExplanationVerdict) -> pl.DataFrame:
    """The same rows with the verdict and the shares of the reference."""
    reference = verdict.shares.select("feature", pl.col("share_reference").alias("reference"))
    joined = rows.join(reference, on="feature", how="left").with_columns(
        share_reference=pl.col("reference"),
        status=pl.lit(verdict.status),
        reason=pl.lit("; ".join(verdict.reasons)),
    )
    return joined.select(FEATURE_IMPORTANCE.columns.keys())


def _mean(stored: pl.DataFrame, days: pl.Series) -> dict[str, float]:
    rows = stored.filter(pl.col("delivery_day").is_in(days.implode()))
    return dict(rows.group_by("feature", maintain_order=True).agg(pl.col("share").mean()).iter_rows())
