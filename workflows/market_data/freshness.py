"""How fresh the sources of every zone are, and how late they publish."""

from datetime import date, datetime, timedelta

import polars as pl

from resources.lake.lake import Lake
from resources.market.earlier_inputs import of_same_market
from resources.settings.zones import Desk
from spot.contracts.live_tables import PUBLICATION_LAGS
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.market.delivery import delivery_day_of
from spot.market.earlier_auctions import TABLE as EARLIER_TABLE
from spot.sources.judging.freshness import freshness_of
from spot.sources.judging.publication_lag import measure_lags

LOOK_BACK = timedelta(days=60)
"""Chosen by hand: two months have enough publications of every feed for a quantile of its lag."""
_FRESHNESS = timedelta(days=14)
"""Chosen by hand: what is older than two weeks is late in any case."""


def lags_of_desk(lake: Lake, desk: Desk, today: date) -> pl.DataFrame:
    """Rows of `publication_lags` of the newest 60 days of every zone."""
    return pl.concat([PUBLICATION_LAGS.empty(), *(_lags(lake, desk, zone, today) for zone in desk.zones)])


def _lags(lake: Lake, desk: Desk, zone: str, today: date) -> pl.DataFrame:
    trusted = pl.col("source").is_in(list(desk.zone(zone).sources))
    parts = [PUBLICATION_LAGS.empty()]
    for table in RAW_TABLES_OF_A_ZONE:
        rows = lake.read(table, zones=[zone], first_day=today - LOOK_BACK)
        parts.append(measure_lags(table, rows.filter(trusted)))
    results = lake.read(EARLIER_TABLE, zones=[zone], first_day=today - LOOK_BACK)
    parts.append(measure_lags(EARLIER_TABLE, of_same_market(results, desk.zone(zone))))
    return pl.concat(parts)


def freshness_of_desk(lake: Lake, desk: Desk, now: datetime) -> pl.DataFrame:
    """The state of every series of every zone and source: fresh, late, missing or not asked."""
    return pl.concat([freshness_of_zone(lake, desk, zone, now) for zone in desk.zones])


def freshness_of_zone(lake: Lake, desk: Desk, zone: str, now: datetime) -> pl.DataFrame:
    """The same of one zone."""
    since = delivery_day_of(zone, now) - _FRESHNESS
    tables = {table: lake.read(table, zones=[zone], first_day=since) for table in RAW_TABLES_OF_A_ZONE}
    captures = lake.read("captures", zones=[zone], first_day=since)
    return freshness_of(zone, desk.zone(zone).sources, tables, captures, now)
