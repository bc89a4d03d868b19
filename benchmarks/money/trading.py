"""Trading on recorded prices: which strategy has an edge, and which has not.

    python -m benchmarks.money.trading spread [--zone Z ...] [--json]
    python -m benchmarks.money.trading storage [--zone Z ...] [--profile fast] [--cycles 2] [--keep FOLDER]
        [--json]

`spread`: day-ahead against intraday VWAP and imbalance, Slovakia 2025 and Belgium 2024-2025, 5 MW, after fees
of 0.15 and slippage of 0.50 EUR/MWh. `storage`: a battery of 1 MW and 2 MWh in 13 zones, April 2022 (the
first days train) to December 2024, day by day, inputs known at the gate. Limits are out of reach, so that
strategies are compared and not limits. Exit code 1 where a storage zone misses 90 % of perfect foresight or
the naive forecast; a spread without an edge is a finding, not a failure.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
import yaml

from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit
from desk.trading.backtest_report import figure_rows
from resources.home.find import PROJECT_ROOT
from resources.market.market_files import MarketFiles
from spot.backtest.assumptions import Assumptions
from spot.backtest.coverage import Coverage, assess_coverage
from spot.backtest.data import BacktestData, make_backtest_forecasts
from spot.backtest.judged import JudgedStrategy, judge_strategies
from spot.backtest.rivals import NAIVE_FORECAST
from spot.backtest.trading import BacktestSetup, backtest_setup, run_backtest
from spot.backtest.trading_report import compare_with, daily_pnl, trading_figures
from spot.forecast.members import load_settings_mapping, make_forecaster
from spot.market.delivery import days_between
from spot.risk.limit_book import LIMIT_KINDS, LimitBook, parse_limit_book
from spot.strategy.interface import Strategy
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.strategy.spread.sources import FittedSpread

app = typer.Typer(help=__doc__, no_args_is_help=True)
DATA = PROJECT_ROOT.parent / "shared" / "data"
DataOption = Annotated[Path, typer.Option(help="Folder of recorded files.")]
ZoneOption = Annotated[list[str] | None, typer.Option(help="Zone; repeat for several.  \\[default: all]")]
KeepOption = Annotated[Path | None, typer.Option(help="Folder where walked forecasts are kept.")]
STORAGE_ZONES = ("AT", "BE", "CZ", "DE_LU", "DK_1", "DK_2", "FR", "HU", "NL", "NO_2", "PT", "SE_4", "SK")
AIMED_SHARE = 0.9
_SPREAD_COLUMNS = (
    "zone",
    "against",
    "from",
    "strategy",
    "energy_mwh",
    "pnl_eur",
    "pnl_eur_per_mwh",
    "sharpe",
    "hit_rate_days",
    "share_of_perfect",
    "verdict",
)


@dataclass(frozen=True, slots=True)
class SpreadCase:
    """One spread, where and when."""

    zone: str
    settled_against: str
    first_day: date
    last_day: date


SPREAD_CASES = (
    SpreadCase("SK", "intraday_vwap_60", date(2025, 3, 8), date(2025, 9, 30)),
    SpreadCase("SK", "intraday_vwap", date(2025, 3, 8), date(2025, 9, 30)),
    SpreadCase("SK", "intraday_vwap", date(2025, 10, 1), date(2026, 1, 25)),
    SpreadCase("SK", "imbalance", date(2025, 1, 1), date(2025, 9, 30)),
    SpreadCase("SK", "imbalance", date(2025, 10, 1), date(2026, 1, 24)),
    SpreadCase("BE", "imbalance", date(2024, 7, 28), date(2025, 9, 30)),
)
"""Until 2025-09-30 the auction is hourly, and quarter-hour second prices are averaged; from 2025-10-01 it has
quarter hours.
"""


def wide_limits() -> LimitBook:
    """Limits out of reach; every kind is there, since a missing one denies."""
    section: dict[str, dict[str, object]] = {kind: {"limit": 1e9, "action": "reduce"} for kind in LIMIT_KINDS}
    section |= {
        "min_price_eur_per_mwh": {"limit": -500.0, "action": "reduce"},
        "max_price_eur_per_mwh": {"limit": 4000.0, "action": "reduce"},
    }
    return parse_limit_book(
        {"desk": section, "zones": {"default": section}, "strategies": {"default": section}}
    )


def spread_rows(data: Path, cases: tuple[SpreadCase, ...]) -> Iterator[dict[str, Any]]:
    """Per case a row for CatBoost on the spread, for its empirical quantiles, and for each naive rule."""
    for case in cases:
        days = days_between(case.first_day, case.last_day)
        raw = MarketFiles(path=str(data)).tables(case.zone)
        strategy = SettlementSpread.model_validate(
            {"settled_against": case.settled_against, "max_mw": 5.0, "distribution": "catboost"}
        )
        setup = _setup(walked_data(raw, case.zone, days, profile_settings("fast")), strategy, days)
        setup = _with(setup, spread_sources={strategy.strategy: FittedSpread()})
        coverage = assess_coverage(setup.inputs, days, strategy)
        _, (judged,) = judge_strategies(setup, coverage.judged, [coverage])
        plain = strategy.model_copy(update={"distribution": "empirical"})
        past = run_backtest(_with(setup, strategies=(plain,), spread_sources={}), coverage.judged)
        judged = replace(judged, rivals={**judged.rivals, "empirical quantiles": past.settlements})
        for row in figure_rows(judged):
            is_own = row["strategy"] == strategy.label
            name = "CatBoost MultiQuantile" if is_own else row["strategy"]
            where = {"zone": case.zone, "against": case.settled_against}
            yield {**where, "from": str(days[0]), "to": str(days[-1]), **row, "strategy": name}


def storage_rows(
    data: Path,
    zones: tuple[str, ...],
    days: tuple[date, ...],
    *,
    battery: Storage,
    profile: str,
    admit: frozenset[str],
    keep: Path | None,
) -> Iterator[dict[str, Any]]:
    """One row per zone: shares of perfect foresight of our forecast and of the naive one.

    It says whether the difference is significant.

    Forecasts that were walked are kept in `keep` and used again; empty the folder after a change of the
    engine.
    """
    for zone in zones:
        raw = MarketFiles(path=str(data)).tables(zone)
        kept = (
            None if keep is None else keep / f"{profile}{'-known' * bool(admit)}_{zone}_{days[0]}_{days[-1]}"
        )
        setup = _setup(walked_data(raw, zone, days, profile_settings(profile), admit, kept), battery, days)
        priced = set(raw["day_ahead_prices"]["delivery_day"].to_list())
        settled = tuple(day for day in days if day in priced)
        coverage = Coverage(asked=days, judged=settled, n_forecast=len(settled))
        _, (judged,) = judge_strategies(setup, settled, [coverage])
        inputs = "after the gate too" if admit else "known at the gate"
        yield {"zone": zone, "inputs": inputs, "cycles_per_day": battery.max_cycles_per_day} | _shares(judged)


def _shares(judged: JudgedStrategy) -> dict[str, Any]:
    days, naive = judged.coverage.judged, judged.rivals[NAIVE_FORECAST]
    own, other = trading_figures(judged.settlements, days), trading_figures(naive, days)
    versus = compare_with(judged.settlements, naive, days)
    is_above = own.pnl_eur > other.pnl_eur
    return {
        "days": len(days),
        "pnl_eur_per_day": own.daily_mean_eur,
        "perfect_eur_per_day": own.perfect_eur / len(days),
        "share_of_perfect": own.share_of_perfect,
        "naive_share": other.share_of_perfect,
        "p_not_above_naive": None if versus is None else versus.p_not_above,
        "days_with_a_loss": int((daily_pnl(judged.settlements, days) < 0).sum()),
        "max_drawdown_eur": own.max_drawdown_eur,
        "is_above_naive": is_above,
        "is_aim_met": own.share_of_perfect >= AIMED_SHARE and is_above,
    }


def walked_data(
    raw: Mapping[str, pl.DataFrame],
    zone: str,
    days: tuple[date, ...],
    model: dict[str, Any],
    admit: frozenset[str] = frozenset(),
    kept: Path | None = None,
) -> BacktestData:
    """Forecasts of `days` by a model of these settings, from the file where they are kept."""
    file = None if kept is None else kept.with_suffix(".parquet")
    if file is not None and file.exists():
        return BacktestData(zone=zone, raw=raw, forecasts=pl.read_parquet(file))
    forecaster = make_forecaster(load_settings_mapping(model))
    data = make_backtest_forecasts(raw, forecaster, zone=zone, days=days, admit=admit)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        data.forecasts.write_parquet(file)
    return data


def _setup(data: BacktestData, strategy: Strategy, days: tuple[date, ...]) -> BacktestSetup:
    return backtest_setup(data, (strategy,), wide_limits(), days, spread_sources={}, assumed=Assumptions())


def _with(setup: BacktestSetup, **changes: Any) -> BacktestSetup:
    return replace(setup, inputs=replace(setup.inputs, **changes))


def profile_settings(profile: str) -> dict[str, Any]:
    """Settings of a profile, as a new desk has them."""
    path = PROJECT_ROOT / "resources/home/templates/conf/models" / f"{profile}.yaml"
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def _told(rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, each printed on standard error as it is finished: the whole takes an hour."""
    done = []
    for row in rows:
        done.append(row)
        print(json.dumps(row, default=str), file=sys.stderr, flush=True)
    return done


