"""Forecasts: the champion's price distribution for each delivery day, as of its gate.

Their checks come before any signal.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetExecutionContext,
    MaterializeResult,
    MetadataValue,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw, read_span
from resources.models.registry import ModelRegistry
from resources.pictures.asset_metadata import lineage, picture, written
from resources.pictures.desk import forecast_fan
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.market.delivery import ZoneDays
from spot.monitoring.day_checks import assess_completeness, assess_quantile_order
from trading_assets.checks import result
from trading_assets.frame.declared import AssetResult, declared_asset, declared_checks
from trading_assets.frame.reads import PRICE_MODELS, of_days_before, of_zone
from trading_assets.partitions import covered
from workflows.forecasting.forecast_days import (
    MadeForecasts,
    assess_limits,
    assess_readiness,
    write_forecasts,
)
from workflows.lifecycle.retrain_requests import why_no_version_yet

TABLE = "day_ahead_forecasts"
ASSET = "day_ahead_forecast"
_INPUTS = [
    ("day_ahead_features", name)
    for name in ("load_forecast_mw", "wind_forecast_mw", "solar_forecast_mw", "residual_load_mw")
]
_LINEAGE = lineage(
    {
        name: [*_INPUTS, ("day_ahead_prices", "price_eur_per_mwh")]
        for name in (*QUANTILE_COLUMNS.values(), "price_point_eur_per_mwh")
    }
)


@declared_asset(
    per="zone and day",
    group="forecasts",
    kinds={"catboost", "polars", "deltalake"},
    table=TABLE,
    reads=[
        "day_ahead_features",
        of_days_before("day_ahead_prices", first=14, last=1),
        of_zone(PRICE_MODELS),
    ],
    is_optional=True,
)
def day_ahead_forecast(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    clock: Clock,
    alerts: Alerts,
) -> Iterator[AssetResult]:
    """Quantiles of the day-ahead price for each market time unit.

    They come from the version that serves the day, with what was known at its gate. A challenger forecasts
    the same days in shadow. A day without champion or features has no forecast, and an alert says why.

    Before the first version of the zone is trained nothing is made, and no signal follows.
    """
    span = covered(context)
    made, report = write_forecasts(span, lake, desk, registry)
    _tell(made, span, alerts, clock)
    if not registry.versions(span.zone):
        context.log.warning("%s: %s", span.zone, why_no_version_yet(lake, span.zone, desk.zone(span.zone)))
        return
    yield MaterializeResult(metadata={**_facts(made, span, lake, desk), **written(made.frame, report)})


def _tell(made: MadeForecasts, span: ZoneDays, alerts: Alerts, clock: Clock) -> None:
    """Raise the alerts of days without a forecast, and of versions that stand in for the champion."""
    if made.problems:
        text = "; ".join(made.problems[:3])
        alerts.send("no_forecast", text, zone=span.zone, severity="critical", now=clock.now())
    for text, first in made.fallbacks.items():
        alerts.send(
            "fallback_forecast",
            f"from {first} {text}; see docs/runbooks/fallback_forecast.md",
            zone=span.zone,
            severity="critical",
            now=clock.now(),
            episode=text,
        )


def _facts(made: MadeForecasts, span: ZoneDays, lake: Lake, desk: Desk) -> dict[str, Any]:
    """What the UI shows of the forecasts."""
    facts: dict[str, Any] = {
        "model_versions": ", ".join(made.versions) or None,
        "days_without_forecast": len(made.problems),
    }
    return facts | {"forecast_fan": _fan(made.frame, span, lake, desk), "dagster/column_lineage": _LINEAGE}


def _fan(forecasts: pl.DataFrame, span: ZoneDays, lake: Lake, desk: Desk) -> MetadataValue:
    settings, zone = desk.zone(span.zone), span.zone
    prices = read_raw(
        lake, "day_ahead_prices", zone, settings, first_day=span.first_day, last_day=span.last_day
    )
    return picture(forecast_fan(forecasts, prices), "forecast fan")


@declared_checks(
    asset=ASSET,
    checks={
        "every_day_is_complete": "One row per market time unit of the day.",
        "quantiles_ascend": "Quantiles are finite and do not cross.",
        "forecast_is_within_price_limits": "The forecast could be a clearing price.",
        "forecast_is_tradeable": "Ready: complete, ordered, from one known version, in time.",
    },
    blocking=(
        "every_day_is_complete",
        "quantiles_ascend",
        "forecast_is_within_price_limits",
        "forecast_is_tradeable",
    ),
    reads=[TABLE],
)
def day_ahead_forecast_checks(
    context: AssetCheckExecutionContext, lake: Lake, clock: Clock
) -> Iterable[AssetCheckResult]:
    """They block: no day that fails reaches a signal.

    The signals ask for the same verdict again, for every day separately.
    """
    span = covered(context)
    forecast = read_span(lake, TABLE, span).filter(pl.col("role") == "champion")
    verdicts = {
        "every_day_is_complete": assess_completeness(forecast, zone=span.zone, days=span.days),
        "quantiles_ascend": assess_quantile_order(forecast, days=span.days),
        "forecast_is_within_price_limits": assess_limits(forecast, span.days),
        "forecast_is_tradeable": assess_readiness(forecast, span, clock.now()),
    }
    for name, verdict in verdicts.items():
        yield result(name, ASSET, verdict, is_blocking=True)
