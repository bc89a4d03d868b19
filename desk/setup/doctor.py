"""`spotdesk doctor`: what is reachable, fresh and missing, and what each zone lacks to trade."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated

import typer

from desk.books.said import books_facts, books_line
from desk.screen.console import JsonFlag, emit, progress
from desk.setup.findings import (
    Finding,
    State,
    data_findings,
    ledger_findings,
    plugin_findings,
    trading_findings,
    use_findings,
)
from desk.setup.probe import ask_once
from resources.market.live_sources import LiveProviders
from resources.plugins.sources import SOURCES, is_live
from resources.providers.provider import Provider
from resources.settings.acceptance.in_force import settings_state
from resources.settings.at_use import alert_channels, provider_secret, provider_urls
from resources.settings.desk import edited_desk, edited_settings
from resources.settings.environment import Environment, read_environment
from resources.settings.model_profiles import model_profile
from resources.settings.policies import monitoring_settings, promotion_settings
from resources.settings.risk_limits import read_limit_book
from resources.settings.zones import ZoneSettings
from resources.trading.channels import is_channel
from resources.trading.leases import LeaseStore
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.errors import ConfigurationError, SourceUnavailableError, SpotdeskError
from spot.risk.state import TradingState


def doctor(
    *,
    zone: Annotated[
        list[str] | None, typer.Option("--zone", help="Only these zones.  \\[default: all of zones.yaml]")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no provider.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Examine the desk.

    Live sources are asked for yesterday's prices through the same client, budget and parser as in a run.
    Nothing is written.

    Exit code 1: something keeps a zone from trading. Exit code 2: the settings cannot be read.
    """
    environment, now = read_environment(), utc_now()
    settings = edited_settings(environment).zones
    unknown = [name for name in zone or [] if name not in settings]
    if unknown:
        raise ConfigurationError(f"not in zones.yaml: {', '.join(unknown)}; it has {', '.join(settings)}")
    chosen = {name: own for name, own in settings.items() if not zone or name in zone}
    lake, desk = make_lake(environment), edited_desk(environment)
    findings = [*_desk_findings(environment), *ledger_findings(lake, settings)]
    silent: dict[str, str] = {}
    with progress() as bar:
        line = bar.add_task("examining", total=len(chosen))
        for name, own in chosen.items():
            bar.update(line, description=name)
            if own.live:
                findings.append(_lease_finding(environment, name))
            findings += [
                *_source_findings(environment, name, own, now, silent=silent, offline=offline),
                *use_findings(lake, name, own),
            ]
            findings.append(
                _readable(name, f"model profile {own.model}", partial(model_profile, desk, own.model))
            )
            findings += [
                *data_findings(lake, name, own, now),
                *trading_findings(environment, lake, name, own, now),
            ]
            bar.advance(line)
    emit([asdict(finding) for finding in findings], as_json=as_json, title="doctor")
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(1)


def _lease_finding(environment: Environment, zone: str) -> Finding:
    """Whether this desk may send the orders of a zone that its settings make live."""
    lease = LeaseStore(environment.home).held(zone)
    if lease is None:
        said = "live in zones.yaml, on paper here: `spotdesk live` gives this desk the lease"
        return Finding(zone, "lease", "warn", said)
    return Finding(zone, "lease", "ok", f"lease {lease.number} of desk {lease.desk_id}")


def _settings_finding(environment: Environment) -> Finding:
    """Whether the settings that people edit are in force."""
    state = settings_state(environment.home, environment.conf_folder)
    if state.acceptance is None:
        said = "nobody has accepted them, so that every zone is on paper: `spotdesk settings accept`"
        return Finding("desk", "settings", "warn", said)
    if state.is_waiting:
        said = f"{len(state.changes)} changes wait for a person: `spotdesk settings diff`"
        return Finding("desk", "settings", "warn", said)
    return Finding("desk", "settings", "ok", f"accepted by {state.acceptance.signatures[-1].name}")


