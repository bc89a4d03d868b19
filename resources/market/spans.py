"""The spans of days that a provider is asked for."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from spot.market.delivery import day_bounds_utc, days_between
from spot.market.publication_rules import RULES, published_by_utc

BACKFILL_AFTER = timedelta(hours=24)
"""Time after it was due from which a value is dated by the publication rule and not by our clock."""


def spans(
    table: str, zone: str, days: tuple[date, date], now: datetime, longest_days: int
) -> Iterator[tuple[date, date, bool]]:
    """First day, last day and whether it is a backfill, for each span of at most `longest_days`.

    No span mixes days of a backfill with days that are fetched as they are published.
    """
    at = days[0]
    for first, last, is_backfill in _eras(table, zone, days, now):
        at = first
        while at <= last:
            stop = min(last, at + timedelta(days=longest_days - 1))
            yield at, stop, is_backfill
            at = stop + timedelta(days=1)


def _eras(table: str, zone: str, days: tuple[date, date], now: datetime) -> Iterator[tuple[date, date, bool]]:
    old = [day for day in days_between(*days) if now - _due(table, zone, day) > BACKFILL_AFTER]
    if old:
        yield old[0], old[-1], True
    fresh_from = old[-1] + timedelta(days=1) if old else days[0]
    if fresh_from <= days[1]:
        yield fresh_from, days[1], False


def _due(table: str, zone: str, day: date) -> datetime:
    start, end = day_bounds_utc(zone, day)
    return published_by_utc(table, zone, day, end) if table in RULES else start
