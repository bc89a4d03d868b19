"""`spotdesk backtest`: what strategies would have earned, decided by the same walk as live trading."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import TaskID

from desk.screen.console import DAY_FORM, JsonFlag, a_day, err, progress
from desk.screen.report import render_report
from desk.setup.waiting_settings import waiting_settings
from desk.trading.backtest_report import backtest_report, show
from desk.trading.backtest_setup import Asked, Source, make_setup, read_strategies
from resources.settings.environment import read_environment
from spot.backtest.assumptions import Assumptions
from spot.backtest.coverage import SENSIBLE_SHARE, Coverage, assess_coverage
from spot.backtest.judged import JudgedStrategy, judge_strategies
from spot.backtest.trading import BacktestResult, BacktestSetup
from spot.errors import ConfigurationError
from spot.market.delivery import days_between
from spot.market.zones import find_zone


class Distribution(StrEnum):
    """Where the distribution of the spread comes from: a model, or the past at the same time of day."""

    CATBOOST = "catboost"
    EMPIRICAL = "empirical"


def backtest(
    *,
    zone: Annotated[str, typer.Option("--zone", help="Bidding zone.")],
    first_day: Annotated[
        datetime, typer.Option("--from", parser=a_day, metavar=DAY_FORM, help="First delivery day.")
    ],
    last_day: Annotated[
        datetime, typer.Option("--to", parser=a_day, metavar=DAY_FORM, help="Last delivery day, included.")
    ],
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            "--strategy",
            help=("File in conf/strategies; repeat for more, which trade together.  \\[default: the zone's]"),
        ),
    ] = None,
    settled_against: Annotated[
        str | None,
        typer.Option("--against", help="Second price of settlement_spread, for example imbalance."),
    ] = None,
    source: Annotated[
        Source,
        typer.Option("--source", help="The desk's own record, or a fresh walk on files or the simulator."),
    ] = Source.LAKE,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder of recorded files.  \\[default: SPOTDESK_MARKET_DATA]"),
    ] = None,
    model: Annotated[
        str, typer.Option("--profile", help="Profile in conf/models for a fresh walk.")
    ] = "fast",
    distribution: Annotated[
        Distribution | None,
        typer.Option(
            "--distribution", help="Of settlement_spread.  \\[default: as the strategy's file says]"
        ),
    ] = None,
    resume_after_days: Annotated[
        int,
        typer.Option(
            "--resume-after",
            min=0,
            help="Days that a zone stays halted after the day on which a limit halted it.",
        ),
    ] = 0,
    is_partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="Evaluate the days that have forecasts and prices, however few they are."
        ),
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the report as one HTML page.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Folder for signals, settlements and limits as Parquet files."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Trade past days and report P&L after costs, drawdown, hit rate and Sharpe ratio.

    The report also gives the share of perfect foresight and the P&L of naive rules. On the desk's own record,
    signals and money are those of `spotdesk run` on the same days. The report lists what a backtest has to
    assume.

    A day is judged if it has a forecast and the prices that settle it. If fewer than 80 % of the days have
    them, nothing is judged unless `--partial` is given.

    Exit code 1: a strategy has no significant edge. Exit code 2: an option is wrong.

        spotdesk backtest --source files --zone DE_LU --from 2024-01-01 --to 2024-12-31 --strategy storage
    """
    name, days = find_zone(zone).name, days_between(first_day.date(), last_day.date())
    if not days:
        raise ConfigurationError(f"--from {first_day.date()} is after --to {last_day.date()}")
    environment = read_environment()
    waiting = waiting_settings(environment)
    if waiting is not None:
        err.print(f"this backtest uses the accepted settings; {waiting}", markup=False, soft_wrap=True)
    if data is not None:
        environment = environment.model_copy(update={"market_data": data.expanduser().resolve()})
    asked = Asked(
        zone=name,
        days=days,
        source=source,
        model=model,
        strategies=tuple(strategy or ()),
        settled_against=settled_against,
        distribution=None if distribution is None else distribution.value,
        assumed=Assumptions(resume_after_days=resume_after_days),
    )
    setup = make_setup(asked, read_strategies(asked, environment), environment)
    coverages = _coverages(setup, asked, is_partial=is_partial)
    last = max(day for coverage in coverages for day in coverage.judged)
    result, judged = _judge(setup, [day for day in days if day <= last], coverages)
    if output is not None:
        _write(result, output)
    if report is not None:
        page = backtest_report(name, result, judged, setup.assumptions, source=source.value)
        report.write_text(render_report(page), encoding="utf-8")
        err.print(f"report: {report}")
    show(name, result, judged, setup.assumptions, source=source.value, as_json=as_json)
    if not all(one.verdict.has_edge for one in judged):
        raise typer.Exit(1)


def _coverages(setup: BacktestSetup, asked: Asked, *, is_partial: bool) -> list[Coverage]:
    """The days on which each strategy can be judged; perhaps none for a strategy that nobody named.

    Raises:
        ConfigurationError: there are none, or too few without `--partial`.
    """
    strategies, days = setup.inputs.strategies, asked.days
    coverages = [assess_coverage(setup.inputs, days, strategy) for strategy in strategies]
    nobody = not any(coverage.judged for coverage in coverages)
    for strategy, coverage in zip(strategies, coverages, strict=True):
        where = f"{asked.zone} {days[0]} to {days[-1]}: {coverage.words}"
        if not coverage.judged:
            if nobody or asked.strategies:
                raise ConfigurationError(f"{where}: there is no day to evaluate {strategy.label} on")
            err.print(f"{strategy.label} trades and is not evaluated: {coverage.words}", soft_wrap=True)
        elif not coverage.is_sensible and not is_partial:
            raise ConfigurationError(
                f"{where}; under {SENSIBLE_SHARE:.0%} is no backtest of that span. Make the others with"
                f" `spotdesk run`, ask for {coverage.judged[0]} to {coverage.judged[-1]}, make new"
                f" forecasts with --source files, or judge the {len(coverage.judged)} days alone with"
                " --partial"
            )
    return coverages


def _judge(
    setup: BacktestSetup, days: Sequence[date], coverages: Sequence[Coverage]
) -> tuple[BacktestResult, tuple[JudgedStrategy, ...]]:
    """The strategies and their rivals on the same days, with a progress bar."""
    with progress() as bar:
        tasks: dict[str, TaskID] = {}

        def advance(name: str) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=len(days))
            bar.advance(tasks[name])

        return judge_strategies(setup, days, coverages, on_day=advance)


def _write(result: BacktestResult, folder: Path) -> None:
    """Write the tables that a live desk would have written, one file each."""
    folder.mkdir(parents=True, exist_ok=True)
    walked = asdict(result.walked)
    tables = {"signals": "signals", "bid_curves": "bid_curves", "block_orders": "block_orders"}
    tables |= {"events": "risk_events", "conformance": "limit_conformance"}
    for name, table in tables.items():
        walked[name].write_parquet(folder / f"{table}.parquet")
    result.settlements.write_parquet(folder / "settlements.parquet")
    err.print(f"signals, settlements and limits: {folder}")
