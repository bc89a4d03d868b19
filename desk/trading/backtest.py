"""`spotdesk backtest`: what a strategy would have earned, decided as of each gate by the functions that trade live."""

from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
import yaml
from rich.progress import Progress, TaskID

from desk.screen.console import DAY_FORM, JsonFlag, a_day, as_table, emit_json, err, out, progress
from desk.screen.report import render_report
from desk.trading.backtest_report import ATTRIBUTIONS, backtest_report, figure_rows
from resources.lake.zone_tables import with_desk_curve
from resources.market.market_files import MarketFiles
from resources.plugins.members import new_forecaster
from resources.plugins.strategies import STRATEGIES
from resources.settings.environment import Environment, read_environment
from resources.settings.risk_limits import read_limit_book
from resources.wiring import make_lake
from spot.backtest.coverage import SENSIBLE_SHARE, Coverage, assess_coverage
from spot.backtest.trading import TradingPast, TradingReplay, TradingRules, replay_trading
from spot.backtest.trading_report import attribution
from spot.backtest.trading_walk import MAX_HISTORY_DAYS, walk_past
from spot.errors import ConfigurationError
from spot.market.delivery import days_between
from spot.market.zones import find_zone
from spot.simulation.market import simulate
from spot.strategy.interface import Strategy
from spot.strategy.spread.sources import FittedSpread, NaiveSpread, SpreadSource
from spot.strategy.strategies import load_strategy


class Source(StrEnum):
    """Where prices and forecasts come from."""

    LAKE = "lake"
    FILES = "files"
    SIMULATED = "simulated"


