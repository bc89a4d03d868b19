"""`spotdesk run`: the chain from raw data to settled signals for a range of days, in this process."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
from dagster import DagsterInstance

from desk.in_process import ChainReport, ChainRequest, run_chain
from desk.screen.console import DAY_FORM, JsonFlag, a_day, as_facts, emit_json, err, out, stages
from desk.setup.probe import ask_once
from desk.trading.blocked import blocked_days, in_words
from desk.trading.run_home import home_of_run
from resources.books.leaving import send_head
from resources.home.find import command_at
from resources.home.markets import MarketMemory, market_of
from resources.instance.prepare import prepare_dagster_home
from resources.market.live_sources import LiveProviders
from resources.market.market_files import MarketFiles
from resources.plugins.sources import check_feed, is_live
from resources.settings.at_use import books_place, provider_secret, provider_urls
from resources.settings.desk import desk_resource
from resources.settings.environment import Environment
from resources.settings.model_profiles import model_profile
from resources.settings.policies import monitoring_settings, promotion_settings
from resources.settings.strategies import strategies_of
from resources.settings.zones import Desk
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from spot.errors import ConfigurationError, NotYetPublishedError, SourceUnavailableError
from spot.market.gates import gate_closure_utc
from spot.market.zones import find_zone


class Admitted(StrEnum):
    """Tables that may count as known at the gate although they are published after it."""

    RENEWABLE_FORECASTS = "renewable_forecasts"


def run(
    *,
    zone: Annotated[list[str], typer.Option("--zone", help="Bidding zone; repeat for more.")],
    first_day: Annotated[
        datetime, typer.Option("--from", parser=a_day, metavar=DAY_FORM, help="First delivery day.")
    ],
    last_day: Annotated[
        datetime, typer.Option("--to", parser=a_day, metavar=DAY_FORM, help="Last delivery day, included.")
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            help=(
                "The simulated market, recorded files, or a live source of `spotdesk sources`."
                "  \\[default: as in zones.yaml]"
            ),
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder of the recorded files.  \\[default: SPOTDESK_MARKET_DATA]"),
    ] = None,
    assume_known: Annotated[
        list[Admitted] | None,
        typer.Option(
            "--assume-known",
            help="Admit values published after the gate, only for comparison with the literature.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--profile", help="Profile in conf/models.  \\[default: as in zones.yaml]")
    ] = None,
    strategy: Annotated[
        list[str] | None, typer.Option("--strategy", help="Strategy in conf/strategies; repeat for more.")
    ] = None,
    block_days: Annotated[
        int, typer.Option("--block-days", min=1, help="Days per run, and how often the monitors look.")
    ] = 28,
    ephemeral: Annotated[
        bool,
        typer.Option(
            "--ephemeral", help="Keep no run in the Dagster instance. The rows are kept in any case."
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Run the whole chain for some delivery days.

    The chain is data, features, training, forecasts, signals, settlement, monitoring and the analyst
    database. Every row is made as of its own gate. The same command again leaves the same rows. Models learn
    only from days before the first day of the run.

    Settings other than those of `zones.yaml` make the run a study. A study has a folder of its own, apart
    from the desk's tables and models.

    Exit code 2: an option is wrong, and nothing was run.

        spotdesk run --source files --zone DE_LU --from 2024-01-01 --to 2024-12-31
    """
    zones = tuple(dict.fromkeys(find_zone(name).name for name in zone))
    if source is not None:
        check_feed(source)
    first, last = first_day.date(), last_day.date()
    if last < first:
        raise ConfigurationError(f"--from {first} is after --to {last}")
    tomorrow = utc_now().date() + timedelta(days=1)
    if last > tomorrow:
        raise ConfigurationError(f"--to {last} is after tomorrow, {tomorrow}: its auction is not open yet")
    changes = _changes(source, assume_known, model, strategy)
    with home_of_run(zones, changes, data) as environment:
        desk = desk_resource(environment, zones=zones, **changes)
        _check_first(environment, desk, zones, last)
        if data is not None:
            _refuse_zones_without_file(environment, _of_files(desk, zones), is_ledger_enough=False)
        report = _run(environment, desk, zones, (first, last), block_days, is_kept=not ephemeral)
        _send_head(environment)
        _tell(environment, desk, zones, (first, last), report, as_json=as_json)


