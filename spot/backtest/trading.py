"""A backtest of trading: the steps of live trading over past days, and the P&L.

This module decides nothing. `spot.walk` builds the requests and decides, for live days, replays and backtests
alike.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from spot.backtest.assumptions import Assumption, Assumptions
from spot.backtest.data import BacktestData
from spot.market.gates import gate_closure_utc
from spot.risk.limit_book import LimitBook
from spot.strategy.interface import Strategy
from spot.strategy.spread.sources import SpreadSource
from spot.walk.inputs import Book, WalkInputs, empty_book
from spot.walk.signals import WalkedSignals, settle_walked, walk_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestSetup:
    """What a backtest walks on, and what it assumes."""

    inputs: WalkInputs
    book: Book
    """The desk's orders before the first day, and those of its other zones."""
    assumptions: tuple[Assumption, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    """Everything that a live desk would have written, under the same contracts."""

    walked: WalkedSignals
    settlements: pl.DataFrame

    def of(self, strategy: Strategy) -> pl.DataFrame:
        """The settlements of one strategy."""
        return self.settlements.filter(pl.col("strategy") == strategy.strategy)


def backtest_setup(
    data: BacktestData,
    strategies: tuple[Strategy, ...],
    limits: LimitBook,
    days: Sequence[date],
    *,
    spread_sources: Mapping[str, SpreadSource],
    assumed: Assumptions,
) -> BacktestSetup:
    """A backtest on `data` alone. No desk has recorded model ages, drift verdicts or orders for it."""
    inputs = WalkInputs(
        zone=data.zone,
        strategies=strategies,
        forecasts=data.forecasts,
        raw=data.raw,
        limits=limits,
        now=gate_closure_utc(data.zone, days[-1]) + timedelta(hours=24),
        resume_after_days=assumed.resume_after_days,
        assumed_model_age_days=assumed.model_age_days,
        drift_status=dict.fromkeys(days, assumed.drift_status),
        spread_sources=spread_sources,
        features=data.features,
    )
    return BacktestSetup(inputs=inputs, book=empty_book(), assumptions=assumed.rows())


def run_backtest(
    setup: BacktestSetup, days: Sequence[date], *, on_day: Callable[[date], None] = lambda _: None
) -> BacktestResult:
    """Decide and settle each of `days`, ascending; `on_day` is called after each.

    Raises:
        ConfigurationError: unknown zone, or no auction on a day.
    """
    walked = walk_signals(setup.inputs, days, setup.book, on_day=on_day)
    return BacktestResult(walked=walked, settlements=settle_walked(setup.inputs, walked, days))
