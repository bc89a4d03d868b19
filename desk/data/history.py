"""Loading years of a zone from its live sources into the ledger, month by month and table by table."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from desk.data.backfill_tasks import Finished, Ledger, Task
from desk.screen.console import progress
from resources.home.markets import REAL, MarketMemory
from resources.market.live_market import LiveMarket
from resources.market.live_sources import LIVE_ONLY_TABLES, make_live_market
from resources.plugins.sources import SOURCES, is_live
from resources.settings.at_use import provider_secret, provider_urls
from resources.settings.desk import desk_settings
from resources.settings.environment import Environment, read_environment
from resources.wiring import make_lake
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.errors import ConfigurationError, NotYetPublishedError, SourceUnavailableError, SpotdeskError
from spot.market.delivery import days_between
from spot.sources.judging.whole_days import is_judged_by_day, said_of

GIVE_UP_AFTER = 2
"""Tasks in a row without an answer from any source, after which the rest is left for the next time."""
TROUBLE = ("open", "no answer", "failed", "not asked")
"""Outcomes of a task whose days are not all in the ledger."""


def load_history(
    environment: Environment,
    zones: Sequence[str],
    days: tuple[date, date],
    *,
    tables: list[str] | None,
    sources: list[str] | None,
    again: bool,
    now: datetime,
) -> list[dict[str, Any]]:
    """One row per month and table: what was asked, and what came of it.

    Args:
        environment: the desk.
        zones: bidding zones.
        days: first and last delivery day.
        tables: raw tables; None for all that the sources have.
        sources: live sources in order of preference; None for those of the zone.
        again: whether to ask for months that are whole, to find revisions.
        now: the present instant.

    Raises:
        ConfigurationError: a source is not live or lacks a table, or the zone stands on a simulated market.
    """
    memory = MarketMemory(environment.home)
    if tables is None or set(tables) & set(RAW_TABLES_OF_A_ZONE):
        for name in zones:
            memory.refuse_other(name, REAL)
    lake = make_lake(environment)
    market = make_live_market(
        lake,
        environment.home / "http",
        secret=provider_secret,
        base_urls=provider_urls(),
        state_folder=environment.trading_state,
    )
    rows: list[dict[str, Any]] = []
    # The table already shows what the library says of each failure.
    logging.getLogger("spotdesk.live_market").setLevel(logging.ERROR)
    with progress() as bar:
        for name in dict.fromkeys(zones):
            asked = sources_of(name, sources)
            finished = Finished(environment.home / "backfill", asked)
            tasks = list(tasks_of(market, name, asked, tables, days))
            ledger = Ledger(lake, asked, now)
            todo = [task for task in tasks if again or ledger.open_days(task, finished)]
            line = bar.add_task(name, total=len(todo))
            n_silent = 0
            for task in todo:
                if n_silent >= GIVE_UP_AFTER:
                    rows.append(
                        _row(task, "not asked", detail="not asked, because no source answered before")
                    )
                    continue
                bar.update(line, description=f"{name} {task.table} {task.first_day:%Y-%m}")
                rows.append(_load(market, ledger, task, asked, finished, again=again))
                if rows[-1]["new_rows"] and task.table in RAW_TABLES_OF_A_ZONE:
                    memory.remember(name, REAL)
                n_silent = n_silent + 1 if rows[-1]["outcome"] == "no answer" else 0
                bar.advance(line)
    return rows


def sources_of(zone: str, asked: list[str] | None) -> tuple[str, ...]:
    """The live sources to ask, in order.

    Raises:
        ConfigurationError: one is not live, or the zone has none.
    """
    if asked:
        unknown = [name for name in asked if not is_live(name)]
        if unknown:
            raise ConfigurationError(f"no live source {', '.join(unknown)}: known are {', '.join(SOURCES)}")
        return tuple(dict.fromkeys(asked))
    settings = desk_settings(read_environment()).zones.get(zone)
    names = tuple(name for name in (settings.sources if settings else ()) if is_live(name))
    if settings and settings.own_forecasts:
        names = (*names, "open_meteo")  # the archived runs that the own forecasts of a backtest stand on
    if not names:
        raise ConfigurationError(
            f"zone {zone} has no live source in zones.yaml: name one with --source, or run `spotdesk init`"
        )
    return names


def tasks_of(
    market: LiveMarket, zone: str, sources: tuple[str, ...], tables: list[str] | None, days: tuple[date, date]
) -> Iterator[Task]:
    """Month by month of every table: the tables asked for, else all that the sources have for the zone.

    Raises:
        ConfigurationError: no source has one of them.
    """
    offered = {name for source in sources for name in market.providers[source].tables(zone)}
    wanted = tables or [
        name for name in (*RAW_TABLES_OF_A_ZONE, "weather_forecasts", *LIVE_ONLY_TABLES) if name in offered
    ]
    missing = [name for name in wanted if name not in offered]
    if missing or not wanted:
        raise ConfigurationError(
            f"{', '.join(sources)} have no {', '.join(missing) or 'data'} for {zone}: they have"
            f" {', '.join(sorted(offered)) or 'nothing'}"
        )
    # The two-sided prices come first: where an area has them, its single prices have no days of their own.
    for table in sorted(wanted, key=lambda name: name != "imbalance_price_sides"):
        at = days[0]
        while at <= days[1]:
            month_end = (at.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
            stop = min(month_end, days[1])
            yield Task(zone, table, at, stop)
            at = stop + timedelta(days=1)


@dataclass(slots=True)
class _Loaded:
    """What came of the answers for one task."""

    n_new: int = 0
    source: str = ""
    is_fallback: bool = False
    failures: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def why(self) -> str:
        """What went wrong, each reason once."""
        return "; ".join(dict.fromkeys((*self.refused, *self.failures)))


def _load(
    market: LiveMarket,
    ledger: Ledger,
    task: Task,
    sources: tuple[str, ...],
    finished: Finished,
    *,
    again: bool,
) -> dict[str, Any]:
    """Ask for the open days of a task as long as answers make days whole: a provider may cut its answers."""
    able = [name for name in sources if task.table in market.providers[name].tables(task.zone)]
    days = days_between(task.first_day, task.last_day) if again else ledger.open_days(task, finished)
    loaded, n_open = _Loaded(), len(days) + 1
    while days and len(days) < n_open:
        n_open = len(days)
        if trouble := _ask(market, ledger, task, (days[0], days[-1]), able, loaded):
            return _row(task, trouble, detail=loaded.why[:400])
        if not is_judged_by_day(task.table):
            # Nothing new is final there: a past month does not change when it is asked for tomorrow.
            finished.note(task)
        days = ledger.open_days(task, finished)
    outcome, detail = ("loaded" if loaded.n_new else "nothing new"), "; ".join(loaded.failures)
    if days:
        outcome, detail = "open", f"{said_of(days)}: {loaded.why}"
    return _row(
        task,
        outcome,
        source=loaded.source,
        new_rows=loaded.n_new,
        detail=detail[:400],
        is_fallback=loaded.is_fallback,
    )


def _ask(
    market: LiveMarket, ledger: Ledger, task: Task, days: tuple[date, date], able: list[str], loaded: _Loaded
) -> str:
    """Fetch the days and put the rows into the ledger. The outcome where nothing ever came, else empty."""
    try:
        fetched = market.fetch(task.table, task.zone, *days, sources=able, now=ledger.now)
    except NotYetPublishedError as error:
        loaded.failures.append(str(error))
        return ""
    except SpotdeskError as error:
        loaded.failures.append(str(error))
        if loaded.source:
            return ""
        return "no answer" if isinstance(error, SourceUnavailableError) else "failed"
    loaded.n_new += ledger.lake.append(task.table, fetched.rows, source=fetched.source).n_new
    loaded.source = loaded.source or fetched.source
    loaded.is_fallback |= bool((fetched.rows["source"] != able[0]).any())
    loaded.failures += (*fetched.failures, *fetched.doubts)
    loaded.refused += fetched.refused
    return ""


def _row(
    task: Task,
    outcome: str,
    *,
    source: str = "",
    new_rows: int = 0,
    detail: str = "",
    is_fallback: bool = False,
) -> dict[str, Any]:
    """The result of a task."""
    what = {"zone": task.zone, "table": task.table, "from": task.first_day, "to": task.last_day}
    return {
        **what,
        "outcome": outcome,
        "source": source,
        "new_rows": new_rows,
        "is_fallback": is_fallback,
        "detail": detail,
    }