def _send_head(environment: Environment) -> None:
    """The head of the books leaves after a run; a place that does not answer is told and fails nothing."""
    place = books_place(environment)
    try:
        if place is not None:
            send_head(environment.home, place, now=utc_now())
    except SourceUnavailableError as error:
        err.print(f"the head of the books did not leave: {error}", soft_wrap=True)


def _changes(
    source: str | None,
    assume_known: list[Admitted] | None,
    model: str | None,
    strategy: list[str] | None,
) -> dict[str, Any]:
    """Settings of a zone in the command, which replace those of `zones.yaml`."""
    changes: dict[str, Any] = {}
    changes |= {"source": source} if source else {}
    changes |= {"assume_known": tuple(table.value for table in assume_known)} if assume_known else {}
    changes |= {"model": model} if model else {}
    changes |= {"strategies": tuple(strategy)} if strategy else {}
    if assume_known:
        err.print(
            f"[bold red]ASSUMED KNOWN: {', '.join(changes['assume_known'])}.[/bold red] It is published"
            " after the gate; these forecasts and signals could not have been made. For comparison with the"
            " literature only."
        )
    return changes


def _check_first(environment: Environment, desk: Desk, zones: tuple[str, ...], last: date) -> None:
    """Refuse what would fail later, before anything is written: settings, markets, files, a silent source."""
    memory = MarketMemory(environment.home)
    monitoring_settings(desk)
    promotion_settings(desk)
    for zone in zones:
        settings = desk.zone(zone)
        memory.refuse_other(zone, market_of(settings))
        model_profile(desk, settings.model)
        strategies_of(desk, zone)
    _refuse_to_disturb_live_zones(desk, zones, last)
    _refuse_zones_without_file(environment, _of_files(desk, zones), is_ledger_enough=True)
    for source in sorted({desk.zone(zone).source for zone in zones}):
        if not is_live(source):
            continue
        first = next(zone for zone in zones if desk.zone(zone).source == source)
        _refuse_silent_source(environment, source, first)


def _tell(
    environment: Environment,
    desk: Desk,
    zones: tuple[str, ...],
    days: tuple[date, date],
    report: ChainReport,
    *,
    as_json: bool,
) -> None:
    """Print the result of the run, and what to do next."""
    first, last = days
    rows = [summary_of(environment, name, first, last, desk.zone(name).source) for name in zones]
    lake = make_lake(environment)
    flat = [row for name in zones for row in blocked_days(lake, name, first, last)]
    if as_json:
        emit_json(
            {"home": str(environment.home), "zones": rows, "chain": asdict(report), "blocked_days": flat}
        )
        return
    if any(desk.zone(name).source == "simulated" for name in zones):
        out.print("[bold]simulated market: these are not real prices[/bold]")
    out.print(as_facts(rows, by="zone", title=f"{first} to {last}"))
    _print_report(report)
    for row in flat:
        out.print(f"[red]no position:[/red] {in_words(row)}", soft_wrap=True)
    at = command_at(environment.home)
    out.print(
        f"next: [bold]{at} signals --zone {zones[0]} --day {last} --explain[/bold], [bold]{at}"
        f" sql[/bold], [bold]{at} dev[/bold]",
        soft_wrap=True,
    )


def _of_files(desk: Desk, zones: Sequence[str]) -> list[str]:
    return [zone for zone in zones if desk.zone(zone).source == "files"]


def _refuse_zones_without_file(
    environment: Environment, zones: Sequence[str], *, is_ledger_enough: bool
) -> None:
    """Refuse a zone of which no file holds anything, nor the ledger where that is enough."""
    files, lake = MarketFiles(path=str(environment.market_data)), make_lake(environment)
    for zone in zones:
        if files.of_zone(zone):
            files.check_own(zone)
        elif not is_ledger_enough or lake.newest_day("day_ahead_prices", zone) is None:
            where = "neither in the ledger nor in" if is_ledger_enough else "in"
            raise ConfigurationError(
                f"no prices of {zone} {where} a file of {environment.market_data}: put a file there, name its"
                f" folder with --data, or run `spotdesk ingest FILE --zone {zone}` first"
            )


