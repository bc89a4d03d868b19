"""Monitoring of what the models say: are forecasts as good as they were, what carries them, were limits kept?

Blind monitors say so.
"""

from datetime import timedelta
from typing import Any

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetExecutionContext,
    BackfillPolicy,
    MaterializeResult,
    asset,
    asset_check,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw
from resources.models.registry import ModelRegistry
from resources.pictures.asset_metadata import OWNERS, lineage, preview, table_metadata, written
from resources.settings.policies import monitoring_settings
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.monitoring.watch import monitor_performance
from trading_assets.checks import conformance_result, status_result
from trading_assets.declared import AssetResult
from trading_assets.partitions import covered, zone_day_partitions
from workflows.monitoring.alerts import alert_on, alert_on_limits
from workflows.monitoring.explanations import importance_rows, judge_shares, judged_rows, shares_of_day
from workflows.monitoring.rows import conformance_by_limit, performance_rows

GROUP = "monitoring"
_PERFORMANCE_DAYS = 220
_SHOWN_LIMITS = 20
_CONFORMANCE_DAYS = 28


@asset(
    group_name=GROUP,
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
    owners=OWNERS,
    kinds={"nannyml", "deltalake"},
    metadata=table_metadata("forecast_performance"),
    deps=["day_ahead_forecast", "day_ahead_prices", "settlement"],
)
def forecast_performance(
    context: AssetExecutionContext, lake: Lake, desk: Desk, alerts: Alerts, clock: Clock
) -> AssetResult:
    """Error, pinball loss and coverage of the champion over the newest days against its own past, and an estimate where outcomes are not in."""
    span, settings = covered(context), monitoring_settings(desk)
    since = span.last_day - timedelta(days=_PERFORMANCE_DAYS)
    forecasts = lake.read(
        "day_ahead_forecasts", zones=[span.zone], first_day=since, last_day=span.last_day
    ).filter(pl.col("role") == "champion")
    prices = read_raw(
        lake, "day_ahead_prices", span.zone, desk.zone(span.zone), first_day=since, last_day=span.last_day
    )
    watch = monitor_performance(forecasts, prices, zone=span.zone, last_day=span.last_day, settings=settings)
    rows = performance_rows(watch, forecasts, zone=span.zone, last_day=span.last_day)
    report = lake.replace(
        "forecast_performance", rows, zone=span.zone, first_day=span.last_day, last_day=span.last_day
    )
    alert_on(
        "performance",
        lake,
        alerts,
        zone=span.zone,
        last_day=span.last_day,
        now=clock.now(),
        settings=settings.alerts,
    )
    measured = {
        f"{row['basis']}_{row['metric']}": round(row["value"], 3)
        for row in rows.iter_rows(named=True)
        if row["value"] is not None
    }
    facts = {
        "status": watch.realised.status,
        "estimated_status": watch.estimated.status,
        "reasons": "; ".join(watch.realised.reasons[:5]) or "none",
    }
    columns = lineage(
        {
            "value": [
                ("day_ahead_forecast", "price_point_eur_per_mwh"),
                ("day_ahead_prices", "price_eur_per_mwh"),
            ]
        }
    )
    return MaterializeResult(
        metadata={**written(rows, report), **facts, **measured, "dagster/column_lineage": columns}
    )


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
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    alerts: Alerts,
    clock: Clock,
) -> AssetResult:
    """Share of each feature in the forecast of the newest day of the run, and how far the mix has moved since the version's first days."""
    span, settings = covered(context), monitoring_settings(desk)
    version, shares = shares_of_day(span.zone, span.last_day, lake, desk, registry)
    rows = importance_rows(shares, zone=span.zone, day=span.last_day, version=version)
    lake.replace("feature_importance", rows, zone=span.zone, first_day=span.last_day, last_day=span.last_day)
    verdict = judge_shares(lake, span.zone, version, last_day=span.last_day, settings=settings.explanation)
    judged = judged_rows(rows, verdict)
    report = lake.replace(
        "feature_importance", judged, zone=span.zone, first_day=span.last_day, last_day=span.last_day
    )
    alert_on(
        "explanations",
        lake,
        alerts,
        zone=span.zone,
        last_day=span.last_day,
        now=clock.now(),
        settings=settings.alerts,
    )
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
def risk_limit_conformance(
    context: AssetExecutionContext, lake: Lake, alerts: Alerts, clock: Clock
) -> AssetResult:
    """How much of each risk limit the champion's signals used over the newest four weeks, and whether one was breached, cut or could not be measured.

    The rows are those that stood before each signal (`limit_conformance`); a breach stops the publication at
    once and not only here.
    """
    span = covered(context)
    since = span.last_day - timedelta(days=_CONFORMANCE_DAYS - 1)
    rows = lake.read("limit_conformance", zones=[span.zone], first_day=since, last_day=span.last_day).filter(
        pl.col("role") == "champion"
    )
    alert_on_limits(rows, alerts, zone=span.zone, last_day=span.last_day, now=clock.now())
    use = conformance_by_limit(rows)
    facts: dict[str, Any] = {
        f"rows_{status}": n for status, n in rows.group_by("status").len().sort("status").iter_rows()
    }
    return MaterializeResult(
        metadata={
            "dagster/row_count": rows.height,
            **facts,
            "use_by_limit": preview(use.head(_SHOWN_LIMITS), _SHOWN_LIMITS),
        }
    )


@asset_check(
    asset=risk_limit_conformance,
    name="limits_were_kept",
    description="No limit was breached, and each could be measured.",
)
def limits_were_kept(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Fails on a breach, and on silence: a zone without conformance rows was not judged.

    Warns where a limit was missing or could not be measured.
    """
    span = covered(context)
    return conformance_result(
        lake.read("limit_conformance", zones=[span.zone], first_day=span.first_day, last_day=span.last_day)
    )


@asset_check(
    asset=forecast_performance,
    name="forecasts_are_as_good_as_before",
    description="Error and coverage within their own past.",
)
def forecasts_are_as_good_as_before(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Warns of worse forecasts, fails where the monitor cannot see.

    The sensor that retrains reads the same rows.
    """
    return status_result(context, lake, "forecast_performance")


@asset_check(
    asset=forecast_explanations,
    name="the_same_features_carry_the_forecast",
    description="The mix of features is that of its first days.",
)
def the_same_features_carry_the_forecast(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Warns of a shifted mix, fails where the monitor cannot see."""
    return status_result(context, lake, "feature_importance")
