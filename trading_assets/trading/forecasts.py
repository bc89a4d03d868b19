"""Forecasts: the champion's price distribution for each delivery day, made as of its gate, and the checks that stand before any signal."""

from collections.abc import Iterable

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    BackfillPolicy,
    MaterializeResult,
    asset,
    multi_asset_check,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw
from resources.models.registry import ModelRegistry
from resources.pictures.asset_metadata import OWNERS, lineage, picture, table_metadata, written
from resources.pictures.desk import forecast_fan
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.monitoring.day_checks import assess_completeness, assess_quantile_order
from trading_assets.checks import result
from trading_assets.partitions import covered, of_days_before, of_zone, zone_day_partitions
from workflows.forecasting.forecast_days import (
    assess_limits,
    assess_readiness,
    challenger_forecasts,
    champion_forecasts,
)

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


@asset(
    group_name="forecasts",
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
    owners=OWNERS,
    kinds={"catboost", "polars", "deltalake"},
    metadata=table_metadata(TABLE),
    deps=["day_ahead_features", of_zone("champion"), of_days_before("day_ahead_prices", first=14, last=1)],
)
def day_ahead_forecast(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    clock: Clock,
    alerts: Alerts,
) -> MaterializeResult:  # type: ignore[type-arg]
    """Quantiles of the day-ahead price for each market time unit, by the version that serves the day, with what was known at its gate.

    A challenger forecasts the same days in shadow. A day without champion or features has no forecast, and an
    alert that says why.
    """
    span = covered(context)
    made = champion_forecasts(span, lake, desk, registry)
    report = lake.replace(
        TABLE,
        made.frame,
        zone=span.zone,
        first_day=span.first_day,
        last_day=span.last_day,
        only={"role": "champion"},
    )
    for version, shadow in challenger_forecasts(span, lake, desk, registry):
        only = {"role": "challenger", "model_version": version}
        lake.replace(
            TABLE, shadow, zone=span.zone, first_day=span.first_day, last_day=span.last_day, only=only
        )
    if made.problems:
        alerts.send(
            "no_forecast", "; ".join(made.problems[:3]), zone=span.zone, severity="critical", now=clock.now()
        )
    prices = read_raw(
        lake,
        "day_ahead_prices",
        span.zone,
        desk.zone(span.zone),
        first_day=span.first_day,
        last_day=span.last_day,
    )
    metadata = {
        **written(made.frame, report),
        "model_versions": ", ".join(made.versions) or "none",
        "days_without_forecast": len(made.problems),
    }
    fan = picture(forecast_fan(made.frame, prices), "forecast fan")
    return MaterializeResult(metadata={**metadata, "forecast_fan": fan, "dagster/column_lineage": _LINEAGE})


@multi_asset_check(
    name="day_ahead_forecast_checks",
    specs=[
        AssetCheckSpec(
            "every_day_is_complete",
            asset=ASSET,
            blocking=True,
            description="One row per market time unit of the day.",
        ),
        AssetCheckSpec(
            "quantiles_ascend",
            asset=ASSET,
            blocking=True,
            description="Quantiles are finite and do not cross.",
        ),
        AssetCheckSpec(
            "forecast_is_within_price_limits",
            asset=ASSET,
            blocking=True,
            description="The forecast could be a clearing price.",
        ),
        AssetCheckSpec(
            "forecast_is_tradeable",
            asset=ASSET,
            blocking=True,
            description="Ready: complete, ordered, from one known version, in time.",
        ),
    ],
)
def day_ahead_forecast_checks(
    context: AssetCheckExecutionContext, lake: Lake, clock: Clock
) -> Iterable[AssetCheckResult]:
    """They block: no day that fails reaches a signal.

    The signals ask the same verdict once more, for every day by itself.
    """
    span = covered(context)
    forecast = lake.read(TABLE, zones=[span.zone], first_day=span.first_day, last_day=span.last_day).filter(
        pl.col("role") == "champion"
    )
    yield result(
        "every_day_is_complete",
        ASSET,
        assess_completeness(forecast, zone=span.zone, days=span.days),
        is_blocking=True,
    )
    yield result("quantiles_ascend", ASSET, assess_quantile_order(forecast, days=span.days), is_blocking=True)
    yield result(
        "forecast_is_within_price_limits", ASSET, assess_limits(forecast, span.days), is_blocking=True
    )
    yield result(
        "forecast_is_tradeable", ASSET, assess_readiness(forecast, span, clock.now()), is_blocking=True
    )
