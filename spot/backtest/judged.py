"""A strategy judged on past days: its P&L, that of naive rivals on the same days, and the verdict."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import polars as pl

from spot.backtest.coverage import Coverage
from spot.backtest.rivals import naive_rivals
from spot.backtest.trading import BacktestResult, BacktestSetup, run_backtest
from spot.backtest.trading_report import SIGNIFICANT, Verdict, compare_with, trading_figures
from spot.strategy.interface import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedStrategy:
    """One strategy and its rivals; every frame holds settlements of the judged days."""

    strategy: Strategy
    coverage: Coverage
    settlements: pl.DataFrame
    rivals: Mapping[str, pl.DataFrame]

    @property
    def verdict(self) -> Verdict:
        """Whether the strategy has an edge.

        A strategy that closes at the desk's own price, and orders with that price as its limit, cannot lose
        against it. Only the naive forecast is a fair rival then, because it closes at the same price.
        """
        own = trading_figures(self.settlements, self.coverage.judged).verdict
        if not self.strategy.closes_at_desk_price or own is Verdict.DID_NOT_TRADE:
            return own
        over = [compare_with(self.settlements, rival, self.coverage.judged) for rival in self.rivals.values()]
        chances = [versus.p_not_above for versus in over if versus is not None]
        if not chances or len(chances) < len(over):
            return Verdict.TOO_FEW_DAYS
        return Verdict.EDGE_OVER_NAIVE if max(chances) < SIGNIFICANT else Verdict.NOT_SIGNIFICANT_OVER_NAIVE


def judge_strategies(
    setup: BacktestSetup,
    days: Sequence[date],
    coverages: Sequence[Coverage],
    *,
    on_day: Callable[[str], None] = lambda _: None,
) -> tuple[BacktestResult, tuple[JudgedStrategy, ...]]:
    """Walk the strategies of the setup together, and beside them each rival alone, over the same `days`.

    The walks share nothing. Where a model of the spread learns, the rivals have the other core.

    Args:
        setup: data, strategies and assumptions.
        days: delivery days, ascending.
        coverages: which days are judged, one for each strategy in the setup's order. A strategy without such
            a day is walked and not judged.
        on_day: called after each day with the name of the strategy or rival.
    """
    names = " and ".join(strategy.label for strategy in setup.inputs.strategies)
    with ThreadPoolExecutor(1) as beside:
        walking = beside.submit(run_backtest, setup, days, on_day=lambda _: on_day(names))
        money = [
            {name: _walked(name, rival, days, on_day).settlements for name, rival in rivals.items()}
            if coverage.judged
            else {}
            for coverage, rivals in zip(coverages, naive_rivals(setup, days), strict=True)
        ]
        result = walking.result()
    judged = [
        JudgedStrategy(
            strategy=strategy,
            coverage=coverage,
            settlements=_of_days(result.of(strategy), coverage),
            rivals={name: _of_days(settlements, coverage) for name, settlements in of_rivals.items()},
        )
        for strategy, coverage, of_rivals in zip(setup.inputs.strategies, coverages, money, strict=True)
        if coverage.judged
    ]
    return result, tuple(judged)


def _walked(
    name: str, rival: BacktestSetup, days: Sequence[date], on_day: Callable[[str], None]
) -> BacktestResult:
    return run_backtest(rival, days, on_day=lambda _: on_day(name))


def _of_days(settlements: pl.DataFrame, coverage: Coverage) -> pl.DataFrame:
    return settlements.filter(pl.col("delivery_day").is_in(list(coverage.judged)))
