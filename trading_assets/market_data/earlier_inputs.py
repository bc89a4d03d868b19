"""Results of auctions that clear before the gate, and prices of fuels, for zones that read them.

The forecast of a day is made without a result that has not come; nothing waits for it.
"""

from dagster import AssetExecutionContext, MaterializeResult

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.market.market_source import MarketSource
from resources.pictures.asset_metadata import written
from resources.settings.zones import Desk
from spot.market.earlier_auctions import TABLE as EARLIER_TABLE
from spot.market.fuels import TABLE as FUEL_TABLE
from spot.sources.currencies import LOCAL_TABLE, RATES_TABLE
from trading_assets.frame.declared import AssetResult, declared_asset
from trading_assets.partitions import covered
from workflows.market_data.earlier_inputs import Taken, take_earlier_auctions, take_fuels

ONLY_WITH = "earlier_inputs"


@declared_asset(
    per="zone and day",
    name=EARLIER_TABLE,
    group="market_data",
    kinds={"polars", "deltalake"},
    table=EARLIER_TABLE,
    reads=("day_ahead_prices", "other_auction_prices", LOCAL_TABLE, RATES_TABLE),
    only_with=ONLY_WITH,
    pool="market_data",
)
def earlier_auction_prices(
    context: AssetExecutionContext, lake: Lake, desk: Desk, market_source: MarketSource, clock: Clock
) -> AssetResult:
    """Prices of the delivery day in auctions that clear before the gate: Swiss, EXAA, British.

    Taken from the sources of the zone and from the ledger. Each counts from the instant at which it became
    known.
    """
    span = covered(context)
    taken = take_earlier_auctions(span, lake, desk.zone(span.zone), market_source, now=clock.now())
    return _told(context, taken)


@declared_asset(
    per="zone and day",
    name=FUEL_TABLE,
    group="fundamentals",
    kinds={"polars", "deltalake"},
    table=FUEL_TABLE,
    only_with=ONLY_WITH,
    pool="market_data",
)
def fuel_prices(
    context: AssetExecutionContext, lake: Lake, desk: Desk, market_source: MarketSource, clock: Clock
) -> AssetResult:
    """Gas, emission allowances and oil, as files bring them in for DE_LU; all coupled zones read the same."""
    span = covered(context)
    taken = take_fuels(span, lake, desk.zone(span.zone), market_source, now=clock.now())
    return _told(context, taken)


def _told(context: AssetExecutionContext, taken: Taken) -> AssetResult:
    for problem in taken.problems:
        context.log.info("%s", problem)
    facts = {"missing": "; ".join(taken.problems) or "nothing"}
    return MaterializeResult(metadata={**written(taken.rows, taken.report), **facts})
