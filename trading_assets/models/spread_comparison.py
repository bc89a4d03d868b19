"""Challengers of the spread model beside the champion, on the days that both spoke of."""

from collections.abc import Iterator

from dagster import AssetExecutionContext, MaterializeResult

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.settings.zones import Desk
from spot.contracts.raw_tables import SETTLING_TABLES
from spot.contracts.spread_tables import SPREAD_COMPARISONS
from trading_assets.frame.declared import AssetResult, declared_asset
from trading_assets.frame.model_facts import comparison_facts
from trading_assets.frame.reads import of_zone
from workflows.lifecycle.shadow import spread_comparisons, write_comparisons

_LEDGERS = ("spread_forecasts", "spread_shadow_settlements", "settlements")


@declared_asset(
    per="zone",
    group="spread_models",
    kinds={"polars", "deltalake"},
    table=SPREAD_COMPARISONS.name,
    reads=[of_zone(name) for name in (*_LEDGERS, *SETTLING_TABLES)],
    is_optional=True,
)
def spread_comparison(
    context: AssetExecutionContext, lake: Lake, desk: Desk, clock: Clock
) -> Iterator[AssetResult]:
    """Error and paper money of each challenger of the spread model (A) and of whoever served (B).

    On the same shadow days, by hour and month, with significance.

    `spotdesk compare --model spread` makes the same view of any two versions on days of one's choice.
    """
    found = spread_comparisons(context.partition_key, lake, desk, clock)
    if not found:
        return
    rows, report = write_comparisons(SPREAD_COMPARISONS, found, lake)
    yield MaterializeResult(metadata=comparison_facts(found, rows, report))
