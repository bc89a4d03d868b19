"""`spotdesk doctor`: what is reachable, fresh and missing, and what each zone lacks to trade."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import polars as pl
import typer

from desk.console import JsonFlag, emit, progress
from resources.desk_settings import OWN_FORECASTS, RAW_TABLES_OF_A_ZONE, ZoneSettings
from resources.environments import (
    TOKEN_VARIABLES,
    Environment,
    desk_resource,
    desk_settings,
    provider_tokens,
    provider_urls,
    read_environment,
)
from resources.http_client import HttpClient, HttpPolicy
from resources.lake import Lake
from resources.live_sources import LIVE_SOURCES, live_providers
from resources.provider_request import Provider
from resources.risk_limits import read_limit_book
from resources.trading_state import TradingStateStore
from resources.wiring import make_lake, make_registry
from spot.errors import ConfigurationError, SpotdeskError
from spot.market.delivery import delivery_day_of
from spot.market.gates import gate_closure_utc
from spot.risk.outcomes import REFERENCE_SERIES
from spot.risk.state import TradingState
from spot.sources.freshness import newest_due_day
from spot.sources.parsed import Capture
from spot.strategy.settings import load_strategy_settings

State = Literal["ok", "warn", "fail"]
_NEEDED = ("day_ahead_prices",)
"""Without these tables a zone cannot trade; without the others its features shrink and the model knows."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination."""

    zone: str
    subject: str
    state: State
    detail: str