class Distribution(StrEnum):
    """Where the distribution of the spread comes from.

    A model refitted every four weeks, or the past at the same time of day.
    """

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
    strategy: Annotated[str, typer.Option("--strategy", help="File in conf/strategies.")] = "storage",
    settled_against: Annotated[
        str | None,
        typer.Option("--against", help="Second price of settlement_spread, for example imbalance."),
    ] = None,
    source: Annotated[
        Source, typer.Option("--source", help="Stored forecasts, or a fresh walk on files or the simulator.")
    ] = Source.LAKE,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder of recorded files.  \\[default: SPOTDESK_MARKET_DATA]"),
    ] = None,
    model: Annotated[str, typer.Option("--model", help="Profile in conf/models for a fresh walk.")] = "fast",
    distribution: Annotated[
        Distribution | None,
        typer.Option("--spread", help="Of settlement_spread.  \\[default: as the strategy's file says]"),
    ] = None,
    is_partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="Judge the days that have forecasts and prices, however few they are."
        ),
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the report as one HTML page.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Trade the past: P&L after costs, drawdown, hit rate, Sharpe, share of perfect foresight, by month, beside naive strategies.

    Only days with a forecast and with the prices that settle it are judged; where they are under 80 % of the
    days asked for, nothing is, unless `--partial` says so. Exit code 1 when the strategy has no significant
    edge.

        spotdesk backtest --source files --zone DE_LU --from 2024-01-01 --to 2024-12-31 --strategy storage
    """
    environment, name = read_environment(), find_zone(zone).name
    environment = (
        environment.model_copy(update={"market_data": data.expanduser().resolve()}) if data else environment
    )
    days = days_between(first_day.date(), last_day.date())
    if not days:
        raise ConfigurationError(f"--from {first_day.date()} is after --to {last_day.date()}")
    settings = read_strategy(environment, strategy, settled_against, distribution)
    past = _past(environment, name, days, source, model)
    coverage = _coverage(past, days, settings, is_partial=is_partial)
    days = coverage.judged
    rules = TradingRules(
        strategy=settings,
        limits=read_limit_book(environment.conf_folder / "risk_limits.yaml"),
        spread=FittedSpread() if settings.needs_spread_model else None,
    )
    replays = run_beside_naive(past, days, rules)
    rows = figure_rows(replays, days, settings)
    if report is not None:
        page = backtest_report(name, replays, days, settings, source=source.value, coverage=coverage.words)
        report.write_text(render_report(page), encoding="utf-8")
        err.print(f"report: {report}")
    _show(
        rows,
        replays[settings.label],
        source=source,
        coverage=coverage,
        title=f"{name} {days[0]} to {days[-1]}",
        as_json=as_json,
    )
    if not rows[0]["verdict"].startswith("edge"):
        raise typer.Exit(1)


def _coverage(past: TradingPast, days: tuple[date, ...], settings: Strategy, *, is_partial: bool) -> Coverage:
    """The days that can be judged.

    Raises:
        ConfigurationError: none, or too few of them for a figure that nobody asked to be partial.
    """
    coverage = assess_coverage(past, days, settings)
    if not coverage.judged:
        raise ConfigurationError(
            f"{past.zone} {days[0]} to {days[-1]}: {coverage.words}: there is no day to judge"
            f" {settings.label} on"
        )
    if not coverage.is_sensible and not is_partial:
        raise ConfigurationError(
            f"{past.zone} {days[0]} to {days[-1]}: {coverage.words}; under {SENSIBLE_SHARE:.0%} is no"
            f" backtest of that span. Make the others with `spotdesk run`, ask for {coverage.judged[0]} to"
            f" {coverage.judged[-1]}, walk a model afresh with --source files, or judge the"
            f" {len(coverage.judged)} days alone with --partial"
        )
    return coverage


def read_strategy(
    environment: Environment, name: str, settled_against: str | None, distribution: Distribution | None = None
) -> Strategy:
    """Settings of `conf/strategies/<name>.yaml`, with another second price or distribution where one is asked for.

    Raises:
        ConfigurationError: no such file, or a setting is wrong.
    """
    path = environment.conf_folder / "strategies" / f"{name}.yaml"
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml")))
        raise ConfigurationError(f"cannot read strategy {name!r}: {error}; there are {known}") from error
    asked = {
        "settled_against": settled_against,
        "distribution": None if distribution is None else distribution.value,
    }
    return load_strategy({**document, **{key: value for key, value in asked.items() if value}}, STRATEGIES)


def run_beside_naive(
    past: TradingPast, days: tuple[date, ...], rules: TradingRules
) -> dict[str, TradingReplay]:
    """The strategy and the naive ones on the same days, with a progress bar.

    For a spread three rules, else the prices of last week.
    """
    own = rules.strategy.label
    others: dict[str, tuple[TradingPast, SpreadSource | None]] = {}
    if rules.strategy.naive_rules:
        others = {rule: (past, NaiveSpread(rule)) for rule in rules.strategy.naive_rules}
    else:
        naive = walk_past(
            past.raw,
            new_forecaster({"kind": "naive"}),
            zone=past.zone,
            days=days,
            min_history_days=14,
        )
        others = {"naive forecast": (naive, None)}
    replays = {}
    with progress() as bar:
        for name, (own_past, spread) in {own: (past, rules.spread), **others}.items():
            tick = partial(_advance, bar, bar.add_task(name, total=len(days)))
            replays[name] = replay_trading(own_past, days, replace(rules, spread=spread), tick=tick)
    return replays


def _advance(bar: Progress, task: TaskID, _: date) -> None:
    bar.advance(task)


def fresh_past(
    raw: dict[str, pl.DataFrame],
    zone: str,
    days: tuple[date, ...],
    model_document: dict[str, Any],
    **options: Any,
) -> TradingPast:
    """Forecasts of a model that learns before the first day and walks on; `options` as of `walk_past`."""
    return walk_past(raw, new_forecaster(model_document), zone=zone, days=days, **options)


def _past(
    environment: Environment, zone: str, days: tuple[date, ...], source: Source, model: str
) -> TradingPast:
    if source is Source.LAKE:
        return _stored_past(environment, zone, days)
    err.print(f"walking {model} over {len(days)} days of {zone} ...")
    if source is Source.FILES:
        raw = MarketFiles(path=str(environment.market_data)).tables(zone)
    else:
        first = date.fromordinal(days[0].toordinal() - 400)
        raw = dict(simulate(zone, first, days[-1], seed=1).tables)
    document = yaml.safe_load(
        (environment.conf_folder / "models" / f"{model}.yaml").read_text(encoding="utf-8")
    )
    return fresh_past(raw, zone, days, document)


def _stored_past(environment: Environment, zone: str, days: tuple[date, ...]) -> TradingPast:
    lake, first = make_lake(environment), date.fromordinal(days[0].toordinal() - MAX_HISTORY_DAYS)
    forecasts = lake.read("day_ahead_forecasts", zones=[zone], first_day=first, last_day=days[-1]).filter(
        pl.col("role") == "champion"
    )
    if forecasts.filter(pl.col("delivery_day").is_in(days)).is_empty():
        raise ConfigurationError(
            f"the lake holds no forecast of {zone} for these days: run `spotdesk run` first, or ask --source"
            " files"
        )
    tables = ("day_ahead_prices", "intraday_prices", "imbalance_prices", "load_forecasts")
    raw = {table: lake.read(table, zones=[zone], first_day=first, last_day=days[-1]) for table in tables}
    source = forecasts["source"].str.split(" (").list.first().str.split(", ").list.first().mode()[0]
    trusted = {table: rows.filter(pl.col("source") == source) for table, rows in raw.items()}
    return TradingPast(
        zone=zone,
        raw=with_desk_curve(trusted, lake, zone, first_day=days[0], last_day=days[-1]),
        forecasts=forecasts,
        features=lake.read("day_ahead_features", zones=[zone], first_day=first, last_day=days[-1]),
    )


def _show(
    rows: list[dict[str, Any]],
    own: TradingReplay,
    *,
    source: Source,
    coverage: Coverage,
    title: str,
    as_json: bool,
) -> None:
    months = attribution(own.settlements, "month")
    if as_json:
        parts = {f"{by}s": attribution(own.settlements, by).to_dicts() for by in ATTRIBUTIONS}
        days = {
            "asked": len(coverage.asked),
            "with_forecast": coverage.n_forecast,
            "judged": len(coverage.judged),
        }
        emit_json({"figures": rows, "days": days, **parts, "source": source.value})
        return
    if source is Source.SIMULATED:
        out.print("[bold]simulated market: these are no real prices[/bold]")
    if len(coverage.judged) < len(coverage.asked):
        out.print(
            f"[bold]{coverage.words}[/bold]; {len(coverage.judged)} days are judged, the others are left out"
        )
    names = [name for name in rows[0] if name != "strategy"]
    out.print(
        as_table(
            [{"figure": name, **{str(row["strategy"]): row[name] for row in rows}} for name in names],
            title=title,
        )
    )
    if months.height:
        out.print(as_table(months.to_dicts(), title="by month"))
    out.print(f"verdict: [bold]{rows[0]['verdict']}[/bold]")
    if rows[0]["n_traded_units"] == 0:
        out.print(
            f"why flat, in the words of most units: {own.signals['reasons'].mode().sort()[0]}",
            markup=False,
            soft_wrap=True,
        )
