"""Features: the inputs of a model as known at the gate, and not one second later."""

from collections.abc import Iterable
from datetime import timedelta

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    MaterializeResult,
)

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_feature_tables, read_features, replace_span
from resources.pictures.asset_metadata import lineage, written
from resources.settings.zones import Desk
from spot.contracts.feature_tables import DAY_AHEAD_INPUTS, EARLIER_PRICE_FEATURES, PRICE_LAGS_DAYS
from spot.features.matrix import FUEL_DAYS, HISTORY_DAYS, build_features
from spot.market.earlier_auctions import TABLE as EARLIER_TABLE
from spot.market.fuels import FUELS, YOUNGEST_DAYS_BEFORE
from spot.market.fuels import TABLE as FUEL_TABLE
from spot.monitoring.day_checks import assess_completeness
from trading_assets.checks import result
from trading_assets.frame.declared import AssetResult, declared_asset, declared_checks
from trading_assets.frame.reads import of_days_before
from trading_assets.partitions import covered

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
        **{name: [(EARLIER_TABLE, "price_eur_per_mwh")] for name in EARLIER_PRICE_FEATURES.values()},
        **{name: [(FUEL_TABLE, "price")] for name in FUELS.values()},
        "load_actual_mw": [("load_actuals", "load_mw")],
        "wind_actual_mw": [("generation_actuals", "generation_mw")],
        "solar_actual_mw": [("generation_actuals", "generation_mw")],
        "intraday_spread_eur_per_mwh": [("intraday_prices", "price_eur_per_mwh"), _PRICE],
        "imbalance_spread_eur_per_mwh": [("imbalance_prices", "price_eur_per_mwh"), _PRICE],
    }
)


_OUTCOMES = ("day_ahead_prices", "load_actuals", "generation_actuals", "intraday_prices", "imbalance_prices")


@declared_asset(
    per="zone and day",
    group="features",
    kinds={"polars", "deltalake"},
    table=TABLE,
    reads=[
        "load_forecasts",
        "renewable_forecasts",
        EARLIER_TABLE,
        of_days_before(FUEL_TABLE, first=FUEL_DAYS, last=YOUNGEST_DAYS_BEFORE),
        *(of_days_before(table, first=HISTORY_DAYS, last=1) for table in _OUTCOMES),
    ],
)
def day_ahead_features(context: AssetExecutionContext, lake: Lake, desk: Desk) -> AssetResult:
    """Model inputs as known at the day-ahead gate of each delivery day, one row per market time unit.

    A value published one second after the gate does not enter, neither in history nor in live trading. The
    column `newest_input_utc` proves it.
    """
    span = covered(context)
    settings, since = desk.zone(span.zone), span.first_day - timedelta(days=HISTORY_DAYS)
    raw = read_feature_tables(lake, span.zone, settings, first_day=since, last_day=span.last_day)
    features = build_features(raw, zone=span.zone, days=span.days, admit=frozenset(settings.assume_known))
    report = replace_span(lake, TABLE, features, span)
    share_missing = {name: features[name].null_count() / max(features.height, 1) for name in DAY_AHEAD_INPUTS}
    known = {f"known_{name}": round(1.0 - share, 3) for name, share in share_missing.items()}
    return MaterializeResult(
        metadata={**written(features, report), **known, "dagster/column_lineage": _LINEAGE}
    )


@declared_checks(
    asset=TABLE,
    checks={
        "every_day_is_complete": "One row per market time unit of the day, clock-change days included.",
        "nothing_is_later_than_the_gate": "No input was published after the gate of its day.",
    },
    blocking=["nothing_is_later_than_the_gate"],
    reads=[TABLE],
)
def day_ahead_features_checks(
    context: AssetCheckExecutionContext, lake: Lake, desk: Desk
) -> Iterable[AssetCheckResult]:
    """Complete days, and no look-ahead."""
    span, settings = covered(context), desk.zone(covered(context).zone)
    rows = read_features(lake, span.zone, settings, first_day=span.first_day, last_day=span.last_day)
    complete = assess_completeness(rows, zone=span.zone, days=span.days)
    yield result("every_day_is_complete", TABLE, complete)
    late = rows.filter(pl.col("newest_input_utc") > pl.col("as_of_utc"))
    yield AssetCheckResult(
        check_name="nothing_is_later_than_the_gate",
        asset_key=TABLE,
        passed=late.is_empty(),
        severity=AssetCheckSeverity.ERROR,
        metadata={"late_rows": late.height},
    )
