"""Earlier results of files and of the simulated market, for backtests that read no ledger."""

from collections.abc import Callable
from datetime import date

import polars as pl

from resources.market.earlier_inputs import earlier_auctions_of, fuels_of, has_earlier_inputs
from resources.market.market_files import MarketFiles, Rows
from resources.settings.zones import ZoneSettings
from spot.contracts.days import first_day, last_day
from spot.contracts.fuel_tables import FUEL_PRICES
from spot.contracts.raw_tables import EARLIER_AUCTION_PRICES
from spot.features.earlier_rows import fuel_rows, results_for
from spot.market.delivery import ZoneDays
from spot.market.fuels import FUEL_ZONE
from spot.simulation.earlier import simulate_earlier
from spot.simulation.market import simulate


def tables_with_earlier(files: MarketFiles, zone: str, settings: ZoneSettings) -> Rows:
    """All data of `zone` in the files, with the results of earlier auctions and the fuels that it reads.

    Raises:
        ConfigurationError: no file holds the zone, or the folder is missing or empty.
        ContractError: a tidy file on the zone is damaged or not plausible.
    """
    return _with_earlier(files.tables(zone), zone, settings, lambda name: _of_zone(files, name))


def simulated_with_earlier(zone: str, settings: ZoneSettings, first: date, last: date, *, seed: int) -> Rows:
    """The simulated market of `zone`, with the earlier results that its settings name.

    Raises:
        ConfigurationError: the zone has no simulated market, or the days are outside the simulated world.
        ContractError: the range is empty.
    """

    def of_zone(name: str) -> Rows:
        tables = simulate(name, first, last, seed=seed).tables
        return {**tables, **simulate_earlier(name, first, last, seed=seed)}

    own = dict(simulate(zone, first, last, seed=seed).tables)
    return _with_earlier(own, zone, settings, of_zone) if has_earlier_inputs(zone, settings) else own


def _with_earlier(tables: Rows, zone: str, settings: ZoneSettings, of_zone: Callable[[str], Rows]) -> Rows:
    """The tables of a zone, with what it reads of the tables of others."""
    prices = tables["day_ahead_prices"]
    span = ZoneDays(zone, first_day(prices), last_day(prices))
    results = [tables.get(EARLIER_AUCTION_PRICES.name, EARLIER_AUCTION_PRICES.empty())]
    for auction in earlier_auctions_of(zone, settings):
        rows = of_zone(auction.zone_of(zone)).get(auction.table)
        results += [] if rows is None else [results_for(span, auction, rows)]
    named = list(fuels_of(zone, settings))
    fuels = of_zone(FUEL_ZONE).get(FUEL_PRICES.name) if named else None
    own = FUEL_PRICES.empty() if fuels is None else fuel_rows(zone, fuels)
    return {
        **tables,
        EARLIER_AUCTION_PRICES.name: pl.concat(results),
        FUEL_PRICES.name: own.filter(pl.col("series").is_in(named)),
    }


def _of_zone(files: MarketFiles, zone: str) -> Rows:
    return files.tables(zone) if files.of_zone(zone) else {}
