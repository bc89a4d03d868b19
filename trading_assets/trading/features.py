"""Features: the inputs of a model as known at the gate, and not one second later."""

from collections.abc import Iterable
from datetime import timedelta

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    BackfillPolicy,
    MaterializeResult,
    asset,
    multi_asset_check,
)

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_features, read_raw_tables
from resources.pictures.asset_metadata import OWNERS, lineage, table_metadata, written
from resources.settings.zones import Desk
from spot.contracts.feature_tables import DAY_AHEAD_INPUTS, PRICE_LAGS_DAYS
from spot.features.matrix import HISTORY_DAYS, build_features
from spot.monitoring.day_checks import assess_completeness
from trading_assets.checks import result
from trading_assets.declared import AssetResult
from trading_assets.partitions import covered, of_days_before, zone_day_partitions

TABLE = "day_ahead_features"
_PRICE = ("day_ahead_prices", "price_eur_per_mwh")
_LINEAGE = lineage(
    {
        "load_forecast_mw": [("load_forecasts", "load_forecast_mw")],
        "wind_forecast_mw": [("renewable_forecasts", "generation_forecast_mw")],
        "solar_forecast_mw": [("renewable_forecasts", "generation_forecast_mw")],
        "residual_load_mw": [
            ("load_forecasts", "load_forecast_mw"),
            ("renewable_forecasts", "generation_forecast_mw"),
        ],
        **{f"price_{lag}d_eur_per_mwh": [_PRICE] for lag in PRICE_LAGS_DAYS},
        "load_actual_mw": [("load_actuals", "load_mw")],
        "wind_actual_mw": [("generation_actuals", "generation_mw")],
        "solar_actual_mw": [("generation_actuals", "generation_mw")],
        "intraday_spread_eur_per_mwh": [("intraday_prices", "price_eur_per_mwh"), _PRICE],
        "imbalance_spread_eur_per_mwh": [("imbalance_prices", "price_eur_per_mwh"), _PRICE],
    }
)


@asset(
    group_name="features",
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
    owners=OWNERS,
    kinds={"polars", "deltalake"},
    metadata=table_metadata(TABLE),
    deps=[
        "load_forecasts",
        "renewable_forecasts",
        "own_forecasts",  # left out where no zone has them
        of_days_before("day_ahead_prices", first=HISTORY_DAYS, last=1),
        of_days_before("load_actuals", first=HISTORY_DAYS, last=1),
        of_days_before("generation_actuals", first=HISTORY_DAYS, last=1),
        of_days_before("intraday_prices", first=HISTORY_DAYS, last=1),
        of_days_before("imbalance_prices", first=HISTORY_DAYS, last=1),
    ],
)
def day_ahead_features(context: AssetExecutionContext, lake: Lake, desk: Desk) -> AssetResult:
    """Model inputs as known at the day-ahead gate of each delivery day, one row per market time unit.

    A value published one second after the gate does not enter, in history as in live trading; the column
    `newest_input_utc` proves it.
    """
    span = covered(context)
    settings = desk.zone(span.zone)
    raw = read_raw_tables(
        lake,
        span.zone,
        settings,
        first_day=span.first_day - timedelta(days=HISTORY_DAYS),
        last_day=span.last_day,
    )
    features = build_features(raw, zone=span.zone, days=span.days, admit=frozenset(settings.assume_known))
    report = lake.replace(TABLE, features, zone=span.zone, first_day=span.first_day, last_day=span.last_day)
    known = {
        f"known_{name}": round(1.0 - features[name].null_count() / max(features.height, 1), 3)
        for name in DAY_AHEAD_INPUTS
    }
    return MaterializeResult(
        metadata={**written(features, report), **known, "dagster/column_lineage": _LINEAGE}
    )


@multi_asset_check(
    name="day_ahead_features_checks",
    specs=[
        AssetCheckSpec(
            "every_day_is_complete",
            asset=TABLE,
            description="One row per market time unit of the day, clock-change days included.",
        ),
        AssetCheckSpec(
            "nothing_is_later_than_the_gate",
            asset=TABLE,
            blocking=True,
            description="No input was published after the gate of its day.",
        ),
    ],
)
def day_ahead_features_checks(
    context: AssetCheckExecutionContext, lake: Lake, desk: Desk
) -> Iterable[AssetCheckResult]:
    """Complete days, and no look-ahead."""
    span = covered(context)
    features = read_features(
        lake, span.zone, desk.zone(span.zone), first_day=span.first_day, last_day=span.last_day
    )
    yield result(
        "every_day_is_complete", TABLE, assess_completeness(features, zone=span.zone, days=span.days)
    )
    late = features.filter(pl.col("newest_input_utc") > pl.col("as_of_utc"))
    yield AssetCheckResult(
        check_name="nothing_is_later_than_the_gate",
        asset_key=TABLE,
        passed=late.is_empty(),
        severity=AssetCheckSeverity.ERROR,
        metadata={"late_rows": late.height},
    )
