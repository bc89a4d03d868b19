"""Weather runs and the desk's own forecasts from them, for zones with `own_forecasts`.

They are known before the gate, unlike the published ones.
"""

from typing import Any

from dagster import AssetExecutionContext, MaterializeResult

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.pictures.asset_metadata import preview
from resources.settings.zones import Desk
from spot.features.weather_regression import SOURCE
from trading_assets.frame.declared import AssetResult, declared_asset
from trading_assets.frame.raw_assets import raw_asset
from trading_assets.frame.reads import of_days_before
from trading_assets.partitions import covered
from workflows.market_data.own_forecasts import TRAINING_DAYS, append_own_forecasts

GROUP = "fundamentals"

weather_forecasts = raw_asset(
    "weather_forecasts",
    group=GROUP,
    story="The 00Z run of the day before is available hours before the gate.",
    only_with="own_forecasts",
)


@declared_asset(
    per="zone and day",
    group=GROUP,
    kinds={"polars", "deltalake"},
    only_with="own_forecasts",
    writes=("renewable_forecasts", "load_forecasts"),
    source=SOURCE,
    reads=[
        "weather_forecasts",
        "renewable_forecasts",
        "load_forecasts",
        of_days_before("generation_actuals", first=TRAINING_DAYS, last=1),
        of_days_before("load_actuals", first=TRAINING_DAYS, last=1),
    ],
)
def own_forecasts(context: AssetExecutionContext, lake: Lake, desk: Desk, clock: Clock) -> AssetResult:
    """Wind, solar and load of the delivery day from the weather run known before the gate.

    Each has a model of its own, fitted again on a year of runs. The rows join the published forecasts as
    source `own_weather`. Load is forecast only where no published load forecast is available.
    """
    span = covered(context)
    settings = desk.zone(span.zone)
    done = append_own_forecasts(span, lake, settings, now=clock.now())
    for gap in done.gaps[:10]:
        context.log.warning("%s", gap)
    note = "" if settings.own_forecasts else "the zone takes the published forecasts"
    facts: dict[str, Any] = {"new_rows": done.n_new, "days_without": len(done.gaps), "note": note or "none"}
    facts |= {"models": preview(done.summary(), n_rows=30), "dagster/row_count": done.n_rows}
    return MaterializeResult(metadata=facts)
