"""Monitoring: do the inputs still look like those of the season, and are the forecasts as good as they were? A monitor that cannot see says so."""

from datetime import timedelta
from typing import Any

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    BackfillPolicy,
    MaterializeResult,
    asset,
    asset_check,
)

from resources.alerts import Alerts
from resources.clock import Clock
from resources.desk_settings import Desk
from resources.lake import Lake
from resources.pictures import drift_by_feature
from resources.policy_settings import monitoring_settings
from resources.registry import ModelRegistry
from resources.zone_data import read_features, read_raw
from spot.monitoring.reported import watch_reported
from spot.monitoring.watch import watch_features, watch_performance
from trading_assets.display import OWNERS, lineage, picture, preview, table_metadata, written
from trading_assets.explaining import importance_rows, judge_shares, judged_rows, shares_of_day
from trading_assets.monitor_alerts import tell, tell_of_features
from trading_assets.partitions import covered, zone_day_partitions
from trading_assets.watching import (
    conformance_by_limit,
    drift_rows,
    performance_rows,
    quality_rows,
    quarantine_faulty,
    reference_since,
    verdict_rows,
)

GROUP = "monitoring"
_PERFORMANCE_DAYS = 220
_CONFORMANCE_DAYS = 28


@asset(
    group_name=GROUP,
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
    owners=OWNERS,
    kinds={"nannyml", "deltalake"},
    metadata=table_metadata("feature_drift"),
    deps=["day_ahead_features", "day_ahead_forecast"],
)
def feature_drift(context: AssetExecutionContext, lake: Lake, desk: Desk, alerts: Alerts, clock: Clock) -> MaterializeResult:  # type: ignore[type-arg]
    """Distance of the newest inputs and the price to days of the same season, one by one and together, judged up to the newest day of the run.

    Data quality first: a broken sensor is hidden from drift, goes to the desk and retrains nothing. Every other feature and the forecast
    itself are in `reported_drift`: they repeat the news and ask for nothing.
    """
    span, settings = covered(context), monitoring_settings(desk)
    since = reference_since(span.last_day, settings)
    features = read_features(lake, span.zone, desk.zone(span.zone), first_day=since, last_day=span.last_day)
    watch = watch_features(features, last_day=span.last_day, settings=settings)
    drift = drift_rows(watch, zone=span.zone, last_day=span.last_day)
    report = lake.replace("feature_drift", drift, zone=span.zone, first_day=span.last_day, last_day=span.last_day)
    forecasts = lake.read("day_ahead_forecasts", zones=[span.zone], first_day=since, last_day=span.last_day).filter(pl.col("role") == "champion")
    others = watch_reported(features, forecasts, last_day=span.last_day, settings=settings)
    reported = verdict_rows(others, zone=span.zone, last_day=span.last_day)
    lake.replace("reported_drift", reported, zone=span.zone, first_day=span.last_day, last_day=span.last_day)
    quality = quality_rows(watch, zone=span.zone, last_day=span.last_day)
    lake.replace("data_quality", quality, zone=span.zone, first_day=span.last_day, last_day=span.last_day)
    n_faulty = quarantine_faulty(watch, features, lake, zone=span.zone, now=clock.now())
    tell_of_features(lake, alerts, zone=span.zone, last_day=span.last_day, now=clock.now(), settings=settings.alerts)
    facts: dict[str, Any] = {
        "quarantined_values": n_faulty,
        "status": watch.drift.status,
        "other_drift": others.status,
        "data_quality": watch.quality.status,
        "reasons": "; ".join(watch.drift.reasons[:5]) or "none",
    }
    drawn = {"drift_by_feature": picture(drift_by_feature(drift), "drift by feature")}
    columns = lineage({"value": [("day_ahead_features", name) for name in settings.drift.features]})
    return MaterializeResult(metadata={**written(drift, report), **facts, **drawn, "dagster/column_lineage": columns})


@asset(
    group_name=GROUP,
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
    owners=OWNERS,
    kinds={"nannyml", "deltalake"},
    metadata=table_metadata("forecast_performance"),
    deps=["day_ahead_forecast", "day_ahead_prices", "settlement"],
)
def forecast_performance(context: AssetExecutionContext, lake: Lake, desk: Desk, alerts: Alerts, clock: Clock) -> MaterializeResult:  # type: ignore[type-arg]
    """Error, pinball loss and coverage of the champion over the newest days against its own past, and an estimate where outcomes are not in."""
    span, settings = covered(context), monitoring_settings(desk)
    since = span.last_day - timedelta(days=_PERFORMANCE_DAYS)
    forecasts = lake.read("day_ahead_forecasts", zones=[span.zone], first_day=since, last_day=span.last_day).filter(pl.col("role") == "champion")
    prices = read_raw(lake, "day_ahead_prices", span.zone, desk.zone(span.zone), first_day=since, last_day=span.last_day)
    watch = watch_performance(forecasts, prices, zone=span.zone, last_day=span.last_day, settings=settings)
    rows = performance_rows(watch, forecasts, zone=span.zone, last_day=span.last_day)
    report = lake.replace("forecast_performance", rows, zone=span.zone, first_day=span.last_day, last_day=span.last_day)
    tell("performance", lake, alerts, zone=span.zone, last_day=span.last_day, now=clock.now(), settings=settings.alerts)
    measured = {f"{row['basis']}_{row['metric']}": round(row["value"], 3) for row in rows.iter_rows(named=True) if row["value"] is not None}
    facts = {"status": watch.realised.status, "estimated_status": watch.estimated.status, "reasons": "; ".join(watch.realised.reasons[:5]) or "none"}
    columns = lineage({"value": [("day_ahead_forecast", "price_point_eur_per_mwh"), ("day_ahead_prices", "price_eur_per_mwh")]})
    return MaterializeResult(metadata={**written(rows, report), **facts, **measured, "dagster/column_lineage": columns})


