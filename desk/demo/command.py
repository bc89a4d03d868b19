"""`spotdesk demo`: the whole loop from data to a new champion, in one command.

Two simulated zones go through one regime change.
"""

import shutil
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from dagster import DagsterInstance

from desk.demo.plan import DemoPlan, Regime
from desk.demo.quick_sqlite import quick_sqlite
from desk.demo.report import demo_report, write_report
from desk.demo.summary import TABLES, DemoSummary, summarise_zone
from desk.demo.terminal import story_lines, terminal_table
from desk.in_process import ChainReport, ChainRequest, ChainRunner, run_chain
from desk.screen.console import JsonFlag, emit_json, out, stages
from desk.screen.report import render_report
from resources.home.find import PROJECT_ROOT, TEMPLATES, chosen_home, home_of_option, is_desk, state_home
from resources.home.make import make_home
from resources.home.marker import read_marker
from resources.instance.prepare import prepare_dagster_home
from resources.settings.desk import desk_resource
from resources.settings.environment import Environment, read_environment
from resources.wiring import make_lake
from spot.errors import ConfigurationError
from spot.market.gates import gate_closure_utc
from trading_assets.partitions import partition_key

REPORT = "report.html"
_BATTERY = "strategies/storage.yaml"
_AUCTION_STEP_MW = 0.1
"""Smallest volume of the coupled day-ahead auction, as in `spot/market/block_orders.py`."""
_OLD_MARKER = "DEMO.txt"
"""Marker of a demo from before desks had markers."""