def named_zones(zone: list[str] | None, among: tuple[str, ...] = STORAGE_ZONES) -> list[str]:
    """The zones of a benchmark that were named, or all of them.

    Exit code 2: none of them was named.
    """
    names = [one for one in among if not zone or one in zone]
    if not names:
        print(f"no zone of {', '.join(among)} was named", file=sys.stderr)
        raise typer.Exit(2)
    return names


@app.command()
def spread(data: DataOption = DATA, zone: ZoneOption = None, as_json: JsonFlag = False) -> None:
    """Day-ahead against intraday VWAP and imbalance, beside naive rules.

    No edge is a finding, not a failure.
    """
    cases = tuple(case for case in SPREAD_CASES if not zone or case.zone in zone)
    rows = _told(spread_rows(data, cases))
    emit([{key: row[key] for key in _SPREAD_COLUMNS} for row in rows], as_json=as_json, title="spread")


@app.command()
def storage(  # noqa: PLR0913 - an option of a command is an argument of its function
    *,
    data: DataOption = DATA,
    zone: ZoneOption = None,
    profile: Annotated[str, typer.Option(help="Profile in conf/models.")] = "fast",
    cycles: Annotated[float, typer.Option(help="Of the battery per day.")] = 2.0,
    first_day: Annotated[
        datetime, typer.Option("--from", parser=a_day, metavar=DAY_FORM, help="First day.")
    ] = datetime(2022, 4, 1),  # noqa: DTZ001 - a calendar day, which has no zone
    last_day: Annotated[
        datetime, typer.Option("--to", parser=a_day, metavar=DAY_FORM, help="Last day, included.")
    ] = datetime(2024, 12, 31),  # noqa: DTZ001
    assume_known: Annotated[
        bool, typer.Option("--assume-known", help="Admit wind and solar forecasts of 18:00: to compare only.")
    ] = False,
    keep: KeepOption = None,
    as_json: JsonFlag = False,
) -> None:
    """A battery of 1 MW and 2 MWh.

    Exit code 1 where a zone misses 90 % of perfect foresight or the naive forecast.
    """
    rows = _told(
        storage_rows(
            data,
            tuple(name for name in STORAGE_ZONES if not zone or name in zone),
            days_between(first_day.date(), last_day.date()),
            battery=Storage(max_cycles_per_day=cycles),
            profile=profile,
            admit=frozenset({"renewable_forecasts"} if assume_known else ()),
            keep=keep,
        )
    )
    emit(rows, as_json=as_json, title="storage")
    if not all(row["is_aim_met"] for row in rows):
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
