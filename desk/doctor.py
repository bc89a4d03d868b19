"""`spotdesk doctor`: what is reachable, fresh and missing, and what each zone lacks to trade."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from desk.console import JsonFlag, emit, progress
from desk.doctor_data import Finding, State, data_findings, ledger_findings, trading_findings, use_findings
from resources.desk_settings import RAW_TABLES_OF_A_ZONE, ZoneSettings
from resources.environments import TOKEN_VARIABLES, Environment, desk_settings, provider_tokens, provider_urls, read_environment
from resources.http_client import HttpClient, HttpPolicy
from resources.live_sources import LIVE_SOURCES, live_providers
from resources.provider_request import Provider
from resources.risk_limits import read_limit_book
from resources.trading_state import TradingStateStore
from resources.wiring import make_lake
from spot.errors import ConfigurationError, SourceUnavailableError, SpotdeskError
from spot.market.delivery import delivery_day_of
from spot.risk.state import TradingState
from spot.sources.parsed import Capture

READ_SECONDS = 8.0
"""How long a provider may keep the doctor waiting."""


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
    findings = [*_desk_findings(environment), *ledger_findings(lake, settings)]
    silent: dict[str, str] = {}
    with progress() as bar:
        line = bar.add_task("examining", total=len(chosen))
        for name, own in chosen.items():
            bar.update(line, description=name)
            findings += [*_source_findings(environment, name, own, now, silent=silent, offline=offline), *use_findings(lake, name, own)]
            findings += [*data_findings(lake, name, own, now), *trading_findings(environment, lake, name, own, now)]
            bar.advance(line)
    emit([asdict(finding) for finding in findings], as_json=as_json, title="doctor")
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(1)


def _desk_findings(environment: Environment) -> Iterator[Finding]:
    book = read_limit_book(environment.conf_folder / "risk_limits.yaml")
    yield Finding("desk", "risk limits", "fail" if book.document is None else "ok", book.problem or "readable")
    record = TradingStateStore(environment.trading_state).record("desk")
    state: State = "ok" if record.state is TradingState.ACTIVE else "warn"
    cure = "" if record.state is TradingState.ACTIVE else f"; {record.cure}"
    yield Finding("desk", "trading state", state, f"{record.state.name} {record.reason}".strip() + cure)


def _source_findings(
    environment: Environment, zone: str, settings: ZoneSettings, now: datetime, *, silent: dict[str, str], offline: bool
) -> Iterator[Finding]:
    """Coverage, key and reach of each live source; `silent` remembers who did not answer, so that no host is waited for twice."""
    names = [name for name in settings.sources if name in LIVE_SOURCES]
    if settings.own_forecasts:
        names.append("open_meteo")
    if not names:
        state: State = "warn" if settings.live else "ok"
        yield Finding(zone, f"source {settings.source}", state, "not a live source: for study and tests")
        return
    tokens = provider_tokens()
    providers = live_providers(tokens, provider_urls())
    for name in names:
        missing = sorted(set(RAW_TABLES_OF_A_ZONE) - providers[name].tables(zone)) if name != "open_meteo" else []
        yield Finding(zone, f"source {name}", "ok", f"has no {', '.join(missing)}" if missing else "has all that is asked of it")
        unset = [variable for token, variable in TOKEN_VARIABLES.items() if token.split("_")[0] == name and not tokens[token]]
        if unset:
            text = f"set {', '.join(unset)} in .env: docs/sources/{name}.md says how to get one"
            yield Finding(zone, f"key of {name}", "fail" if name == settings.source else "warn", text)
        elif not offline:
            yield _reachable(environment, providers[name], zone, now, silent, is_first=name == settings.source)


def _reachable(environment: Environment, provider: Provider, zone: str, now: datetime, silent: dict[str, str], *, is_first: bool) -> Finding:
    """Yesterday's first table of the provider, asked for and read like any other."""
    day = delivery_day_of(zone, now) - timedelta(days=1)
    table = next((name for name in (*RAW_TABLES_OF_A_ZONE, "weather_forecasts") if name in provider.tables(zone)), None)
    bad: State = "fail" if is_first else "warn"
    if table is None:
        return Finding(zone, f"reach {provider.name}", bad, "has nothing for this zone")
    if provider.name in silent:
        return Finding(zone, f"reach {provider.name}", bad, f"not asked again: {silent[provider.name]}")
    policy = HttpPolicy(
        requests_per_minute=provider.policy.requests_per_minute,
        attempts=1,
        connect_seconds=3.0,
        read_seconds=READ_SECONDS,
        total_seconds=15.0,
        longest_wait_seconds=12.0,
    )
    try:
        request = provider.requests(table, zone, day, day)[0]
        answer = request.ask(HttpClient(environment.home / "http", policy))
        parsed = request.parse(answer.body, Capture(zone=zone, captured_at_utc=answer.completed_at_utc))
    except SpotdeskError as error:
        if isinstance(error, SourceUnavailableError):
            silent[provider.name] = str(error).split(": ", 1)[-1][:120]
        return Finding(zone, f"reach {provider.name}", bad, f"{str(error)[:240]}")
    return Finding(zone, f"reach {provider.name}", "ok" if parsed.n_rows else "warn", parsed.no_data or f"{parsed.n_rows} rows of {table} for {day}")
