"""Monitoring of what the models are given.

Whether it can be believed, and whether it still looks like the season.

One run judges all three tables in this order, since each reads what the one before left: bad data is hidden
from drift and retrains nothing.
"""

from collections.abc import Iterable
from typing import Any

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetExecutionContext,
    AssetSpec,
    BackfillPolicy,
    MaterializeResult,
    asset_check,
    multi_asset,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of, read_features
from resources.pictures.asset_metadata import OWNERS, lineage, picture, table_metadata, written
from resources.pictures.desk import drift_by_feature
from resources.settings.policies import monitoring_settings
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.market.delivery import ZoneDays
from spot.monitoring.drift import DriftVerdict
from spot.monitoring.reported import watch_reported
from spot.monitoring.watch import monitor_inputs
from trading_assets.checks import status_result
from trading_assets.declared import AssetResult
from trading_assets.partitions import covered, zone_day_partitions
from workflows.monitoring.alerts import alert_on_features
from workflows.monitoring.rows import (
    drift_rows,
    quality_rows,
    quarantine_faulty,
    reference_since,
    verdict_rows,
)

GROUP = "monitoring"


def _spec(table: str, story: str, *deps: str) -> AssetSpec:
    kinds = {"polars", "deltalake"} if table == "data_quality" else {"nannyml", "deltalake"}
    return AssetSpec(
        table,
        deps=deps,
        group_name=GROUP,
        owners=OWNERS,
        kinds=kinds,
        metadata=table_metadata(table),
        description=story,
        partitions_def=zone_day_partitions,
    )


@multi_asset(
    name="inputs_judged",
    specs=[
        _spec(
            "data_quality",
            "Missing, frozen, rescaled, doubled and impossible values of the newest inputs: to quarantine and"
            " to the desk; they retrain nothing.",
            "day_ahead_features",
        ),
        _spec(
            "feature_drift",
            "Distance of the newest inputs and of the price to days of the same season, one by one and all"
            " together, for the newest day of the run. What it finds in data that can be believed asks for a"
            " retrain.",
            "day_ahead_features",
            "data_quality",
        ),
        _spec(
            "reported_drift",
            "The same of every other feature and of the champion's forecast itself. They repeat the news of"
            " the drivers: never a cause of a retrain.",
            "day_ahead_features",
            "day_ahead_forecast",
        ),
    ],
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
)
def inputs_judged(
    context: AssetExecutionContext, lake: Lake, desk: Desk, alerts: Alerts, clock: Clock
) -> Iterable[AssetResult]:
    """Judged up to the newest day of the run; told when a state begins."""
    span, settings = covered(context), monitoring_settings(desk)
    since, source = reference_since(span.last_day, settings), lineage_of(desk.zone(span.zone))
    features = read_features(lake, span.zone, desk.zone(span.zone), first_day=since, last_day=span.last_day)
    watch = monitor_inputs(features, last_day=span.last_day, settings=settings)
    yield _write(lake, span, "data_quality", quality_rows(watch, zone=span.zone, last_day=span.last_day), {
        "quarantined_values": quarantine_faulty(watch, features, lake, zone=span.zone, now=clock.now()),
        "status": watch.quality.status,
        "reasons": "; ".join(watch.quality.reasons[:5]) or "none",
    })  # fmt: skip
    drift = drift_rows(watch, zone=span.zone, last_day=span.last_day)
    columns = lineage({"value": [("day_ahead_features", name) for name in settings.drift.features]})
    yield _write(
        lake,
        span,
        "feature_drift",
        drift,
        {**_facts(watch.drift, drift, source), "dagster/column_lineage": columns},
    )
    forecasts = lake.read(
        "day_ahead_forecasts", zones=[span.zone], first_day=since, last_day=span.last_day
    ).filter(pl.col("role") == "champion")
    others = watch_reported(features, forecasts, last_day=span.last_day, settings=settings)
    reported = verdict_rows(others, zone=span.zone, last_day=span.last_day)
    yield _write(lake, span, "reported_drift", reported, _facts(others, reported, source))
    alert_on_features(
        lake, alerts, zone=span.zone, last_day=span.last_day, now=clock.now(), settings=settings.alerts
    )


def _write(lake: Lake, span: ZoneDays, table: str, rows: pl.DataFrame, facts: dict[str, Any]) -> AssetResult:
    report = lake.replace(table, rows, zone=span.zone, first_day=span.last_day, last_day=span.last_day)
    return MaterializeResult(asset_key=table, metadata={**written(rows, report), **facts})


def _facts(verdict: DriftVerdict, rows: pl.DataFrame, source: str) -> dict[str, Any]:
    return {
        "status": verdict.status,
        "reasons": "; ".join(verdict.reasons[:5]) or "none",
        "drift_by_feature": picture(drift_by_feature(rows, source=source), "drift by feature"),
    }


@asset_check(
    asset="data_quality",
    name="inputs_can_be_believed",
    description="No frozen, rescaled, doubled or missing values.",
)
def inputs_can_be_believed(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Bad data is not drift: it is shown to the desk and retrains nothing."""
    return status_result(context, lake, "data_quality")


@asset_check(
    asset="feature_drift",
    name="inputs_look_like_the_season",
    description="No drift, and the monitor can see.",
)
def inputs_look_like_the_season(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Warns of drift, fails where the monitor cannot see; the sensor that retrains reads the same rows."""
    return status_result(context, lake, "feature_drift")


@asset_check(
    asset="reported_drift",
    name="everything_else_looks_like_before",
    description="No drift of any other feature, nor of the forecast; reported only.",
)
def everything_else_looks_like_before(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Warns of drift, fails where a column cannot be seen; nothing is retrained for it."""
    return status_result(context, lake, "reported_drift")
