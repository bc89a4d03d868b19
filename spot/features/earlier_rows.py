"""Rows of another auction or fuel as the zone that reads them keeps them."""

import polars as pl

from spot.contracts.fuel_tables import FUEL_PRICES
from spot.contracts.raw_tables import EARLIER_AUCTION_PRICES
from spot.market.clock import local_time
from spot.market.delivery import ZoneDays
from spot.market.earlier_auctions import EarlierAuction


def results_for(reader: ZoneDays, auction: EarlierAuction, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `earlier_auction_prices` of the reader's days, from rows of the auction's own table.

    The auction may count its days by another clock: each period goes to the reader's day in which it begins.

    Args:
        reader: the zone that reads, and its days.
        auction: whose results these are.
        rows: rows of `auction.table` of any zones and series, all vintages.
    """
    own = rows.filter(
        pl.col("zone") == auction.zone_of(reader.zone), pl.col("series") == auction.result_series
    )
    return (
        own.with_columns(
            zone=pl.lit(reader.zone),
            series=pl.lit(auction.series),
            delivery_day=local_time(reader.zone).dt.date(),
        )
        .filter(pl.col("delivery_day").is_between(reader.first_day, reader.last_day))
        .select(EARLIER_AUCTION_PRICES.columns.keys())
    )


def fuel_rows(reader: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `fuel_prices` for the zone that reads them; what is quoted for any zone holds for it."""
    return rows.with_columns(zone=pl.lit(reader)).select(FUEL_PRICES.columns.keys())
