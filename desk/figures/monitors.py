"""The verdicts of a zone's monitors, as their newest judged day says."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import polars as pl

from resources.lake.lake import Lake
from spot.contracts.monitoring_tables import MONITOR_TABLES
from spot.contracts.words import Status

_WORST_FIRST: tuple[Status, ...] = ("alert", "cannot_see", "too_young", "ok")


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorVerdict:
    """The worst verdict of one monitor on its newest judged day, and why."""

    monitor: str
    delivery_day: date
    status: Status
    reasons: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        """The row of a table or of JSON."""
        return {**asdict(self), "reasons": list(self.reasons)}


def monitor_verdicts(lake: Lake, zone: str, *, last_day: date | None = None) -> Iterator[MonitorVerdict]:
    """The monitors of a zone that have judged a day, up to `last_day`."""
    for monitor, table in MONITOR_TABLES.items():
        newest = lake.newest_day(table, zone)
        if newest is None:
            continue
        if last_day is not None and newest > last_day:
            rows = lake.read(table, zones=[zone], last_day=last_day)
            rows = rows.filter(pl.col("delivery_day") == pl.col("delivery_day").max())
        else:
            rows = lake.read(table, zones=[zone], first_day=newest, last_day=newest)
        if rows.height:
            yield _verdict(monitor, rows)


def _verdict(monitor: str, rows: pl.DataFrame) -> MonitorVerdict:
    """The worst of the rows of one judged day."""
    found = set(rows["status"].to_list())
    worst = next(status for status in _WORST_FIRST if status in found)
    reasons = rows.filter(pl.col("status") == worst)["reason"].drop_nulls().unique(maintain_order=True)
    return MonitorVerdict(
        monitor=monitor,
        delivery_day=rows["delivery_day"][0],
        status=worst,
        reasons=tuple(text for text in reasons if text),
    )
