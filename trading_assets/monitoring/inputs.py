"""Monitoring of the models' inputs.

It asks whether they are good, and whether they still look like the season.

One run judges all three tables in this order, because each uses the result of the one before: bad data is
hidden from drift and causes no retrain.
"""

from collections.abc import Iterable
from typing import Any

from dagster import AssetCheckExecutionContext, AssetCheckResult, AssetExecutionContext, MaterializeResult

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.pictures.asset_metadata import lineage, picture, written
from resources.pictures.desk import drift_by_feature
from resources.settings.policies import monitoring_settings
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.monitoring.data_quality import DataQualityVerdict
from spot.monitoring.drift import DriftVerdict
from spot.monitoring.settings import MonitoringSettings
from trading_assets.checks import status_result
from trading_assets.frame.declared import AssetResult, Declaration, declared_assets, declared_check
from trading_assets.frame.reads import Read
from trading_assets.partitions import covered
from workflows.monitoring.alerts import alert_on_features
from workflows.monitoring.judge_inputs import JudgedInputs, judge_inputs


def _monitor(table: str, story: str, *reads: str | Read, library: str = "nannyml") -> Declaration:
    kinds = frozenset({library, "deltalake"})
    return Declaration(
        name=table, group="monitoring", kinds=kinds, table=table, description=story, reads=reads
    )


@declared_assets(
    per="zone and day",
    assets=[
        _monitor(
            "data_quality",
            "Missing, frozen, rescaled, doubled and impossible values of the newest inputs: they go to"
            " quarantine and are shown to the desk, and cause no retrain.",
            "day_ahead_features",
            library="polars",
        ),
        _monitor(
            "feature_drift",
            "Distance of the newest inputs and of the price to days of the same season, one by one and all"
            " together, for the newest day of the run. A finding in good data requests a retrain.",
            "day_ahead_features",
            "data_quality",
        ),
        _monitor(
            "reported_drift",
            "Drift of every other feature and of the champion's forecast. They only repeat the information"
            " of the drivers, so they never cause a retrain.",
            "day_ahead_features",
            "day_ahead_forecasts",
        ),
    ],
)
def inputs_judged(
    context: AssetExecutionContext, lake: Lake, desk: Desk, alerts: Alerts, clock: Clock
) -> Iterable[AssetResult]:
    """Judges up to the newest day of the run. An alert is raised when a state begins."""
    span, settings, now = covered(context), monitoring_settings(desk), clock.now()
    zone, day = span.zone, span.last_day
    judged = judge_inputs(span, lake, desk, settings, now=now)
    facts = _facts(judged, settings)
    for table, rows in judged.rows.items():
        report = lake.replace(table, rows, zone=zone, first_day=day, last_day=day)
        yield MaterializeResult(asset_key=table, metadata={**written(rows, report), **facts[table]})
    alert_on_features(lake, alerts, zone=zone, last_day=day, now=now, settings=settings.alerts)


def _facts(judged: JudgedInputs, settings: MonitoringSettings) -> dict[str, dict[str, Any]]:
    """What the UI shows of each verdict."""
    columns = {"value": [("day_ahead_features", name) for name in settings.drift.features]}
    quality = {**_in_words(judged.watch.quality), "quarantined_values": judged.n_quarantined}
    drift = {**_in_words(judged.watch.drift), **_drawn(judged, "feature_drift")}
    return {
        "data_quality": quality,
        "feature_drift": {**drift, "dagster/column_lineage": lineage(columns)},
        "reported_drift": {**_in_words(judged.reported), **_drawn(judged, "reported_drift")},
    }


def _in_words(verdict: DataQualityVerdict | DriftVerdict) -> dict[str, Any]:
    return {"status": verdict.status, "reasons": "; ".join(verdict.reasons[:5]) or "none"}


def _drawn(judged: JudgedInputs, table: str) -> dict[str, Any]:
    drawn = drift_by_feature(judged.rows[table], source=judged.source)
    return {"drift_by_feature": picture(drawn, "drift by feature")}


@declared_check(
    asset="data_quality",
    description="No frozen, rescaled, doubled or missing values.",
    reads=["data_quality"],
)
def inputs_can_be_believed(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Bad data is not drift: it is shown to the desk and causes no retrain."""
    return status_result(context, lake, "data_quality")


@declared_check(
    asset="feature_drift", description="No drift, and the monitor can see.", reads=["feature_drift"]
)
def inputs_look_like_the_season(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Warns of drift, and fails where the monitor cannot see. The sensor for retrains reads the same rows."""
    return status_result(context, lake, "feature_drift")


@declared_check(
    asset="reported_drift",
    description="No drift of any other feature, nor of the forecast; reported only.",
    reads=["reported_drift"],
)
def everything_else_looks_like_before(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Warns of drift, and fails where a column cannot be seen. It causes no retrain."""
    return status_result(context, lake, "reported_drift")
