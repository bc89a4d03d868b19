"""Weather runs and our own forecasts from them, for zones with `own_forecasts`.

Known before the gate, where the published ones are not.
"""

from datetime import date, datetime, timedelta

import polars as pl
from dagster import AssetExecutionContext, BackfillPolicy, MaterializeResult, asset

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.pictures.asset_metadata import OWNERS, preview
from resources.settings.zones import Desk, ZoneSettings
from spot.errors import ForecastError
from spot.features.weather_regression import (
    SOURCE,
    FundamentalForecast,
    Quantity,
    as_rows,
    forecast_fundamental,
)
from spot.market.gates import gate_closure_utc
from trading_assets.declared import AssetResult
from trading_assets.market_data.raw_table import raw_asset
from trading_assets.partitions import ONLY_WITH_TAG, covered, of_days_before, zone_day_partitions

GROUP = "fundamentals"
TRAINING_DAYS = 365
_TABLES: dict[Quantity, tuple[str, str]] = {
    "wind": ("renewable_forecasts", "generation_actuals"),
    "solar": ("renewable_forecasts", "generation_actuals"),
    "load": ("load_forecasts", "load_actuals"),
}

weather_forecasts = raw_asset(
    "weather_forecasts",
    group=GROUP,
    story="The 00Z run of the day before stands hours before the gate.",
    only_with="own_forecasts",
)


@asset(
    group_name=GROUP,
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
    owners=OWNERS,
    kinds={"polars", "deltalake"},
    tags={ONLY_WITH_TAG: "own_forecasts"},
    deps=[
        "weather_forecasts",
        of_days_before("generation_actuals", first=TRAINING_DAYS, last=1),
        of_days_before("load_actuals", first=TRAINING_DAYS, last=1),
    ],
)
def own_forecasts(context: AssetExecutionContext, lake: Lake, desk: Desk, clock: Clock) -> AssetResult:
    """Wind, solar and load of the delivery day from the weather run known before the gate.

    A model each, fitted anew on a year of runs.

    The rows join the published forecasts as source `own_weather`. Load is forecast only where no published
    load forecast is at hand.
    """
    span, now = covered(context), clock.now()
    settings = desk.zone(span.zone)
    if not settings.own_forecasts:
        return MaterializeResult(
            metadata={"dagster/row_count": 0, "note": "the zone takes the published forecasts"}
        )
    made, gaps = _forecasts(lake, settings, span.zone, span.days, now)
    n_new = sum(
        lake.append(_TABLES[forecast.quantity][0], as_rows(forecast, day), source=SOURCE).n_new
        for day, forecast in made
    )
    for gap in gaps[:10]:
        context.log.warning("%s", gap)
    return MaterializeResult(
        metadata={
            "dagster/row_count": sum(len(forecast.values_mw) for _, forecast in made),
            "new_rows": n_new,
            "models": preview(_summary(made), n_rows=30),
            "days_without": len(gaps),
        }
    )


def _forecasts(
    lake: Lake, settings: ZoneSettings, zone: str, days: tuple[date, ...], now: datetime
) -> tuple[list[tuple[date, FundamentalForecast]], list[str]]:
    first = days[0] - timedelta(days=TRAINING_DAYS)
    weather = lake.read("weather_forecasts", zones=[zone], first_day=first, last_day=days[-1])
    made: list[tuple[date, FundamentalForecast]] = []
    gaps: list[str] = []
    for quantity, (table, actual_table) in _TABLES.items():
        trusted = pl.col("source").is_in([name for name in settings.sources if name != SOURCE])
        actuals = lake.read(actual_table, zones=[zone], first_day=first, last_day=days[-1]).filter(trusted)
        published = lake.read(table, zones=[zone], first_day=days[0], last_day=days[-1]).filter(trusted)
        for day in days:
            as_of = min(now, gate_closure_utc(zone, day) - timedelta(minutes=settings.gate_lead_minutes))
            is_there = published.filter(
                pl.col("delivery_day") == day, pl.col("available_at_utc") <= as_of
            ).height
            if quantity == "load" and is_there:
                continue
            since = day - timedelta(days=TRAINING_DAYS)
            try:
                runs, outcomes = (
                    weather.filter(pl.col("delivery_day") >= since),
                    actuals.filter(pl.col("delivery_day") >= since),
                )
                made.append(
                    (day, forecast_fundamental(quantity, runs, outcomes, zone=zone, day=day, as_of_utc=as_of))
                )
            except ForecastError as error:
                gaps.append(str(error))
    return made, gaps


def _summary(made: list[tuple[date, FundamentalForecast]]) -> pl.DataFrame:
    rows = [
        {
            "day": day,
            "quantity": one.quantity,
            "mean_mw": float(one.values_mw.mean()),
            "training_hours": one.n_training_hours,
            "training_mae_mw": one.training_mae_mw,
            "newest_input_utc": one.newest_input_utc,
        }
        for day, one in made
    ]
    return pl.DataFrame(rows) if rows else pl.DataFrame()
