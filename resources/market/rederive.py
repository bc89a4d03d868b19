"""Rows derived again from the captured bodies by today's parsers and rules.

It shows what an improved parser adds to the ledger, and what it now refuses.

The ledger only grows. A known row stays as it is. A row that an older parser missed is added with the instant
of its capture.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl

from resources.lake.lake import Lake
from resources.market.live_market import HISTORY, LiveMarket
from resources.providers.provider import ProviderRequest
from spot.contracts.days import first_day, last_day
from spot.contracts.tables import find_contract
from spot.errors import ContractError, SpotdeskError
from spot.market.delivery import delivery_day_of
from spot.sources.currencies import LOCAL_TABLE, RATES_TABLE, in_euro, stored_table
from spot.sources.judging.plausibility import assess_plausibility
from spot.sources.judging.revisions import select_revisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Rederived:
    """What one captured answer gives today, compared with what it gave then."""

    captured_at_utc: datetime
    source: str
    zone: str
    table: str
    outcome: Literal["read", "refused", "no data", "no provider makes this request any more"]
    n_rows_then: int
    n_rows: int
    n_missing: int
    """Rows that the ledger does not hold."""
    n_added: int
    """Of those, rows that were written."""
    detail: str


def rederive(market: LiveMarket, captures: pl.DataFrame, *, is_applied: bool) -> Iterator[Rederived]:
    """Parse and judge the bodies of these rows of `captures`, oldest first.

    With `is_applied`, add what the ledger lacks.
    """
    for row in captures.filter(pl.col("body_sha256") != "").sort("captured_at_utc").iter_rows(named=True):
        yield _again(market, row, is_applied=is_applied)


def _again(market: LiveMarket, row: dict[str, Any], *, is_applied: bool) -> Rederived:
    facts = {
        "captured_at_utc": row["captured_at_utc"],
        "source": row["source"],
        "zone": row["zone"],
        "table": row["series"],
    }
    then = {**facts, "n_rows_then": row["n_rows"]}
    nothing: dict[str, Any] = {**then, "n_rows": 0, "n_missing": 0, "n_added": 0}
    request = find_request(market, row)
    if request is None:
        return Rederived(**nothing, outcome="no provider makes this request any more", detail=row["address"])
    try:
        parsed = market.reparse(
            pl.DataFrame([row], schema_overrides=find_contract("captures").schema), request
        )
    except ContractError as error:
        return Rederived(**nothing, outcome="refused", detail=str(error)[:300])
    table = stored_table(row["series"], row["zone"], parsed.tables)
    rows = parsed.tables.get(table)
    if rows is None:
        return Rederived(
            **nothing, outcome="no data", detail=parsed.no_data or "the answer holds no row of the table"
        )
    missing = _missing(market.lake, table, rows, row)
    n_added = _write(market.lake, table, missing, row) if is_applied and missing.height else 0
    return Rederived(
        **then, n_rows=rows.height, n_missing=missing.height, n_added=n_added, outcome="read", detail=""
    )


def find_request(market: LiveMarket, row: dict[str, Any]) -> ProviderRequest | None:
    """The request that fetches the captured address today, with its parser.

    None where no provider makes this request any more.
    """
    first_day = delivery_day_of(row["zone"], row["first_utc"])
    last_day = delivery_day_of(row["zone"], row["end_utc"] - timedelta(microseconds=1))
    try:
        requests = market.providers[row["source"]].requests(row["series"], row["zone"], first_day, last_day)
    except (KeyError, SpotdeskError):
        return None
    return next((request for request in requests if request.address == row["address"]), None)


def _missing(lake: Lake, table: str, rows: pl.DataFrame, row: dict[str, Any]) -> pl.DataFrame:
    """Plausible rows that the ledger does not hold.

    A value that it held at the time of the capture is no new vintage.
    """
    first = first_day(rows)
    held = lake.read(table, zones=[row["zone"]], first_day=first - HISTORY, last_day=last_day(rows)).filter(
        pl.col("source") == row["source"]
    )
    verdict = assess_plausibility(table, rows, held.filter(pl.col("delivery_day") < first))
    if verdict.is_refused:
        return rows.clear()
    contract = find_contract(table)
    known_then = held.filter(pl.col("available_at_utc") <= row["captured_at_utc"])
    revised = select_revisions(verdict.accepted, known_then, contract, row["captured_at_utc"])
    return revised.join(held, on=list(contract.key), how="anti", nulls_equal=True)


def _write(lake: Lake, table: str, missing: pl.DataFrame, row: dict[str, Any]) -> int:
    n_added = lake.append(table, missing, source=row["source"]).n_new
    if table == LOCAL_TABLE:
        zone, euro = row["zone"], row["series"]
        rows = in_euro(missing, lake.read(RATES_TABLE, zones=[zone]), table=euro, zone=zone)
        lake.append(euro, rows, source=row["source"])
    return n_added
