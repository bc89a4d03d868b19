"""Earlier results that the files of a folder hold, for backtests that read no ledger."""

import polars as pl

from resources.market.earlier_inputs import earlier_auctions_of, fuels_of
from resources.market.market_files import MarketFiles, Rows
from resources.settings.zones import ZoneSettings
from spot.contracts.days import first_day, last_day
from spot.contracts.fuel_tables import FUEL_PRICES
from spot.contracts.raw_tables import EARLIER_AUCTION_PRICES
from spot.features.earlier_rows import fuel_rows, results_for
from spot.market.delivery import ZoneDays
from spot.market.fuels import FUEL_ZONE


def tables_with_earlier(files: MarketFiles, zone: str, settings: ZoneSettings) -> Rows:
    """All data of `zone` in the files, with the results of earlier auctions and the fuels that it reads.

    Raises:
        ConfigurationError: no file holds the zone, or the folder is missing or empty.
        ContractError: a tidy file on the zone is damaged or not plausible.
    """
    tables = files.tables(zone)
    prices = tables["day_ahead_prices"]
    span = ZoneDays(zone, first_day(prices), last_day(prices))
    results = [tables.get(EARLIER_AUCTION_PRICES.name, EARLIER_AUCTION_PRICES.empty())]
    for auction in earlier_auctions_of(zone, settings):
        rows = _of_zone(files, auction.zone_of(zone)).get(auction.table)
        results += [] if rows is None else [results_for(span, auction, rows)]
    fuels = _of_zone(files, FUEL_ZONE).get(FUEL_PRICES.name)
    own = FUEL_PRICES.empty() if fuels is None else fuel_rows(zone, fuels)
    named = pl.col("series").is_in(list(fuels_of(zone, settings)))
    return {
        **tables,
        EARLIER_AUCTION_PRICES.name: pl.concat(results),
        FUEL_PRICES.name: own.filter(named),
    }


def _of_zone(files: MarketFiles, zone: str) -> Rows:
    return files.tables(zone) if files.of_zone(zone) else {}
