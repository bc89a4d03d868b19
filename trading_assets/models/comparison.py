"""Challengers of the price model compared with the champion, on the days that both forecast."""

from dagster import AssetExecutionContext, MaterializeResult

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.settings.zones import Desk
from spot.contracts.monitoring_tables import MODEL_COMPARISONS
from trading_assets.frame.declared import AssetResult, declared_asset
from trading_assets.frame.model_facts import comparison_facts
from trading_assets.frame.reads import of_zone
from workflows.lifecycle.shadow import price_comparisons, write_comparisons


@declared_asset(
    per="zone",
    group="models",
    kinds={"polars", "deltalake"},
    table=MODEL_COMPARISONS.name,
    reads=[of_zone(name) for name in ("day_ahead_forecasts", "day_ahead_prices", "settlements")],
)
def model_comparison(context: AssetExecutionContext, lake: Lake, desk: Desk, clock: Clock) -> AssetResult:
    """Error and P&L of each challenger (A) and of the champion of the day (B).

    They are compared on the same shadow days, by hour and month, with significance. `spotdesk compare` does
    the same for any two versions on any days.
    """
    found = price_comparisons(context.partition_key, lake, desk, clock)
    rows, report = write_comparisons(MODEL_COMPARISONS, found, lake)
    return MaterializeResult(metadata=comparison_facts(found, rows, report))
