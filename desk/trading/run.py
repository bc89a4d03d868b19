"""`spotdesk run`: the chain from raw data to settled signals for a range of days, in this process."""

import logging
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
from desk.setup.zones_file import zones_text
from desk.trading.blocked import blocked_days, in_words
from resources.home.find import TEMPLATES
from resources.home.open import open_or_make_desk
from resources.market.live_sources import LiveProviders
from resources.market.market_files import MarketFiles
from resources.plugins.sources import check_feed, is_live
from resources.settings.environment import (
    Environment,
    desk_resource,
    desk_settings,
    prepare_dagster_home,
    provider_secret,
    provider_urls,
    read_environment,
)
from resources.settings.policies import monitoring_settings, promotion_settings
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from spot.errors import ConfigurationError, NotYetPublishedError
from spot.market.gates import gate_closure_utc
from spot.market.zones import find_zone


class Admitted(StrEnum):
    """Tables that may be taken as known at the gate although they are published after it."""

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
        str,
        typer.Option(
            "--source", help="The simulated market, recorded files, or a live source of `spotdesk sources`."
        ),
    ] = "simulated",
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder of the recorded files.  \\[default: SPOTDESK_MARKET_DATA]"),
    ] = None,
    assume_known: Annotated[
        list[Admitted] | None,
        typer.Option(
            "--assume-known",
            help="Admit what is published after the gate: to compare with the literature only.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Profile in conf/models.  \\[default: as zones.yaml says]")
    ] = None,
    strategy: Annotated[
        list[str] | None, typer.Option("--strategy", help="Strategy in conf/strategies; repeat for more.")
    ] = None,
    block_days: Annotated[
        int, typer.Option("--block-days", min=1, help="Days per run, and how often the monitors look.")
    ] = 28,
    as_json: JsonFlag = False,
) -> None:
    """Run the whole chain for some delivery days.

    Data, features, training, forecasts, signals, settlement, monitoring, analyst database.

    Every row is made as of its own gate, and the same command again leaves the same rows. Models learn from
    days before the first alone.

        spotdesk run --source files --zone DE_LU --from 2024-01-01 --to 2024-12-31
    """
    zones = tuple(dict.fromkeys(find_zone(name).name for name in zone))
    check_feed(source)
    first, last = first_day.date(), last_day.date()
    if last < first:
        raise ConfigurationError(f"--from {first} is after --to {last}")
    tomorrow = utc_now().date() + timedelta(days=1)
    if last > tomorrow:
        raise ConfigurationError(
            f"--to {last} is after tomorrow, {tomorrow}: no auction of it has a gate yet"
        )
    _open_desk(zones, source, model, strategy)
    environment = read_environment()
    if data is not None:
        environment = environment.model_copy(update={"market_data": data.expanduser().resolve()})
    _refuse_to_disturb_live_zones(environment, zones, source, last, is_assumed=bool(assume_known))
    if source == "files":
        _refuse_zones_without_file(environment, zones)
    if is_live(source):
        _refuse_silent_source(environment, source, zones)
    desk = desk_resource(environment, zones=zones)
    (
        monitoring_settings(desk),
        promotion_settings(desk),
    )  # wrong settings are said now, not when the monitors' turn comes
    overrides: dict[str, Any] = {
        "source": source,
        "assume_known": tuple(table.value for table in assume_known or ()),
    }
    overrides |= {"model": model} if model else {}
    overrides |= {"strategies": tuple(strategy)} if strategy else {}
    if assume_known:
        err.print(
            f"[bold red]ASSUMED KNOWN: {', '.join(overrides['assume_known'])}.[/bold red] It is published"
            " after the gate; these forecasts and signals could not have been made. For comparison with the"
            " literature only."
        )
    report = _run(environment, zones, first, last, block_days, overrides)
    rows = [summary_of(environment, name, first, last, source) for name in zones]
    lake = make_lake(environment)
    flat = [row for name in zones for row in blocked_days(lake, name, first, last)]
    if as_json:
        emit_json({"zones": rows, "chain": asdict(report), "blocked_days": flat})
        return
    if source == "simulated":
        out.print("[bold]simulated market: these are no real prices[/bold]")
    out.print(as_facts(rows, by="zone", title=f"{first} to {last}"))
    _print_report(report)
    for row in flat:
        out.print(f"[red]no position:[/red] {in_words(row)}", soft_wrap=True)
    out.print(
        f"next: [bold]spotdesk signals --zone {zones[0]} --day {last} --explain[/bold], [bold]spotdesk"
        " sql[/bold], [bold]spotdesk dev[/bold]"
    )


