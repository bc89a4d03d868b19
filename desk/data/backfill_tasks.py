"""The tasks of a backfill, and which of their days the ledger lacks."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from resources.files import write_whole
from resources.lake.lake import Lake
from spot.market.delivery import days_between
from spot.sources.judging.whole_days import due_days, is_judged_by_day, open_days

_SAME_DAYS = {"imbalance_prices": ("imbalance_prices", "imbalance_price_sides")}
"""Tables of which one or the other has a day: an area has one imbalance price, or two."""


@dataclass(frozen=True, slots=True)
class Task:
    """One month, or part of one, of one table of a zone."""

    zone: str
    table: str
    first_day: date
    last_day: date


class Finished:
    """Finished tasks of tables without a publication rule, in one small file per zone, table and sources.

    A task is recorded after its rows are in the ledger, never before. Days of the other tables are due and
    whole or not, which the ledger says.
    """

    def __init__(self, folder: Path, sources: tuple[str, ...]) -> None:
        self._folder, self._sources = folder, "-".join(sources)

    def has(self, task: Task) -> bool:
        """Whether the task is done."""
        return self._key(task) in self._read(task)

    def note(self, task: Task) -> None:
        """Record the task as done, in one write."""
        done = sorted({*self._read(task), self._key(task)})
        path = self._path(task)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(done, indent=0).encode())

    def _read(self, task: Task) -> list[str]:
        try:
            content = json.loads(self._path(task).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []  # a lost record only costs time: writing to the ledger twice has no effect
        return [str(entry) for entry in content] if isinstance(content, list) else []

    def _path(self, task: Task) -> Path:
        return self._folder / f"{task.zone}-{task.table}-{self._sources}.json"

    def _key(self, task: Task) -> str:
        return f"{task.first_day}..{task.last_day}"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger as a backfill sees it: which days of a task are open."""

    lake: Lake
    sources: tuple[str, ...]
    now: datetime

    def open_days(self, task: Task, finished: Finished) -> tuple[date, ...]:
        """Due days of the task that no source has whole in the ledger, ascending.

        Of a table without a publication rule, all its days until it is noted as finished.
        """
        days = days_between(task.first_day, task.last_day)
        if not is_judged_by_day(task.table):
            return () if finished.has(task) else days
        due = due_days(task.table, task.zone, days, self.now)
        held = [
            self.lake.read(table, zones=[task.zone], first_day=task.first_day, last_day=task.last_day)
            .filter(pl.col("source").is_in(self.sources))
            .select("source", "series", "delivery_day", "delivery_start_utc", "resolution_minutes")
            for table in _SAME_DAYS.get(task.table, (task.table,))
        ]
        return open_days(pl.concat(held), task.zone, due)