@asset(
    group_name=GROUP,
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
    owners=OWNERS,
    kinds={"polars", "deltalake"},
    metadata=table_metadata("feature_importance"),
    deps=["day_ahead_forecast"],
)
def forecast_explanations(
    context: AssetExecutionContext, lake: Lake, desk: Desk, registry: ModelRegistry, alerts: Alerts, clock: Clock
) -> MaterializeResult:  # type: ignore[type-arg]
    """Share of each feature in the forecast of the newest day of the run, and how far the mix has moved since the version's first days."""
    span, settings = covered(context), monitoring_settings(desk)
    version, shares = shares_of_day(span.zone, span.last_day, lake, desk, registry)
    rows = importance_rows(shares, zone=span.zone, day=span.last_day, version=version)
    lake.replace("feature_importance", rows, zone=span.zone, first_day=span.last_day, last_day=span.last_day)
    verdict = judge_shares(lake, span.zone, version, last_day=span.last_day, settings=settings.explanation)
    judged = judged_rows(rows, verdict)
    report = lake.replace("feature_importance", judged, zone=span.zone, first_day=span.last_day, last_day=span.last_day)
    tell("explanations", lake, alerts, zone=span.zone, last_day=span.last_day, now=clock.now(), settings=settings.alerts)
    columns = lineage({"share": [("day_ahead_forecast", "price_point_eur_per_mwh")]})
    facts = {"status": verdict.status, "reasons": "; ".join(verdict.reasons) or "none", "version": version}
    return MaterializeResult(metadata={**written(judged, report), **facts, "dagster/column_lineage": columns})


@asset(
    group_name=GROUP,
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
    owners=OWNERS,
    kinds={"polars"},
    metadata=table_metadata("limit_conformance"),
    deps=["signals"],
)
def risk_limit_conformance(context: AssetExecutionContext, lake: Lake) -> MaterializeResult:  # type: ignore[type-arg]
    """How much of each risk limit the champion's signals used over the newest four weeks, and whether one was breached, cut or could not be measured.

    The rows are those that stood before each signal (`limit_conformance`); a breach stops the publication at once and not only here.
    """
    span = covered(context)
    since = span.last_day - timedelta(days=_CONFORMANCE_DAYS - 1)
    rows = lake.read("limit_conformance", zones=[span.zone], first_day=since, last_day=span.last_day).filter(pl.col("role") == "champion")
    use = conformance_by_limit(rows)
    facts: dict[str, Any] = {f"rows_{status}": n for status, n in rows.group_by("status").len().sort("status").iter_rows()}
    return MaterializeResult(metadata={"dagster/row_count": rows.height, **facts, "use_by_limit": preview(use, 20)})


@asset_check(asset=risk_limit_conformance, name="limits_were_kept", description="No limit was breached, and each could be measured.")
def limits_were_kept(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Fails on a breach, and on silence: a zone without conformance rows was not judged."""
    span = covered(context)
    rows = lake.read("limit_conformance", zones=[span.zone], first_day=span.first_day, last_day=span.last_day).filter(pl.col("role") == "champion")
    breached = rows.filter(pl.col("status") == "breached")
    return AssetCheckResult(passed=rows.height > 0 and breached.is_empty(), metadata={"judged": rows.height, "breached": breached.height})


@asset_check(asset=feature_drift, name="inputs_look_like_the_season", description="No drift, and the monitor can see.")
def inputs_look_like_the_season(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Warns of drift, fails where the monitor cannot see; the sensor that retrains reads the same rows."""
    return _status_result(context, lake, "feature_drift")


@asset_check(
    asset=feature_drift, name="everything_else_looks_like_before", description="No drift of any other feature, nor of the forecast; reported only."
)
def everything_else_looks_like_before(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Warns of drift, fails where a column cannot be seen; nothing is retrained for it."""
    return _status_result(context, lake, "reported_drift")


@asset_check(asset=feature_drift, name="inputs_can_be_believed", description="No frozen, rescaled, doubled or missing values.")
def inputs_can_be_believed(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Bad data is not drift: it is shown to the desk and retrains nothing."""
    return _status_result(context, lake, "data_quality")


@asset_check(asset=forecast_performance, name="forecasts_are_as_good_as_before", description="Error and coverage within their own past.")
def forecasts_are_as_good_as_before(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Warns of worse forecasts, fails where the monitor cannot see; the sensor that retrains reads the same rows."""
    return _status_result(context, lake, "forecast_performance")


@asset_check(asset=forecast_explanations, name="the_same_features_carry_the_forecast", description="The mix of features is that of its first days.")
def the_same_features_carry_the_forecast(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Warns of a shifted mix, fails where the monitor cannot see."""
    return _status_result(context, lake, "feature_importance")


def _status_result(context: AssetCheckExecutionContext, lake: Lake, table: str) -> AssetCheckResult:
    span = covered(context)
    rows = lake.read(table, zones=[span.zone], first_day=span.first_day, last_day=span.last_day)
    bad = rows.filter(pl.col("status") != "ok")
    is_blind = rows.is_empty() or (bad["status"] == "cannot_see").any()
    reasons = [text for text in bad["reason"].to_list()[:5] if text] if "reason" in bad.columns else bad["status"].unique().to_list()
    return AssetCheckResult(
        passed=rows.height > 0 and bad.is_empty(),
        severity=AssetCheckSeverity.ERROR if is_blind else AssetCheckSeverity.WARN,
        description="; ".join(reasons) or ("nothing was judged" if rows.is_empty() else None),
        metadata={"judged": rows.height, "not_ok": bad.height},
    )
