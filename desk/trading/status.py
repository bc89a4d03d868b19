"""`spotdesk status`: one screen that shows whether the desk can trade tomorrow, and what a person must do."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer

from desk.books.said import books_facts, books_line
from desk.figures.monitors import monitor_verdicts
from desk.screen.console import JsonFlag, as_facts, as_table, emit_json, out
from desk.trading.zone_status import clock_line, mode_of, second_place_line, zone_statuses
from desk.watch.presence import watch_line
from resources.home.daemon_state import DaemonState, daemon_state
from resources.lake.lake import Lake
from resources.settings.acceptance.in_force import settings_state
from resources.settings.desk import desk_resource, desk_settings
from resources.settings.environment import Environment, read_environment
from resources.trading.state import TradingStateStore
from resources.trading.state_files import StateRecord
from resources.upkeep.sizes import home_sizes, in_words
from resources.wall_clock import utc_now
from resources.wiring import make_lake, make_registry
from spot.contracts.monitoring_tables import MONITOR_TABLES
from spot.contracts.words import OPEN_REQUESTS
from spot.sources.judging.whole_days import said_of
from spot.strategy.near_limits import near_in_words, near_limits
from spot.strategy.readiness.data_age import ESSENTIAL_FEEDS
from workflows.market_data.holes import holes

if TYPE_CHECKING:
    from workflows.lifecycle.verify_champions import LoadedChampion

_NEWEST = (
    "day_ahead_prices",
    "load_forecasts",
    "day_ahead_features",
    "day_ahead_forecasts",
    "signals",
    "settlements",
)


def status(
    *,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Compare every data file with its checksum, load every champion; exit 1 if one is damaged.",
        ),
    ] = False,
    follows: Annotated[
        bool, typer.Option("--follow", help="Stay open and refresh, with P&L and positions.")
    ] = False,
    every: Annotated[float, typer.Option("--every", min=1.0, help="Seconds between looks.")] = 5.0,
    as_json: JsonFlag = False,
) -> None:
    """Show whether each zone can trade tomorrow.

    It gives yes or no per zone with the reason, and the age of model and data. Then it gives the state of
    every monitor, the open requests and the alerts. A daemon that gives no sign of life and code that does
    not load are told. Yes means: orders of the day are ready or have left.
    After tomorrow's gate a second row shows the day whose gate comes next.

    `--follow` shows the desk until Ctrl-C, with the time to each gate; with `--json`, one document a line.

    Exit code 1: `--verify` found a damaged table or a champion that does not load.
    """
    if follows:
        from desk.every_day.follow import follow

        follow(every, as_json=as_json)
        return
    environment, now = read_environment(), utc_now()
    lake = make_lake(environment)
    # A zone that was run is shown, whether zones.yaml lists it or not.
    desk = desk_resource(environment, zones=lake.zones("day_ahead_forecasts"))
    statuses = [
        of_day.row() for zone in desk.zones for of_day in zone_statuses(lake, environment, desk, zone, now)
    ]
    requests = lake.read("retrain_requests").filter(pl.col("status").is_in([*OPEN_REQUESTS, "abandoned"]))
    zones = [_zone_status(lake, environment, zone, requests) for zone in desk.zones]
    alerts = (
        lake.read("alerts")
        .filter(pl.col("raised_at_utc") >= now - timedelta(days=7))
        .sort("raised_at_utc", descending=True)
    )
    checks = (
        []
        if not verify
        else [
            {"table": v.table, "files": v.n_files, "damaged": list(v.damaged), "lost": list(v.lost)}
            for v in lake.verify()
        ]
    )
    champions = [] if not verify else _verified_champions(environment, list(desk.zones))
    record = TradingStateStore(environment.trading_state).record("desk")
    daemon = _daemon(environment, now)
    sizes = home_sizes(environment.home)
    outside = (*clock_line(environment), *second_place_line(environment))
    if as_json:
        head = {
            "environment": environment.name,
            "trading_state": record.state.name,
            "cure": record.cure,
            "daemon": None if daemon is None else asdict(daemon),
            "watch": watch_line(environment.home, now),
            "settings": _settings_said(environment),
            "bytes": sizes,
            "books": books_facts(environment),
            "stopped_from_outside": list(outside),
            "tomorrow": statuses,
        }
        emit_json(
            {
                **head,
                "zones": zones,
                "alerts": alerts.to_dicts(),
                "files": checks,
                "champions": [asdict(one) for one in champions],
            }
        )
    else:
        _print_statuses(environment, record, statuses)
        for line in [] if daemon is None else daemon.lines():
            out.print(line, markup=False, soft_wrap=True)
        out.print(watch_line(environment.home, now), markup=False, soft_wrap=True)
        out.print(f"  {_settings_said(environment)}", markup=False, soft_wrap=True)
        out.print(f"  size: {in_words(sizes)}; {_retention_said(environment)}", markup=False, soft_wrap=True)
        out.print(f"  {books_line(environment)}", markup=False, soft_wrap=True)
        for line in outside:
            out.print(f"  {line}", markup=False, soft_wrap=True)
        _print(environment, zones, alerts, checks)
        for one in champions:
            verdict = one.problem or "loads"
            out.print(f"{one.zone} {one.family} version {one.version}: {verdict}", soft_wrap=True)
    if any(check["damaged"] or check["lost"] for check in checks) or any(one.problem for one in champions):
        raise typer.Exit(1)


def _settings_said(environment: Environment) -> str:
    """Which settings are in force, and what waits for a person."""
    state = settings_state(environment.home, environment.conf_folder)
    if state.acceptance is None:
        return (
            "settings: nobody has accepted them, so that every zone is on paper: `spotdesk settings accept`"
        )
    names = ", ".join(dict.fromkeys(change.file for change in state.changes))
    if state.is_waiting:
        return (
            f"settings: a change of {names} is not in force until a person accepts it:"
            " `spotdesk settings diff`, `spotdesk settings accept`"
        )
    return f"settings: as accepted by {state.acceptance.signatures[-1].name}"


def _retention_said(environment: Environment) -> str:
    """How long what may go is kept."""
    kept = desk_settings(environment).retention
    return (
        f"kept: runs {kept.run_days} days, captured answers {kept.capture_days},"
        f" versions of tables {kept.version_days} (job lake_maintained)"
    )


def _zone_status(lake: Lake, environment: Environment, zone: str, requests: pl.DataFrame) -> dict[str, Any]:
    newest = {f"newest_{table}": lake.newest_day(table, zone) for table in _NEWEST}
    verdicts = {one.monitor: one.status for one in monitor_verdicts(lake, zone)}
    return {
        "zone": zone,
        "trading_state": TradingStateStore(environment.trading_state).state(zone).name,
        "mode": mode_of(environment, zone),
        "source": _source(lake, zone),
        **newest,
        "holes": _holes(lake, environment, zone),
        **{name.replace(" ", "_"): verdicts.get(name) for name in MONITOR_TABLES},
        "limits_above_80_percent": _near_limits(lake, zone),
        "open_retrains": requests.filter(pl.col("zone") == zone).height,
    }


def _holes(lake: Lake, environment: Environment, zone: str) -> str | None:
    """Days of essential feeds that the ledger lacks, for people; None where it lacks none."""
    settings = desk_settings(environment).with_zones([zone]).zones[zone]
    if settings.source == "simulated":
        return None  # a simulated market has the days that were run
    found = {
        table: lacks
        for table in ESSENTIAL_FEEDS
        if (lacks := holes(lake, zone, table, settings.sources, utc_now()))
    }
    return "; ".join(f"{table} {said_of(lacks)}" for table, lacks in found.items()) or None


def _daemon(environment: Environment, now: datetime) -> DaemonState | None:
    """The state of the daemon; None where no zone of the desk is scheduled, so that none has to run."""
    if not any(zone.is_scheduled for zone in desk_settings(environment).zones.values()):
        return None
    return daemon_state(environment.dagster_home, now)


def _verified_champions(environment: Environment, zones: list[str]) -> "list[LoadedChampion]":
    from workflows.lifecycle.verify_champions import verify_champions

    return list(verify_champions(make_registry(environment), zones))


def _source(lake: Lake, zone: str) -> str | None:
    """Provider of the data of the newest forecast."""
    newest = lake.newest_day("day_ahead_forecasts", zone)
    if newest is None:
        return None
    rows = lake.read("day_ahead_forecasts", zones=[zone], first_day=newest, last_day=newest).filter(
        pl.col("role") == "champion"
    )
    return str(rows["source"][-1]) if rows.height else None


def _near_limits(lake: Lake, zone: str) -> str | None:
    """Limits of the newest decided day of which 80 % are used; None where there are none."""
    newest = lake.newest_day("limit_conformance", zone)
    if newest is None:
        return None
    rows = lake.read("limit_conformance", zones=[zone], first_day=newest, last_day=newest)
    return "; ".join(near_in_words(row) for row in near_limits(rows).iter_rows(named=True)) or None


def _print_statuses(environment: Environment, record: StateRecord, statuses: list[dict[str, Any]]) -> None:
    reason = f", {record.reason}" if record.reason else ""
    out.print(
        f"environment {environment.name}, state in {environment.home}, desk"
        f" [bold]{record.state.name}[/bold]{reason}",
        soft_wrap=True,
    )
    if record.cure:
        out.print(f"  to resume trading: {record.cure}", markup=False, soft_wrap=True)
    short = [
        {
            "zone": row["zone"],
            "day": row["day"],
            "can trade": "yes" if row["can_trade"] else "NO",
            "gate": f"{row['gate_utc']:%d %b %H:%MZ}",
            "champion": (
                "-" if row["champion"] is None else f"{row['champion']}, {row['champion_age_days']} days old"
            ),
            "newest data": (
                "-"
                if row["data_age_hours"] is None
                else f"{row['newest_data_utc']:%Y-%m-%d %H:%MZ}, {row['data_age_hours']:,.0f} h old"
            ),
        }
        for row in statuses
    ]
    out.print(as_table(short, title="can we trade tomorrow?"))
    for row in statuses:
        out.print(
            f"  {row['zone']} {row['day']} {'yes' if row['can_trade'] else 'no'}: {row['why']}",
            markup=False,
            soft_wrap=True,
        )


def _print(
    environment: Environment, zones: list[dict[str, Any]], alerts: pl.DataFrame, checks: list[dict[str, Any]]
) -> None:
    out.print(as_facts(zones, by="zone"))
    for check in checks:
        verdict = (
            "damaged or lost: " + ", ".join([*check["damaged"], *check["lost"]])
            if check["damaged"] or check["lost"]
            else "sound"
        )
        out.print(f"{check['table']}: {check['files']} files, {verdict}")
    if alerts.height:
        out.print(
            as_table(
                alerts.select("raised_at_utc", "severity", "zone", "kind", "message").head(10).to_dicts(),
                title="alerts of the last 7 days",
            )
        )
    else:
        out.print("no alerts in the last 7 days")
    if all(zone["newest_day_ahead_forecasts"] is None for zone in zones):
        out.print("nothing has run yet: begin with [bold]spotdesk demo[/bold] or [bold]spotdesk run[/bold]")
        if (of_demo := environment.home / "demo").is_dir():
            out.print(f"the demo is a desk of its own: spotdesk --home {of_demo} status", soft_wrap=True)
