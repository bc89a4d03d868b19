"""`spotdesk backfill`: years of live data into the ledger, month by month.

It is polite to providers and continues after any interruption.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import typer

from desk.data.analysts import publish_tables
from desk.data.backfill_tasks import Finished, Ledger, Task
from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit, err, progress
from resources.home.markets import REAL, MarketMemory
from resources.market.live_market import LiveMarket
from resources.market.live_sources import LIVE_ONLY_TABLES, make_live_market
from resources.plugins.sources import SOURCES, is_live
from resources.settings.environment import desk_settings, provider_secret, provider_urls, read_environment
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.errors import ConfigurationError, NotYetPublishedError, SourceUnavailableError, SpotdeskError
from spot.market.delivery import days_between
from spot.market.zones import find_zone
from spot.sources.judging.whole_days import is_judged_by_day, said_of

GIVE_UP_AFTER = 2
"""Tasks in a row without an answer from any source, after which the rest is left for the next time."""
_TROUBLE = ("open", "no answer", "failed", "not asked")


def backfill(
    *,
    zone: Annotated[list[str], typer.Option("--zone", help="Bidding zone; repeat for more.")],
    first_day: Annotated[
        datetime, typer.Option("--from", parser=a_day, metavar=DAY_FORM, help="First delivery day.")
    ],
    last_day: Annotated[
        datetime | None,
        typer.Option(
            "--to",
            parser=a_day,
            metavar=DAY_FORM,
            help="Last delivery day, included.  \\[default: yesterday]",
        ),
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", help="Raw table; repeat for more.  \\[default: all that the sources have]"),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Live source, in order of preference.  \\[default: as in zones.yaml]"),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Ask again for finished months, to find revisions.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Load history from the live sources into the ledger.

    You can interrupt it at any time. The same command goes on where it stopped.

    The dated publication rules say when a value became known. A value that differs from the stored one is a
    revision and counts as known from now on. Every answer is kept. Every refused row goes to quarantine and
    is named. No host is asked more often than its budget allows.

    A month is done when each due day of it is whole in the ledger, and only then. Days that are open are
    asked for again, from each source in turn.

    Exit code 1: some days are open. Exit code 2: an option is wrong, and nothing was asked.

        spotdesk backfill --zone DE_LU --from 2023-01-01 --source energy_charts
    """
    environment, now = read_environment(), utc_now()
    last = last_day.date() if last_day else now.date() - timedelta(days=1)
    if last < first_day.date():
        raise ConfigurationError(f"--from {first_day.date()} is after --to {last}")
    memory = MarketMemory(environment.home)
    if table is None or set(table) & set(RAW_TABLES_OF_A_ZONE):
        for name in zone:
            memory.refuse_other(find_zone(name).name, REAL)
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
        for name in dict.fromkeys(find_zone(name).name for name in zone):
            sources = sources_of(name, source)
            finished = Finished(environment.home / "backfill", sources)
            tasks = list(tasks_of(market, name, sources, table, (first_day.date(), last)))
            ledger = Ledger(lake, sources, now)
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
                rows.append(_load(market, ledger, task, sources, finished, again=again))
                if rows[-1]["new_rows"] and task.table in RAW_TABLES_OF_A_ZONE:
                    memory.remember(name, REAL)
                n_silent = n_silent + 1 if rows[-1]["outcome"] == "no answer" else 0
                bar.advance(line)
    if rows:
        publish_tables(environment)
    emit(
        rows if as_json else _by_table(rows),
        as_json=as_json,
        title="backfill",
        empty="everything is loaded already",
    )
    if any(row["outcome"] in _TROUBLE for row in rows):
        err.print("some days are open: run the same command again, it asks for them again")
        raise typer.Exit(1)


def _by_table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line per zone and table.

    Months by outcome, new rows, months that came from a fallback, and the newest trouble.
    """
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        counts = dict.fromkeys(("loaded", "nothing new", *_TROUBLE), 0)
        start = {
            "zone": row["zone"],
            "table": row["table"],
            **counts,
            "new_rows": 0,
            "fallbacks": 0,
            "trouble": "",
        }
        line = lines.setdefault((row["zone"], row["table"]), start)
        line[row["outcome"]] += 1
        line["new_rows"] += row["new_rows"]
        line["fallbacks"] += row["is_fallback"]
        line["trouble"] = (
            row["detail"]
            if row["outcome"] in ("open", "failed", "no answer") or row["is_fallback"]
            else line["trouble"]
        )
    return list(lines.values())


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
