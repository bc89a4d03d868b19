"""How fresh every source of a zone is.

It shows what came last, what is due, when the source was last asked and what it answered.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import polars as pl

from spot.contracts.days import last_day_or_none
from spot.contracts.table import UTC_INSTANT
from spot.market.delivery import day_bounds_utc, delivery_day_of
from spot.market.publication_rules import RULES, published_by_utc

GRACE = timedelta(minutes=30)
"""After the due instant by rule, before a series counts as late."""
FRESHNESS_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "zone": pl.String,
    "source": pl.String,
    "table": pl.String,
    "state": pl.String,
    "newest_day": pl.Date,
    "due_day": pl.Date,
    "newest_known_utc": UTC_INSTANT,
    "asked_utc": UTC_INSTANT,
    "answer": pl.String,
}


def newest_due_day(table: str, zone: str, now: datetime, *, grace: timedelta = GRACE) -> date | None:
    """The newest delivery day whose values are due by the publication rule at `now`.

    None for a table without a rule.
    """
    if table not in RULES:
        return None
    today = delivery_day_of(zone, now)
    days = (today + timedelta(days=ahead) for ahead in range(1, -10, -1))
    return next(
        (
            day
            for day in days
            if published_by_utc(table, zone, day, day_bounds_utc(zone, day)[1]) + grace <= now
        ),
        None,
    )


def freshness_of(
    zone: str,
    sources: Sequence[str],
    tables: Mapping[str, pl.DataFrame],
    captures: pl.DataFrame,
    now: datetime,
) -> pl.DataFrame:
    """One row per source and table of the zone under `FRESHNESS_SCHEMA`.

    `state` is fresh, late, missing or not asked.

    Args:
        zone: bidding zone.
        sources: sources that the zone trusts.
        tables: raw table to its rows of the zone, any sources.
        captures: rows of the table `captures` of the zone.
        now: aware UTC.
    """
    rows = []
    for source in sources:
        for table, frame in tables.items():
            own = frame.filter(pl.col("source") == source)
            asked = (
                captures.filter(pl.col("source") == source, pl.col("series") == table)
                .sort("captured_at_utc")
                .tail(1)
            )
            newest = last_day_or_none(own)
            due = newest_due_day(table, zone, now)
            rows.append({
                "zone": zone,
                "source": source,
                "table": table,
                "state": _state(newest, due, was_asked=bool(asked.height)),
                "newest_day": newest,
                "due_day": due,
                "newest_known_utc": own["available_at_utc"].max() if own.height else None,
                "asked_utc": asked["captured_at_utc"][0] if asked.height else None,
                "answer": _answer(asked),
            })  # fmt: skip
    return pl.DataFrame(rows, schema=FRESHNESS_SCHEMA)


def _state(newest: date | None, due: date | None, *, was_asked: bool) -> str:
    if newest is None:
        return "missing" if was_asked else "not asked"
    return "late" if due is not None and newest < due else "fresh"


def _answer(asked: pl.DataFrame) -> str:
    if asked.is_empty():
        return ""
    outcome, detail, n_rows = asked.select("outcome", "detail", "n_rows").row(0)
    return f"{n_rows} rows" if outcome == "rows" else f"{outcome}: {detail[:80]}"
