"""Findings of `spotdesk doctor` in the ledger.

They show what is there, how fresh it is, and what a zone lacks to trade.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of, read_features
from resources.market.live_sources import LiveProviders
from resources.models.version import SPREAD_FAMILY
from resources.plugins.members import MEMBERS
from resources.plugins.sources import SOURCES, is_live
from resources.plugins.strategies import STRATEGIES
from resources.settings.desk import edited_desk
from resources.settings.environment import Environment
from resources.settings.strategies import read_strategy
from resources.settings.zones import OWN_FORECASTS, ZoneSettings
from resources.wiring import make_registry
from spot.contracts.lineage import sources_of
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.errors import ConfigurationError, SpotdeskError
from spot.market.delivery import delivery_day_of
from spot.market.gates import gate_closure_utc
from spot.risk.outcomes import REFERENCE_SERIES
from spot.sources.judging.freshness import newest_due_day
from spot.sources.judging.whole_days import said_of
from spot.strategy.interface import Strategy
from workflows.forecasting.served_spread import spread_lineage
from workflows.market_data.holes import holes

State = Literal["ok", "warn", "fail"]
NEEDED = ("day_ahead_prices",)
"""Tables without which a zone cannot trade. Without other tables its features shrink, which the model allows
for.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination."""

    zone: str
    subject: str
    state: State
    detail: str


def plugin_findings() -> Iterator[Finding]:
    """One line per plug-in of an installed package.

    A plug-in that cannot be used is not a fault of a zone that does not use it.
    """
    for registry in (STRATEGIES, MEMBERS, SOURCES):
        for entry in registry.registrations():
            if entry.package:
                detail = entry.problem or f"usable, {registry.group}"
                state: State = "warn" if entry.problem else "ok"
                yield Finding("desk", f"plug-in {entry.name} of {entry.package}", state, detail)


def ledger_findings(lake: Lake, settings: dict[str, ZoneSettings]) -> Iterator[Finding]:
    """Zones that were run but are not in zones.yaml, so that no schedule serves them."""
    others = [zone for zone in lake.zones("day_ahead_forecasts") if zone not in settings]
    if others:
        names = ", ".join(others)
        yield Finding(
            "desk",
            "other zones",
            "ok",
            f"{names}: in the ledger, not in zones.yaml; `spotdesk init --add --zone {others[0]} --source"
            " ...` adds it",
        )


def use_findings(lake: Lake, zone: str, settings: ZoneSettings) -> Iterator[Finding]:
    """Whether the newest forecast is made of the data in the zone's settings.

    `spotdesk status` shows that forecast.
    """
    newest = lake.newest_day("day_ahead_forecasts", zone)
    if newest is None:
        return
    rows = lake.read("day_ahead_forecasts", zones=[zone], first_day=newest, last_day=newest)
    used = [", ".join(source.names) for source in sources_of(rows)]
    if any(settings.source in source.names for source in sources_of(rows)):
        return
    text = (
        f"the newest forecast, of {newest}, was made from {', '.join(used)}"
        f" (`spotdesk run --source {used[0]}`);"
        f" zones.yaml says {settings.source}, "
    )
    yield Finding(
        zone,
        "source in use",
        "warn",
        text + f"and schedules go by that: `spotdesk init --add --zone {zone} --source {used[0]}` changes it",
    )


def data_findings(lake: Lake, zone: str, settings: ZoneSettings, now: datetime) -> Iterator[Finding]:
    """One line per raw table. Freshness is judged only where a source of the zone delivers the table."""
    published = _published_by(zone, settings)
    for table in RAW_TABLES_OF_A_ZONE:
        held = lake.read(table, zones=[zone]).select("source", "delivery_day")
        days = (
            held.filter(pl.col("source").is_in(list(settings.sources)))["delivery_day"]
            .unique()
            .sort()
            .to_list()
        )
        if not days:
            yield _nothing(zone, table, settings, published, sorted(set(held["source"].to_list())))
            continue
        sources = ", ".join(sorted(set(held["source"].to_list()) & set(settings.sources)))
        due = newest_due_day(table, zone, now)
        text = f"newest {days[-1]}, {len(days)} days, from {sources}"
        lacks = holes(lake, zone, table, settings.sources, now)
        if lacks and settings.source != "simulated":
            yield Finding(
                zone,
                f"holes of {table}",
                "warn",
                f"{len(lacks)} days are incomplete: {said_of(lacks)};"
                f" {_remedy(zone, settings, lacks[0])} asks for them",
            )
        if due is None or days[-1] >= due:
            yield Finding(zone, table, "ok", text)
        elif published is not None and table not in published and "files" not in settings.sources:
            yield Finding(zone, table, "ok", f"{text}; no source of the zone delivers it any more")
        else:
            yield Finding(
                zone,
                table,
                "fail" if table in NEEDED else "warn",
                f"{text}; due is {due}: {_remedy(zone, settings, days[-1])}",
            )


def _remedy(zone: str, settings: ZoneSettings, newest: date) -> str:
    if is_live(settings.source):
        return f"`spotdesk backfill --zone {zone} --from {newest}`"
    if settings.source == "files":
        return "files hold no more; `spotdesk ingest` adds what you have"
    return "`spotdesk dev` keeps it fresh, `spotdesk run` loads a range"


def _nothing(
    zone: str, table: str, settings: ZoneSettings, published: set[str] | None, others: list[str]
) -> Finding:
    is_needed = table in NEEDED
    names = ", ".join(settings.sources)
    if published is not None and table not in published:
        if is_needed:
            text = (
                f"{names} do not publish it: the zone cannot be traded on them alone; `--fallback files` and"
                " `spotdesk ingest` bring your own"
            )
            return Finding(zone, table, "fail", text)
        return Finding(
            zone,
            table,
            "ok",
            f"not published by {names}: the models do without it; `--fallback files` and"
            " `spotdesk ingest` bring your own",
        )
    if settings.source == "files" and not is_needed:
        return Finding(zone, table, "ok", "no file holds it: the models do without it")
    if others:
        return Finding(
            zone,
            table,
            "fail" if is_needed else "warn",
            f"no rows from {names}; the ledger has it from {', '.join(others)}",
        )
    live = [name for name in settings.sources if is_live(name)]
    if (
        live
        and "files" in settings.sources
        and not any(table in LiveProviders().tables(name, zone) for name in live)
    ):
        text = (
            f"not published by {', '.join(live)}: `spotdesk ingest FILE --zone {zone}` brings your own"
            " (docs/sources/files.md)"
        )
        return Finding(zone, table, "fail" if is_needed else "ok", text)
    start = {
        "files": "`spotdesk ingest` or `spotdesk run --source files`",
        "simulated": "`spotdesk run` or `spotdesk demo`",
    }
    how = start.get(settings.source, f"`spotdesk backfill --zone {zone} --from ...`")
    return Finding(zone, table, "fail" if is_needed else "warn", f"no rows yet: {how} loads history")


def _published_by(zone: str, settings: ZoneSettings) -> set[str] | None:
    """Tables that the zone's sources publish.

    None where one of them may hold anything, as files and the simulated market do.
    """
    providers = LiveProviders()
    if any(name not in providers for name in settings.sources if name != OWN_FORECASTS):
        return None
    own = {"renewable_forecasts", "load_forecasts"} if settings.own_forecasts else set()
    return own | {table for name in settings.sources for table in providers.tables(name, zone)}


def trading_findings(
    environment: Environment, lake: Lake, zone: str, settings: ZoneSettings, now: datetime
) -> Iterator[Finding]:
    """Training days, the serving model, the second price of each strategy, and the next gate."""
    known = read_features(lake, zone, settings, first_day=date(2000, 1, 1), last_day=date(2100, 1, 1))
    priced = lake.read("day_ahead_prices", zones=[zone]).filter(
        pl.col("source").is_in(list(settings.sources))
    )
    n_days = len(set(known["delivery_day"].to_list()) & set(priced["delivery_day"].to_list()))
    state: State = "ok" if n_days >= settings.minimum_training_days else "fail"
    text = (
        f"{n_days} days with features and prices on {lineage_of(settings)}, {settings.minimum_training_days}"
        " needed for a first model"
    )
    yield Finding(zone, "training days", state, text)
    tomorrow = delivery_day_of(zone, now) + timedelta(days=1)
    try:
        serving = make_registry(environment).pointer(zone).serving(tomorrow, lineage_of(settings))
    except SpotdeskError as error:
        yield Finding(zone, "champion", "fail", str(error)[:200])
    else:
        text = (
            f"version {serving.version} serves {tomorrow}"
            if serving
            else f"no model on {lineage_of(settings)} serves {tomorrow}: no signal"
        )
        yield Finding(zone, "champion", "ok" if serving else "fail", text)
    yield from _strategy_findings(environment, lake, zone, settings, tomorrow)
    gate = min(
        closing
        for ahead in range(3)
        if (closing := gate_closure_utc(zone, now.date() + timedelta(days=ahead))) > now
    )
    yield Finding(
        zone,
        "next gate",
        "ok",
        f"{gate:%Y-%m-%d %H:%M} UTC, signals {settings.gate_lead_minutes} minutes before",
    )


def _strategy_findings(
    environment: Environment, lake: Lake, zone: str, settings: ZoneSettings, day: date
) -> Iterator[Finding]:
    """Whether each strategy has its second price and its model of the spread. Without them it stays flat."""
    desk = edited_desk(environment)
    for name in settings.strategies:
        try:
            strategy = read_strategy(desk, name)
        except ConfigurationError as error:
            yield Finding(zone, f"strategy {name}", "fail", str(error)[:200])
            continue
        against = strategy.settled_against
        if strategy.needs_spread_model:
            yield _spread_finding(environment, zone, settings, strategy, day)
        table, series = REFERENCE_SERIES.get(against, ("", ""))
        if not table:
            yield Finding(
                zone,
                f"strategy {name}",
                "ok",
                "needs no second price" if against == "nothing" else f"settled against {against}",
            )
            continue
        rows = lake.read(table, zones=[zone]).filter(
            pl.col("series") == series, pl.col("source").is_in(list(settings.sources))
        )
        n_days = rows["delivery_day"].n_unique() if rows.height else 0
        detail = f"settled against {against}: {n_days} days of it" + (
            "" if n_days else "; the strategy stays flat without"
        )
        yield Finding(zone, f"strategy {name}", "ok" if n_days else "warn", detail)


def _spread_finding(
    environment: Environment, zone: str, settings: ZoneSettings, strategy: Strategy, day: date
) -> Finding:
    spreads = make_registry(environment).of_family(SPREAD_FAMILY)
    lineage = spread_lineage(settings, strategy)
    try:
        serving = spreads.pointer(zone).serving(day, lineage)
    except SpotdeskError as error:
        return Finding(zone, "spread model", "fail", str(error)[:200])
    if serving is None:
        text = f"no model on {lineage} serves {day}: {strategy.strategy} stays flat"
        return Finding(zone, "spread model", "warn", text)
    return Finding(zone, "spread model", "ok", f"version {serving.version} serves {day}")