def doctor(
    *,
    zone: Annotated[list[str] | None, typer.Option("--zone", help="Only these zones.  [default: all of zones.yaml]")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no provider.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Examine the desk. Exit code 1 if anything keeps a zone from trading, 2 if the settings cannot be read.

    Live sources are asked for yesterday's prices, through the same client, budget and parser as always; nothing is written.
    """
    environment, now = read_environment(), datetime.now(UTC)
    settings = desk_settings(environment).zones
    unknown = [name for name in zone or [] if name not in settings]
    if unknown:
        raise ConfigurationError(f"not in zones.yaml: {', '.join(unknown)}; it has {', '.join(settings)}")
    chosen = {name: own for name, own in settings.items() if not zone or name in zone}
    lake = make_lake(environment)
    findings = list(_desk_findings(environment))
    with progress() as bar:
        line = bar.add_task("examining", total=len(chosen))
        for name, own in chosen.items():
            bar.update(line, description=name)
            findings += [*_source_findings(environment, name, own, now, offline=offline), *_data_findings(lake, name, own, now)]
            findings += list(_trading_findings(environment, lake, name, own, now))
            bar.advance(line)
    emit([asdict(finding) for finding in findings], as_json=as_json, title="doctor")
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(1)


def _desk_findings(environment: Environment) -> Iterator[Finding]:
    book = read_limit_book(environment.conf_folder / "risk_limits.yaml")
    yield Finding("desk", "risk limits", "fail" if book.document is None else "ok", book.problem or "readable")
    record = TradingStateStore(environment.trading_state).record("desk")
    state: State = "ok" if record.state is TradingState.ACTIVE else "warn"
    yield Finding("desk", "trading state", state, f"{record.state.name} {record.reason}".strip())


def _source_findings(environment: Environment, zone: str, settings: ZoneSettings, now: datetime, *, offline: bool) -> Iterator[Finding]:
    names = [name for name in settings.sources if name in LIVE_SOURCES]
    if not names:
        state: State = "warn" if settings.live else "ok"
        yield Finding(zone, f"source {settings.source}", state, "not a live source: for study and tests")
        return
    providers = live_providers(provider_tokens(), provider_urls())
    tokens = provider_tokens()
    for name in names:
        missing = sorted(set(RAW_TABLES_OF_A_ZONE) - providers[name].tables(zone))
        yield Finding(zone, f"source {name}", "ok", f"has no {', '.join(missing)}" if missing else "has every table")
        unset = [variable for token, variable in TOKEN_VARIABLES.items() if token.split("_")[0] == name and not tokens[token]]
        if unset:
            yield Finding(zone, f"key of {name}", "fail" if name == settings.source else "warn", f"set {', '.join(unset)} in .env")
        elif not offline:
            yield _reachable(environment, providers[name], zone, now, is_first=name == settings.source)


def _reachable(environment: Environment, provider: Provider, zone: str, now: datetime, *, is_first: bool) -> Finding:
    """Yesterday's first table of the provider, asked for and read like any other."""
    day = delivery_day_of(zone, now) - timedelta(days=1)
    table = next((name for name in RAW_TABLES_OF_A_ZONE if name in provider.tables(zone)), None)
    bad: State = "fail" if is_first else "warn"
    if table is None:
        return Finding(zone, f"reach {provider.name}", bad, "has nothing for this zone")
    policy = HttpPolicy(requests_per_minute=provider.policy.requests_per_minute, attempts=1, read_seconds=15.0, longest_wait_seconds=20.0)
    try:
        request = provider.requests(table, zone, day, day)[0]
        answer = request.ask(HttpClient(environment.home / "http", policy))
        parsed = request.parse(answer.body, Capture(zone=zone, captured_at_utc=answer.completed_at_utc))
    except SpotdeskError as error:
        return Finding(zone, f"reach {provider.name}", bad, f"{type(error).__name__}: {str(error)[:200]}")
    return Finding(zone, f"reach {provider.name}", "ok" if parsed.n_rows else "warn", parsed.no_data or f"{parsed.n_rows} rows of {table} for {day}")


def _published_by(zone: str, settings: ZoneSettings) -> set[str] | None:
    """Tables that the zone's sources publish; None where one of them may hold anything, as files and the simulated market do."""
    providers = live_providers({})
    if any(name not in providers for name in settings.sources if name != OWN_FORECASTS):
        return None
    return {table for name in settings.sources if name in providers for table in providers[name].tables(zone)}


def _data_findings(lake: Lake, zone: str, settings: ZoneSettings, now: datetime) -> Iterator[Finding]:
    published = _published_by(zone, settings)
    for table in RAW_TABLES_OF_A_ZONE:
        rows = lake.read(table, zones=[zone]).filter(pl.col("source").is_in(list(settings.sources)))
        if rows.is_empty():
            state: State = "fail" if table in _NEEDED else "warn"
            if published is not None and table not in published:
                names = ", ".join(settings.sources)
                what = "the zone cannot be traded on them alone" if table in _NEEDED else "the features shrink"
                yield Finding(zone, table, state, f"{names} do not publish it: {what}; `--fallback files` and `spotdesk ingest` bring your own")
            else:
                yield Finding(zone, table, state, "no rows: load history, or the zone goes without")
            continue
        seen, due = rows["delivery_day"].unique().sort().to_list(), newest_due_day(table, zone, now)
        is_late = due is not None and seen[-1] < due
        state = "ok" if not is_late else ("fail" if table in _NEEDED else "warn")
        sources = ", ".join(sorted(rows["source"].unique().to_list()))
        yield Finding(zone, table, state, f"newest {seen[-1]}, due {due}, {len(seen)} days, from {sources}")


def _strategy_findings(environment: Environment, lake: Lake, zone: str, settings: ZoneSettings) -> Iterator[Finding]:
    """Whether the second price of each strategy is there: without it the strategy stays flat."""
    desk = desk_resource(environment)
    for name in settings.strategies:
        try:
            against = str(load_strategy_settings(desk.document("strategies", name)).settled_against)
        except ConfigurationError as error:
            yield Finding(zone, f"strategy {name}", "fail", str(error)[:200])
            continue
        table, series = REFERENCE_SERIES.get(against, ("", ""))
        if not table:
            yield Finding(zone, f"strategy {name}", "ok", f"settled against {against}")
            continue
        rows = lake.read(table, zones=[zone]).filter(pl.col("series") == series, pl.col("source").is_in(list(settings.sources)))
        n_days = rows["delivery_day"].n_unique() if rows.height else 0
        detail = f"settled against {against}: {n_days} days of it" + ("" if n_days else "; the strategy stays flat without")
        yield Finding(zone, f"strategy {name}", "ok" if n_days else "warn", detail)


def _trading_findings(environment: Environment, lake: Lake, zone: str, settings: ZoneSettings, now: datetime) -> Iterator[Finding]:
    known = lake.read("day_ahead_features", zones=[zone])
    n_days = known["delivery_day"].n_unique() if known.height else 0
    enough = n_days >= settings.minimum_training_days
    yield Finding(
        zone, "training days", "ok" if enough else "fail", f"{n_days} days with features, {settings.minimum_training_days} needed for a first model"
    )
    try:
        champion = make_registry(environment).champion(zone)
    except SpotdeskError as error:
        yield Finding(zone, "champion", "fail", str(error)[:200])
    else:
        yield Finding(zone, "champion", "ok" if champion else "fail", f"version {champion.version}" if champion else "no model serves: no signal")
    yield from _strategy_findings(environment, lake, zone, settings)
    gate = min(closing for ahead in range(3) if (closing := gate_closure_utc(zone, now.date() + timedelta(days=ahead))) > now)
    yield Finding(zone, "next gate", "ok", f"{gate:%Y-%m-%d %H:%M} UTC, signals {settings.gate_lead_minutes} minutes before")