def _refuse_to_disturb_live_zones(desk: Desk, zones: tuple[str, ...], last: date) -> None:
    """Refuse to decide the orders of a live zone whose gate is open: its scheduled run decides them.

    With other settings the run is a study, which is allowed.
    """
    for zone in (name for name in zones if desk.zone(name).live):
        gate = gate_closure_utc(zone, last)
        if utc_now() < gate:
            raise ConfigurationError(
                f"zone {zone} is live and the gate for {last} is open until {gate:%Y-%m-%d %H:%M} UTC: its"
                f" orders are decided by the schedule before_day_ahead_gate_{zone} (or the job"
                " signals_ready), never by `spotdesk run`; give an earlier --to"
            )


def _refuse_silent_source(environment: Environment, source: str, zone: str) -> None:
    """Send the source one small request first.

    A chain over years waits and retries many times before it gives up.
    """
    provider = LiveProviders(provider_secret, provider_urls())[source]
    with suppress(NotYetPublishedError):
        ask_once(environment, provider, zone, utc_now())
    # If the chain fails later, its own error says so, once.
    logging.getLogger("spotdesk.live_market").setLevel(logging.ERROR)


def _run(
    environment: Environment,
    desk: Desk,
    zones: tuple[str, ...],
    days: tuple[date, date],
    block_days: int,
    *,
    is_kept: bool,
) -> ChainReport:
    prepare_dagster_home(environment)
    request = ChainRequest(zones=zones, first_day=days[0], last_day=days[1], block_days=block_days)
    with (
        DagsterInstance.get() if is_kept else DagsterInstance.ephemeral() as instance,
        stages() as tell,
    ):
        return run_chain(
            request,
            environment=environment,
            desk=desk,
            instance=instance,
            on_progress=tell,
        )


def summary_of(environment: Environment, zone: str, first: date, last: date, source: str) -> dict[str, Any]:
    """Days, errors and P&L of one zone over a range: MAE in EUR/MWh, P&L in EUR."""
    lake = make_lake(environment)
    forecasts = lake.read("day_ahead_forecasts", zones=[zone], first_day=first, last_day=last).filter(
        pl.col("role") == "champion", pl.col("source").str.starts_with(source)
    )
    prices = lake.read("day_ahead_prices", zones=[zone], first_day=first, last_day=last).filter(
        pl.col("source") == source
    )
    known = forecasts.join(prices.select("delivery_start_utc", "price_eur_per_mwh"), on="delivery_start_utc")
    error = (known["price_point_eur_per_mwh"] - known["price_eur_per_mwh"]).abs()
    inside = known["price_eur_per_mwh"].is_between(
        known["price_q100_eur_per_mwh"], known["price_q900_eur_per_mwh"]
    )
    signals = lake.read("signals", zones=[zone], first_day=first, last_day=last).filter(
        pl.col("role") == "champion"
    )
    settled = lake.read("settlements", zones=[zone], first_day=first, last_day=last).filter(
        pl.col("role") == "champion"
    )
    pnl, best = (float(settled[name].sum()) for name in ("pnl_eur", "perfect_foresight_eur"))
    return {
        "zone": zone,
        "source": source,
        "forecast_days": forecasts["delivery_day"].n_unique(),
        "signal_days": signals["delivery_day"].n_unique(),
        "orders": signals.filter(pl.col("side") != "flat").height,
        "mae_eur_per_mwh": error.mean(),
        "coverage_80_frac": inside.mean(),
        "pnl_eur": pnl,
        "share_of_perfect_foresight": pnl / best if best else None,
    }


def _print_report(report: ChainReport) -> None:
    for version in report.trained:
        why = (
            f"; why: spotdesk explain-decision{' --model spread' if version.is_spread else ''}"
            f" --zone {version.zone} --version {version.version}"
            if version.stage == "rejected"
            else ""
        )
        learnt = f"learnt from {version.trained_from} to {version.trained_through}"
        out.print(f"{version.zone}: {version.label} ({version.stage}) {learnt}{why}", soft_wrap=True)
    for line in report.blocked:
        out.print(f"[red]blocked, no position:[/red] {line}", soft_wrap=True)
    for line in report.failed:
        out.print(f"[red]check failed:[/red] {line}", soft_wrap=True)
    if report.warnings:
        err.print(
            f"{len(report.warnings)} checks gave a warning on some day; spotdesk dev shows each with its"
            " numbers: " + "; ".join(report.warnings)
        )
