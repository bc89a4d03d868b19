"""What a walk over the days of one zone needs: tables, limits, models, and the desk's orders before it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from spot.contracts.feature_tables import DAY_AHEAD_FEATURES
from spot.contracts.signal_tables import PUBLICATIONS, SETTLEMENTS, SIGNALS
from spot.market.gates import gate_closure_utc
from spot.risk.limit_book import LimitBook
from spot.risk.state import TradingState
from spot.strategy.interface import Strategy
from spot.strategy.reported.fills import REPORTED_SCHEMA
from spot.strategy.spread.sources import SpreadSource

HISTORY_DAYS = 200
"""Days of outcomes that a decision looks back on: half a year (`window_days` of 182), and some for days that
lack prices.
"""
MONEY_DAYS = 400
"""Days of settled P&L behind the limits on losses: a year, and the month in which its last days settle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyDecision:
    """When a day was decided before its gate, and the facts of that instant that no other table keeps."""

    as_of_utc: datetime
    trading_state: TradingState
    is_live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkInputs:
    """What is known to the whole walk of one zone.

    Live trading, replay and backtest fill the same fields. What a backtest cannot know, it assumes in
    `assumed_model_age_days`, `drift_status`, `spread_sources` and `resume_after_days`.
    """

    zone: str
    strategies: tuple[Strategy, ...]
    """In the order in which they use up the limits that they share."""
    forecasts: pl.DataFrame
    """Rows of `day_ahead_forecasts`, every role, each day as of its own gate, from `HISTORY_DAYS` before the
    first day on where they are known.
    """
    raw: Mapping[str, pl.DataFrame]
    """`day_ahead_prices`, `intraday_prices`, `imbalance_prices` and `load_forecasts` where the zone has them,
    all vintages, from `history_days` before the first day on.
    """
    limits: LimitBook
    now: datetime
    """Days whose gate is later than this instant are decided at this instant, the others as of their gate."""
    trading_state: TradingState = TradingState.ACTIVE
    """State for days whose gate is open."""
    early_decisions: Mapping[date, EarlyDecision] = field(default_factory=dict)
    """Days that are decided again as of the instant, and in the state, of their first decision."""
    publications: pl.DataFrame = field(default_factory=PUBLICATIONS.empty)
    """What was sent for these days. A live order that no channel accepted earns nothing."""
    reported: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REPORTED_SCHEMA))
    """What the exchange executed of the recorded signals; a signal that comes out otherwise has no row."""
    resume_after_days: int = 0
    """How many days a zone stays halted after the day on which a limit halted it, in a walk over past days.

    A person resumes a live zone; a walk has to assume when. With 0 it trades again on the next day.
    """
    trained_through: Mapping[str, date] = field(default_factory=dict)
    """Model version to the newest day that it learnt from."""
    canaries: Mapping[str, date] = field(default_factory=dict)
    """Model version to the first day after its canary; until then its orders have a share of the size."""
    canary_share: float = 1.0
    assumed_model_age_days: float | None = None
    """Age of versions that `trained_through` does not name. With None, their days are denied."""
    drift_status: Mapping[date, str] = field(default_factory=dict)
    """Delivery day to the drift verdict before it. A day that is missing is denied."""
    spread_sources: Mapping[str, SpreadSource] = field(default_factory=dict)
    """Strategy to the source of its spread's distribution, besides its own past."""
    features: pl.DataFrame = field(default_factory=DAY_AHEAD_FEATURES.empty)
    """`day_ahead_features` of the walk's days, read by models of the spread only."""
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class DecisionInstant:
    """When a day is decided, in which state, and whether the gate was still open then."""

    day: date
    as_of_utc: datetime
    trading_state: TradingState
    is_before_gate: bool
    is_live: bool


def decision_instant(inputs: WalkInputs, day: date, *, halted_until: date) -> DecisionInstant:
    """The instant of the first decision, if the day was decided before its gate; else now or the gate.

    It is now while the gate is open. `halted_until` is the first day on which a zone that the walk itself
    halted trades again.
    """
    gate = gate_closure_utc(inputs.zone, day)
    early = inputs.early_decisions.get(day)
    if early is not None:
        return DecisionInstant(day, early.as_of_utc, early.trading_state, True, early.is_live)
    if inputs.now <= gate:
        return DecisionInstant(day, inputs.now, inputs.trading_state, True, inputs.is_live)
    state = TradingState.HALTED if day < halted_until else TradingState.ACTIVE
    return DecisionInstant(day, gate, state, False, False)


def history_days(strategies: tuple[Strategy, ...]) -> int:
    """Days of outcomes that the strategies look back on."""
    return max([HISTORY_DAYS, *(strategy.history_days + 18 for strategy in strategies)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The desk's signals and settled P&L of all zones, as far back as a walk may need them."""

    signals: pl.DataFrame
    settlements: pl.DataFrame

    def seen_by(self, zone: str, instant: DecisionInstant) -> "Book":
        """Signals and P&L that count for a decision.

        These are the signals of the day and the day before, and the P&L of earlier days.

        Before the gate they are those of every zone. In a replay, at the gate, they are those of the zones
        with earlier names. A replay works through the zones in the order of their names. So the same days
        give the same rows however they are split, and whatever is stored of later zones.
        """
        is_seen = pl.lit(value=True) if instant.is_before_gate else pl.col("zone") <= zone
        day, since = instant.day, instant.day - timedelta(days=MONEY_DAYS)
        is_near = pl.col("delivery_day").is_between(day - timedelta(days=1), day)
        is_earlier = pl.col("delivery_day").is_between(since, day, closed="left")
        return Book(
            signals=self.signals.filter(is_near, is_seen),
            settlements=self.settlements.filter(is_earlier, is_seen),
        )

    def with_rows(self, signals: list[pl.DataFrame], settlements: list[pl.DataFrame]) -> "Book":
        """The book with more rows."""
        return Book(
            signals=pl.concat([self.signals, *signals]),
            settlements=pl.concat([self.settlements, *settlements]),
        )


def empty_book() -> Book:
    """The book of a desk without orders."""
    return Book(signals=SIGNALS.empty(), settlements=SETTLEMENTS.empty())
