"""What a zone reads of earlier auctions and of fuels: fetched, or taken from the ledger, under its own name.

The results stand in the ledger where another zone or `spotdesk ingest` brought them in, or a source of the
zone has them. Each row keeps its source and the instant at which it became known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from resources.lake.lake import Lake, WriteReport
from resources.market.earlier_inputs import earlier_auctions_of, fuels_of, of_same_market
from resources.market.market_source import MarketSource
from resources.settings.zones import ZoneSettings
from spot.contracts.fuel_tables import FUEL_PRICES
from spot.contracts.raw_tables import EARLIER_AUCTION_PRICES
from spot.contracts.table import TableContract
from spot.contracts.tables import find_contract
from spot.errors import SpotdeskError
from spot.features.earlier_rows import fuel_rows, results_for
from spot.market.delivery import ZoneDays
from spot.market.earlier_auctions import EarlierAuction
from spot.market.fuels import FUEL_ZONE, OLDEST_DAYS_BEFORE
from spot.sources.judging.revisions import select_revisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came, what the ledger did with it, and why something is missing."""

    rows: pl.DataFrame
    report: WriteReport
    problems: tuple[str, ...]


def take_earlier_auctions(
    span: ZoneDays, lake: Lake, settings: ZoneSettings, source: MarketSource, *, now: datetime
) -> Taken:
    """Results of every earlier auction that the zone reads, for the days of the span.

    A source that does not answer is no failure: the forecast without the result stands.
    """
    found, problems = [EARLIER_AUCTION_PRICES.empty()], list[str]()
    for auction in earlier_auctions_of(span.zone, settings):
        rows, problem = _results(auction, span, lake, settings, source, now)
        found.append(results_for(span, auction, rows))
        problems += [problem] if problem else []
    return _written(EARLIER_AUCTION_PRICES, pl.concat(found), tuple(problems), span, lake, settings, now)


def take_fuels(
    span: ZoneDays, lake: Lake, settings: ZoneSettings, source: MarketSource, *, now: datetime
) -> Taken:
    """Quotations of every fuel that the zone reads, from as long before the span as features look back."""
    series = fuels_of(span.zone, settings)
    if not series:
        return _written(FUEL_PRICES, FUEL_PRICES.empty(), (), span, lake, settings, now)
    first = span.first_day - timedelta(days=OLDEST_DAYS_BEFORE)
    wide, table = ZoneDays(span.zone, first, span.last_day), FUEL_PRICES.name
    fetched, problem = _fetched(table, ZoneDays(FUEL_ZONE, first, span.last_day), settings, source, now)
    held = lake.read(table, zones=[FUEL_ZONE], first_day=first, last_day=span.last_day)
    rows = fuel_rows(span.zone, pl.concat([held, fetched.select(held.columns)]))
    rows = rows.filter(pl.col("series").is_in(series))
    return _written(FUEL_PRICES, rows, (problem,) if problem else (), wide, lake, settings, now)


def _results(
    auction: EarlierAuction,
    span: ZoneDays,
    lake: Lake,
    settings: ZoneSettings,
    source: MarketSource,
    now: datetime,
) -> tuple[pl.DataFrame, str]:
    """Rows of the auction's own table: of the ledger, and what a source has now.

    Days of another calendar overlap those of the span, so a day more is asked for on both sides.
    """
    zone, day = auction.zone_of(span.zone), timedelta(days=1)
    around = span if zone == span.zone else ZoneDays(zone, span.first_day - day, span.last_day + day)
    fetched, problem = _fetched(auction.table, around, settings, source, now)
    held = lake.read(auction.table, zones=[zone], first_day=around.first_day, last_day=around.last_day)
    return pl.concat([held, fetched.select(held.columns)]), "" if held.height else problem


def _fetched(
    table: str, span: ZoneDays, settings: ZoneSettings, source: MarketSource, now: datetime
) -> tuple[pl.DataFrame, str]:
    """What a source of the zone has of the table, and why there is nothing."""
    try:
        return source.fetch(table, span.zone, span.first_day, span.last_day, settings=settings, now=now), ""
    except SpotdeskError as error:
        return find_contract(table).empty(), f"{table} of {span.zone}: {error}"


def _written(
    contract: TableContract,
    rows: pl.DataFrame,
    problems: tuple[str, ...],
    span: ZoneDays,
    lake: Lake,
    settings: ZoneSettings,
    now: datetime,
) -> Taken:
    """The rows in the ledger. A value that a file changed became known now; the earlier one stays."""
    known = of_same_market(rows, settings).filter(pl.col("available_at_utc") <= now)
    known = known.unique(contract.key, keep="first", maintain_order=True)
    held = lake.read(contract.name, zones=[span.zone], first_day=span.first_day, last_day=span.last_day)
    fresh = pl.concat([known.clear(), *_revised(known, held, contract, now)])
    report = lake.append(contract.name, fresh, source=settings.source)
    return Taken(rows=known, report=report, problems=problems)


def _revised(
    rows: pl.DataFrame, held: pl.DataFrame, contract: TableContract, now: datetime
) -> Iterator[pl.DataFrame]:
    for (source,), own in rows.partition_by("source", as_dict=True).items():
        yield select_revisions(own, held.filter(pl.col("source") == source), contract, now)