def demo(
    *,
    scenario: Annotated[Regime, typer.Option("--scenario", help="The regime change.")] = Regime.WIND_PARKS,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the simulated market.")] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="One zone and four weeks: to see that everything works.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the whole loop: ingest, train, forecast, trade on paper, detect drift, retrain, promote.

    It has two simulated zones, about 500 days and one regime change. Nothing leaves this machine.

    The demo is a desk of its own, in the folder `demo` of the desk or where --home says. It is made again
    each time. No other desk is changed.
    """
    plan = DemoPlan.quick(scenario, seed) if quick else DemoPlan(scenario=scenario, seed=seed)
    environment = make_demo_home(_demo_folder(), plan)
    with chosen_home(environment.home):
        _run_and_report(plan, environment, as_json=as_json)


def _run_and_report(plan: DemoPlan, environment: Environment, *, as_json: bool) -> None:
    started = time.perf_counter()
    chain = run_plan(plan, environment)
    lake = make_lake(environment)
    tables = {name: lake.read(name, zones=list(plan.zones)) for name in TABLES}
    zones = tuple(
        summarise_zone(
            tables,
            zone,
            change_day=plan.change_day,
            last_day=plan.tomorrow,
            is_changed=zone == plan.zones[0],
        )
        for zone in plan.zones
    )
    summary = DemoSummary(
        scenario=plan.scenario.value,
        change=plan.scenario.words,
        change_day=plan.change_day,
        first_day=plan.first_day,
        last_day=plan.tomorrow,
        seed=plan.seed,
        zones=zones,
    )
    path = environment.home / REPORT
    steps = next_steps(environment.home, plan)
    write_report(path, render_report(demo_report(summary, tables, steps)))
    seconds = time.perf_counter() - started
    if as_json:
        emit_json(
            {
                **summary.as_mapping(),
                "seconds": round(seconds, 1),
                "n_runs": chain.n_runs,
                "seconds_of_jobs": chain.seconds,
                "report": str(path),
            }
        )
        return
    out.print("[bold]A simulated market: these are not real prices, and no order left this machine.[/bold]")
    for line in story_lines(summary):
        out.print(line, highlight=False)
    out.print(terminal_table(summary))
    out.print(f"{chain.n_runs} runs of the asset graph in {seconds:.0f} s")
    out.print(f"\nOpen next: [bold]{_shown(path)}[/bold] in a browser")
    for command, meaning in steps:
        out.print(f"  {meaning}: [bold]{command}[/bold]", highlight=False, soft_wrap=True)


def run_plan(plan: DemoPlan, environment: Environment) -> ChainReport:
    """Run the plan through the asset graph in this process."""
    prepare_dagster_home(environment)
    desk = desk_resource(environment)
    request = ChainRequest(
        zones=plan.zones,
        first_day=plan.first_forecast,
        last_day=plan.tomorrow - timedelta(days=1),
        block_days=plan.block_days,
    )
    with quick_sqlite(), DagsterInstance.get() as instance, stages() as tell:
        chain = run_chain(request, environment=environment, desk=desk, instance=instance, on_progress=tell)
        runner = ChainRunner(environment, desk, instance, chain)
        for zone in plan.zones:
            tell(f"{zone}: signals for {plan.tomorrow}, before the gate", 1.0)
            now = gate_closure_utc(zone, plan.tomorrow) - timedelta(minutes=desk.zone(zone).gate_lead_minutes)
            runner.run("signals_ready", partition_key(zone, plan.tomorrow), now=now)
        runner.run("database_published", None)
    return runner.report


def _demo_folder() -> Path:
    """The folder of the demo.

    It is that of --home, else the demo that is in use, else `demo` beside or in the desk.
    """
    asked, home = home_of_option(), state_home()
    if asked is not None:
        return asked
    return home if is_desk(home) and _is_demo(home) else home / "demo"


def make_demo_home(home: Path, plan: DemoPlan) -> Environment:
    """Make the desk of the demo again.

    Its market is in its own settings, so every later command uses it.

    Raises:
        ConfigurationError: the folder holds something other than a demo.
    """
    if home.exists() and any(home.iterdir()) and not _is_demo(home):
        raise ConfigurationError(f"{home} holds something other than a demo: choose another --home")
    shutil.rmtree(home, ignore_errors=True)
    make_home(home, kind="demo", settings={"zones.yaml": plan.zones_text(), _BATTERY: _battery_text()})
    return read_environment(home=home)


def _battery_text() -> str:
    """The battery of a new desk, in the volume steps that a European auction takes.

    Steps of a thousandth of its power would show as orders of 0.00 MW.
    """
    template = (TEMPLATES / "conf" / _BATTERY).read_text(encoding="utf-8")
    return f"{template.rstrip()}\nvolume_step_mw: {_AUCTION_STEP_MW}\n"


def _is_demo(home: Path) -> bool:
    return read_marker(home).kind == "demo" if is_desk(home) else (home / _OLD_MARKER).is_file()


def next_steps(home: Path, plan: DemoPlan) -> tuple[tuple[str, str], ...]:
    """Commands to try on the demo's own state, and what each does."""
    at = f".venv/bin/spotdesk --home {_shown(home)}"
    best = (
        "SELECT zone, delivery_day, round(sum(pnl_eur)) AS pnl_eur FROM settlements GROUP BY ALL ORDER BY"
        " pnl_eur DESC LIMIT 5"
    )
    return (
        (
            f"{at} screen",
            "The trader's screen on this desk: forecasts, orders, money, limits, the stop button",
        ),
        (f"{at} dev --look-only", "The lineage graph with these runs, their checks and pictures"),
        (f'{at} sql "{best}"', "Ask the tables"),
        (
            f"{at} signals --zone {plan.zones[0]} --day {plan.tomorrow} --explain",
            "What to buy and sell, and why",
        ),
        (f"{at} models --zone {plan.zones[0]}", "Model versions"),
        (f"{at} explain-decision --zone {plan.zones[0]}", "Why each was promoted or not"),
        (f"{at} status", "State of every zone"),
    )


def _shown(path: Path) -> str:
    """Below the project, relative to it."""
    return str(path.relative_to(PROJECT_ROOT)) if path.is_relative_to(PROJECT_ROOT) else str(path)
