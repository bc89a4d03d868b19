"""Reading a zone's tables by the zone's settings: only the sources that it trusts."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import date, timedelta

import polars as pl

from resources.lake.lake import Lake, WriteReport
from resources.market.earlier_inputs import earlier_auctions_of, fuels_of, of_same_market
from resources.settings.zones import ZoneSettings
from spot.contracts.lineage import Lineage, sources_of
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE, SETTLING_TABLES
from spot.features.matrix import FUEL_DAYS, HISTORY_DAYS
from spot.market.delivery import ZoneDays
from spot.market.earlier_auctions import TABLE as EARLIER_TABLE
from spot.market.fuels import TABLE as FUEL_TABLE

_READERS = 4
"""Tables that are read in parallel. Chosen by hand: reads wait for the disk or the network part of the time,
and the desks that were measured have two cores.
"""


def read_span(lake: Lake, table: str, span: ZoneDays) -> pl.DataFrame:
    """Rows of a table for one zone and its days."""
    return lake.read(table, zones=[span.zone], first_day=span.first_day, last_day=span.last_day)


def replace_span(
    lake: Lake, table: str, frame: pl.DataFrame, span: ZoneDays, *, only: Mapping[str, str] | None = None
) -> WriteReport:
    """Put `frame` in place of the rows of a table for one zone and its days, as `Lake.replace`.

    Raises:
        ContractError: a row breaks the contract or lies outside the span or `only`; nothing is written.
    """
    return lake.replace(
        table, frame, zone=span.zone, first_day=span.first_day, last_day=span.last_day, only=only
    )


def read_raw(
    lake: Lake,
    table: str,
    zone: str,
    settings: ZoneSettings,
    *,
    first_day: date | None,
    last_day: date | None,
) -> pl.DataFrame:
    """All vintages of a raw table from the sources that the zone trusts."""
    rows = lake.read(table, zones=[zone], first_day=first_day, last_day=last_day)
    return rows.filter(pl.col("source").is_in(list(settings.sources)))


def read_raw_tables(
    lake: Lake,
    zone: str,
    settings: ZoneSettings,
    *,
    first_day: date,
    last_day: date,
    tables: Sequence[str] = RAW_TABLES_OF_A_ZONE,
) -> dict[str, pl.DataFrame]:
    """Raw tables of the zone from the sources that it trusts, read in parallel."""
    with ThreadPoolExecutor(_READERS) as readers:
        frames = readers.map(
            # One context per table, so that what the caller may read also holds in the other threads.
            lambda table, context: context.run(
                read_raw, lake, table, zone, settings, first_day=first_day, last_day=last_day
            ),
            tables,
            [copy_context() for _ in tables],
        )
        return dict(zip(tables, frames, strict=True))


def read_settling_tables(lake: Lake, settings: ZoneSettings, span: ZoneDays) -> dict[str, pl.DataFrame]:
    """Raw tables with the prices that settle the days of the span."""
    return read_raw_tables(
        lake,
        span.zone,
        settings,
        first_day=span.first_day,
        last_day=span.last_day,
        tables=SETTLING_TABLES,
    )


def read_feature_tables(
    lake: Lake,
    zone: str,
    settings: ZoneSettings,
    *,
    first_day: date,
    last_day: date,
    tables: Sequence[str] = RAW_TABLES_OF_A_ZONE,
) -> dict[str, pl.DataFrame]:
    """The tables that features of the zone are made from: its own, and the earlier results that it reads.

    Features and backtests read them here, so that all see the same. The first features may be those of
    `HISTORY_DAYS` after `first_day`; fuels reach back as far as these need.
    """
    fuels_since = first_day - timedelta(days=FUEL_DAYS - HISTORY_DAYS)
    raw = read_raw_tables(lake, zone, settings, first_day=first_day, last_day=last_day, tables=tables)
    results = lake.read(EARLIER_TABLE, zones=[zone], first_day=first_day, last_day=last_day)
    fuels = lake.read(FUEL_TABLE, zones=[zone], first_day=fuels_since, last_day=last_day)
    series = [auction.series for auction in earlier_auctions_of(zone, settings)]
    raw[EARLIER_TABLE] = of_same_market(results.filter(pl.col("series").is_in(series)), settings)
    named = list(fuels_of(zone, settings))
    raw[FUEL_TABLE] = of_same_market(fuels.filter(pl.col("series").is_in(named)), settings)
    return raw


def with_desk_curve(
    raw: Mapping[str, pl.DataFrame], lake: Lake, zone: str, *, first_day: date, last_day: date
) -> dict[str, pl.DataFrame]:
    """The tables with the desk's own curve (`reference_curve`) in `intraday_prices`, whatever its source.

    The curve is a price at which the desk wants to trade, not market data. Only decisions read it; features
    never do.
    """
    rows = lake.read("intraday_prices", zones=[zone], first_day=first_day, last_day=last_day).filter(
        pl.col("series") == "reference_curve"
    )
    others = raw["intraday_prices"].filter(pl.col("series") != "reference_curve")
    return {**raw, "intraday_prices": pl.concat([others, rows])}


def lineage_of(settings: ZoneSettings) -> str:
    """The data that a model of the zone is made from: its main source, and the tables admitted early."""
    return str(Lineage(settings.source, settings.assume_known))


def read_features(
    lake: Lake, zone: str, settings: ZoneSettings, *, first_day: date, last_day: date
) -> pl.DataFrame:
    """Features of the zone from the sources that it trusts, with exactly the tables that it admits early."""
    rows = lake.read("day_ahead_features", zones=[zone], first_day=first_day, last_day=last_day)
    admitted, trusted = set(settings.assume_known), set(settings.sources)
    texts = [
        str(source)
        for source in sources_of(rows)
        if set(source.names) <= trusted and set(source.assumed_known) == admitted
    ]
    return rows.filter(pl.col("source").is_in(texts))
