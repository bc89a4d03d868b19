"""Days of the past that the ledger lacks: due, between the first and the newest day held, and not whole."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

from resources.lake.lake import Lake
from spot.market.delivery import days_between
from spot.sources.judging.whole_days import due_days, is_judged_by_day, open_days

LOOK_BACK = timedelta(days=400)
"""How far back holes are looked for: a year and a little. Chosen by hand; not tuned."""


def holes(lake: Lake, zone: str, table: str, sources: Sequence[str], now: datetime) -> tuple[date, ...]:
    """Days of a table that no trusted source has whole, of the last 400 days at most, ascending.

    Empty for a table without a publication rule, or of which nothing is held.
    """
    if not is_judged_by_day(table):
        return ()
    first = (now - LOOK_BACK).date()
    held = lake.read(table, zones=[zone], first_day=first).filter(pl.col("source").is_in(list(sources)))
    if held.is_empty():
        return ()
    began, newest = held["delivery_day"].min(), held["delivery_day"].max()
    if not isinstance(began, date) or not isinstance(newest, date):
        return ()
    return open_days(held, zone, due_days(table, zone, days_between(began, newest), now))