def _desk_findings(environment: Environment) -> Iterator[Finding]:
    yield _settings_finding(environment)
    books = books_facts(environment)
    yield Finding("desk", "books", "warn" if books["problem"] else "ok", books_line(environment))
    book = read_limit_book(environment.conf_folder / "risk_limits.yaml")
    yield Finding(
        "desk", "risk limits", "fail" if book.document is None else "ok", book.problem or "readable"
    )
    desk = edited_desk(environment)
    yield _readable("desk", "monitoring settings", lambda: monitoring_settings(desk))
    yield _readable("desk", "promotion settings", lambda: promotion_settings(desk))
    yield from plugin_findings()
    for n, address in enumerate(alert_channels().split(), start=1):
        told = (
            "known"
            if is_channel(address)
            else "not an address that Apprise knows: SPOTDESK_WEBHOOK_URL in .env"
        )
        yield Finding("desk", f"alert channel {n}", "ok" if is_channel(address) else "fail", told)
    record = TradingStateStore(environment.trading_state).record("desk")
    state: State = "ok" if record.state is TradingState.ACTIVE else "warn"
    cure = "" if record.state is TradingState.ACTIVE else f"; {record.cure}"
    yield Finding("desk", "trading state", state, f"{record.state.name} {record.reason}".strip() + cure)


def _readable(zone: str, subject: str, read: Callable[[], object]) -> Finding:
    """Whether settings that the next run needs can be read."""
    try:
        read()
    except ConfigurationError as error:
        return Finding(zone, subject, "fail", str(error))
    return Finding(zone, subject, "ok", "readable")


def _source_findings(
    environment: Environment,
    zone: str,
    settings: ZoneSettings,
    now: datetime,
    *,
    silent: dict[str, str],
    offline: bool,
) -> Iterator[Finding]:
    """Coverage, key and answer of each live source.

    `silent` records which sources did not answer, so that no host is waited for twice.
    """
    names = [name for name in settings.sources if is_live(name)]
    if settings.own_forecasts:
        names.append("open_meteo")
    if not names:
        state: State = "warn" if settings.live else "ok"
        yield Finding(zone, f"source {settings.source}", state, "not a live source: for study and tests")
        return
    providers = LiveProviders(provider_secret, provider_urls())
    for name in names:
        if problem := providers.problem(name):
            yield Finding(zone, f"source {name}", "fail" if name == settings.source else "warn", problem)
            continue
        missing = (
            sorted(set(RAW_TABLES_OF_A_ZONE) - providers[name].tables(zone)) if name != "open_meteo" else []
        )
        yield Finding(
            zone,
            f"source {name}",
            "ok",
            f"has no {', '.join(missing)}" if missing else "has all tables of the zone",
        )
        unset = SOURCES[name].unset(provider_secret)
        if unset:
            page = SOURCES[name].docs
            text = f"set {', '.join(unset)} in .env" + (f": {page} says how to get it" if page else "")
            yield Finding(zone, f"key of {name}", "fail" if name == settings.source else "warn", text)
        elif not offline:
            yield _reachable(
                environment, providers[name], zone, now, silent, is_first=name == settings.source
            )


def _reachable(
    environment: Environment,
    provider: Provider,
    zone: str,
    now: datetime,
    silent: dict[str, str],
    *,
    is_first: bool,
) -> Finding:
    """Whether it answers, and with what."""
    bad: State = "fail" if is_first else "warn"
    if provider.name in silent:
        return Finding(zone, f"reach {provider.name}", bad, f"not asked again: {silent[provider.name]}")
    try:
        parsed, asked = ask_once(environment, provider, zone, now)
    except SpotdeskError as error:
        if isinstance(error, SourceUnavailableError):
            silent[provider.name] = str(error).split(": ", 1)[-1][:120]
        return Finding(zone, f"reach {provider.name}", bad, f"{str(error)[:240]}")
    return Finding(
        zone,
        f"reach {provider.name}",
        "ok" if parsed.n_rows else "warn",
        parsed.no_data or f"{parsed.n_rows} rows of {asked}",
    )