def _open_desk(zones: tuple[str, ...], source: str, model: str | None, strategy: list[str] | None) -> None:
    """The desk in use; in a checkout without one, a new desk whose settings are those of this command.

    So every later command works on the same market.
    """
    more: dict[str, Any] = {"model": model} if model else {}
    more |= {"strategies": strategy} if strategy else {}
    template = TEMPLATES / "conf" / "zones.yaml"
    text = zones_text(template, list(zones), source, [], add=False, force=True, more=more)
    if note := open_or_make_desk({"zones.yaml": text}).note:
        err.print(note, soft_wrap=True)


def _refuse_zones_without_file(environment: Environment, zones: tuple[str, ...]) -> None:
    files = MarketFiles(path=str(environment.market_data))
    held = files.zones()
    missing = [zone for zone in zones if zone not in held]
    if missing:
        raise ConfigurationError(
            f"no file in {environment.market_data} holds {', '.join(missing)}: they hold {', '.join(held)}"
        )
    for zone in zones:
        files.check_own(zone)


def _refuse_to_disturb_live_zones(
    environment: Environment, zones: tuple[str, ...], source: str, last: date, *, is_assumed: bool
) -> None:
    """A live zone trades on the tables that this command writes.

    What is no part of its own chain, or its scheduled run's to decide, is refused.
    """
    settings = desk_settings(environment).with_zones(zones).zones
    for zone in (name for name in zones if settings[name].live):
        own = settings[zone].source
        if source != own:
            raise ConfigurationError(
                f"zone {zone} is live and stands on {own}: rows of {source} would go beside what it trades"
                f" on; give --source {own}"
            )
        if is_assumed:
            raise ConfigurationError(
                f"zone {zone} is live: --assume-known is to compare with the literature, never to trade"
            )
        gate = gate_closure_utc(zone, last)
        if utc_now() < gate:
            raise ConfigurationError(
                f"zone {zone} is live and the gate for {last} is open until {gate:%Y-%m-%d %H:%M} UTC: its"
                f" orders are decided by the schedule before_day_ahead_gate_{zone} (or the job"
                " signals_ready), never by a replay; give an earlier --to"
            )


def _refuse_silent_source(environment: Environment, source: str, zones: tuple[str, ...]) -> None:
    """Ask the source one small question first.

    A chain over years waits and tries again many times before it gives up.
    """
    provider = LiveProviders(provider_secret, provider_urls())[source]
    with suppress(NotYetPublishedError):
        ask_once(environment, provider, zones[0], utc_now())
    # What fails later is told by the chain's own error, once.
    logging.getLogger("spotdesk.live_market").setLevel(logging.ERROR)


def _run(
    environment: Environment,
    zones: tuple[str, ...],
    first: date,
    last: date,
    block_days: int,
    overrides: dict[str, Any],
) -> ChainReport:
    prepare_dagster_home(environment)
    request = ChainRequest(zones=zones, first_day=first, last_day=last, block_days=block_days)
    with DagsterInstance.get() as instance, stages() as tell:
        return run_chain(
            request,
            environment=environment,
            desk=desk_resource(environment, zones=zones, **overrides),
            instance=instance,
            on_progress=tell,
        )


def summary_of(environment: Environment, zone: str, first: date, last: date, source: str) -> dict[str, Any]:
    """Days, errors and money of one zone over a range: MAE in EUR/MWh, money in EUR."""
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
            f"; why: spotdesk explain-decision --zone {version.zone} --version {version.version}"
            if version.stage == "rejected"
            else ""
        )
        learnt = f"learnt from {version.trained_from} to {version.trained_through}"
        out.print(
            f"{version.zone}: version {version.version} ({version.stage}) {learnt}{why}", soft_wrap=True
        )
    for line in report.blocked:
        out.print(f"[red]blocked, no position:[/red] {line}", soft_wrap=True)
    if report.warnings:
        err.print(
            f"{len(report.warnings)} checks gave a warning on some day; spotdesk dev shows each with its"
            " numbers: " + "; ".join(report.warnings)
        )
