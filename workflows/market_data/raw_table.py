"""A raw table of a zone and its days: fetched, judged by its contract, appended to the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from resources.lake.lake import Lake, WriteReport
from resources.lake.zone_tables import read_raw
from resources.market.market_source import MarketSource
from resources.settings.zones import ZoneSettings
from spot.contracts.tables import find_contract
from spot.errors import NotYetPublishedError, SpotdeskError
from spot.market.delivery import ZoneDays
from spot.monitoring.day_checks import (
    DayVerdict,
    assess_completeness,
    assess_freshness,
    assess_price_limits,
)

PRICE_LIMITED = ("day_ahead_prices", "intraday_prices")
"""Tables of prices that an auction or exchange limits. Imbalance prices have no limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedTable:
    """What a source gave, and what the ledger did with it."""

    rows: pl.DataFrame
    report: WriteReport
    problem: str
    """Why there are no rows; empty where the source answered."""


def fetch_table(
    table: str,
    span: ZoneDays,
    lake: Lake,
    settings: ZoneSettings,
    source: MarketSource,
    *,
    is_optional: bool,
    now: datetime,
) -> FetchedTable:
    """Fetch a table and append what is new. Rows that break the contract are refused, and raise an alert.

    Raises:
        SourceUnavailableError: the source does not answer, and the table is not optional.
    """
    problem = ""
    try:
        rows = source.fetch(table, span.zone, span.first_day, span.last_day, settings=settings, now=now)
    except SpotdeskError as error:
        if not is_optional and not isinstance(error, NotYetPublishedError):
            raise
        rows, problem = find_contract(table).empty(), f"{table}: {error}"
    report = lake.append(table, rows, source=settings.source)
    if report.n_quarantined:
        _alert_on_refused(table, span, report, source, now)
    return FetchedTable(rows=rows, report=report, problem=problem)


def _alert_on_refused(
    table: str, span: ZoneDays, report: WriteReport, source: MarketSource, now: datetime
) -> None:
    message = (
        f"{table} of {span.first_day} to {span.last_day}: {report.n_quarantined} rows broke the contract or"
        " gave a period twice and were not taken; see docs/runbooks/bad_data.md"
    )
    source.alerts.send("bad_data", message, zone=span.zone, now=now, episode=f"{table} {span.last_day}")


def judge_table(
    table: str, span: ZoneDays, lake: Lake, settings: ZoneSettings, *, now: datetime
) -> Mapping[str, DayVerdict]:
    """Name of each check to its verdict on the days of the span.

    The table must be complete, fresh, and within price limits where it has prices.
    """
    zone, days = span.zone, span.days
    frame = read_raw(lake, table, zone, settings, first_day=span.first_day, last_day=span.last_day)
    verdicts = {
        "every_day_is_complete": assess_completeness(frame, zone=zone, days=days, may_be_absent=True),
        "data_is_fresh": assess_freshness(frame, table=table, zone=zone, days=days, now=now),
    }
    if table in PRICE_LIMITED:
        is_day_ahead = table == "day_ahead_prices"
        verdicts["prices_are_within_limits"] = assess_price_limits(
            frame, days=days, is_day_ahead=is_day_ahead
        )
    return verdicts


def refused_rows(table: str, span: ZoneDays, lake: Lake) -> pl.DataFrame:
    """Rows of `quarantine` that were refused for the table on the days of the span, or on an unknown day."""
    day = pl.col("row_json").str.json_path_match("$.delivery_day").str.to_date(strict=False)
    rows = lake.read("quarantine", zones=[span.zone]).filter(pl.col("table_name") == table)
    return rows.with_columns(delivery_day=day).filter(
        pl.col("delivery_day").is_null() | pl.col("delivery_day").is_in(list(span.days))
    )
