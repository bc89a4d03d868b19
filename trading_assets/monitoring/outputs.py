"""Monitoring of the models' outputs: forecast quality, the features behind it, and the use of limits.

A blind monitor reports that it is blind.
"""

from typing import Any

from dagster import AssetCheckExecutionContext, AssetCheckResult, AssetExecutionContext, MaterializeResult

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import read_span
from resources.models.registry import ModelRegistry
from resources.pictures.asset_metadata import lineage, preview, written
from resources.settings.policies import monitoring_settings
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.monitoring.watch import PerformanceWatch
from trading_assets.checks import conformance_result, status_result
from trading_assets.frame.declared import AssetResult, declared_asset, declared_check
from trading_assets.frame.reads import PRICE_MODELS, of_zone
from trading_assets.partitions import covered
from workflows.monitoring.alerts import alert_on, alert_on_limits
from workflows.monitoring.explanations import explain_newest_day
from workflows.monitoring.judge_forecasts import conformance_of_weeks, judge_performance, youth_of_limits
from workflows.monitoring.rows import conformance_by_limit

GROUP = "monitoring"
_POINT = ("day_ahead_forecast", "price_point_eur_per_mwh")
_PERFORMANCE_LINEAGE = lineage({"value": [_POINT, ("day_ahead_prices", "price_eur_per_mwh")]})
_SHARE_LINEAGE = lineage({"share": [_POINT]})
_SHOWN_LIMITS = 20
"""Chosen by hand: the limits of a desk with its zones and strategies, without those that nobody meets."""


@declared_asset(
    per="zone and day",
    group=GROUP,
    kinds={"nannyml", "deltalake"},
    table="forecast_performance",
    reads=["day_ahead_forecasts", "day_ahead_prices"],
)
def forecast_performance(
    context: AssetExecutionContext, lake: Lake, desk: Desk, alerts: Alerts, clock: Clock
) -> AssetResult:
    """Error, pinball loss and coverage of the champion over the newest days.

    They are compared with its own past, and estimated until outcomes are known.
    """
    span, settings = covered(context), monitoring_settings(desk)
    zone, day = span.zone, span.last_day
    watch, rows = judge_performance(span, lake, desk, settings)
    report = lake.replace("forecast_performance", rows, zone=zone, first_day=day, last_day=day)
    now, how = clock.now(), settings.alerts
    alert_on("performance", lake, alerts, zone=zone, last_day=day, now=now, settings=how)
    return MaterializeResult(metadata={**written(rows, report), **_facts(watch)})


def _facts(watch: PerformanceWatch) -> dict[str, Any]:
    """What the UI shows of the verdict, each metric by its basis."""
    measured = {
        f"{row['basis']}_{row['metric']}": round(row["value"], 3)
        for verdict in (watch.realised, watch.estimated)
        for row in verdict.metrics.drop_nulls("value").iter_rows(named=True)
    }
    return {
        "status": watch.realised.status,
        "estimated_status": watch.estimated.status,
        "reasons": "; ".join(watch.realised.reasons[:5]) or "none",
        **measured,
        "dagster/column_lineage": _PERFORMANCE_LINEAGE,
    }


@declared_asset(
    per="zone and day",
    group=GROUP,
    kinds={"polars", "deltalake"},
    table="feature_importance",
    reads=["day_ahead_forecasts", "day_ahead_features", "day_ahead_prices", of_zone(PRICE_MODELS)],
)
def forecast_explanations(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    alerts: Alerts,
    clock: Clock,
) -> AssetResult:
    """Share of each feature in the forecast of the newest day of the run.

    It also shows how far the mix has moved since the version's first days.
    """
    span, settings = covered(context), monitoring_settings(desk)
    made = explain_newest_day(span, lake, desk, registry, settings.explanation)
    zone, day, now, how = span.zone, span.last_day, clock.now(), settings.alerts
    alert_on("explanations", lake, alerts, zone=zone, last_day=day, now=now, settings=how)
    reasons = "; ".join(made.verdict.reasons) or "none"
    facts: dict[str, Any] = {"status": made.verdict.status, "reasons": reasons, "version": made.version}
    facts["dagster/column_lineage"] = _SHARE_LINEAGE
    return MaterializeResult(metadata={**written(made.rows, made.report), **facts})


@declared_asset(per="zone and day", group=GROUP, kinds={"polars"}, reads=["limit_conformance"])
def risk_limit_conformance(
    context: AssetExecutionContext, lake: Lake, alerts: Alerts, clock: Clock
) -> AssetResult:
    """How much of each risk limit the champion's signals used over the newest four weeks.

    It shows whether a limit was breached, cut orders or could not be measured. The rows were written before
    each signal (`limit_conformance`). A breach stops the publication at once, not only here.
    """
    span = covered(context)
    rows = conformance_of_weeks(span, lake)
    if rows.height or not youth_of_limits(span, lake):
        alert_on_limits(rows, alerts, zone=span.zone, last_day=span.last_day, now=clock.now())
    counts = rows.group_by("status").len().sort("status").iter_rows()
    facts: dict[str, Any] = {f"rows_{status}": n for status, n in counts}
    use = preview(conformance_by_limit(rows).head(_SHOWN_LIMITS), _SHOWN_LIMITS)
    return MaterializeResult(metadata={"dagster/row_count": rows.height, **facts, "use_by_limit": use})


@declared_check(
    asset="risk_limit_conformance",
    description="No limit was breached, and each could be measured.",
    reads=["limit_conformance"],
)
def limits_were_kept(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Fails on a breach, and on missing rows: a zone without conformance rows was not judged.

    Warns where a limit was missing or could not be measured, and where nothing was decided yet.
    """
    span = covered(context)
    rows = read_span(lake, "limit_conformance", span)
    return conformance_result(rows, youth=youth_of_limits(span, lake) if rows.is_empty() else "")


@declared_check(
    asset="forecast_performance",
    description="Error and coverage within their own past.",
    reads=["forecast_performance"],
)
def forecasts_are_as_good_as_before(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Warns of worse forecasts, and fails where the monitor cannot see.

    The sensor for retrains reads the same rows.
    """
    return status_result(context, lake, "forecast_performance")


@declared_check(
    asset="forecast_explanations",
    description="The mix of features is that of its first days.",
    reads=["feature_importance"],
)
def the_same_features_carry_the_forecast(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Warns of a shifted mix, and fails where the monitor cannot see."""
    return status_result(context, lake, "feature_importance")
