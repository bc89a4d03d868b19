"""What a decision depends on, and its result: the two values of `spot.strategy.signals.decide_signals`."""

from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from spot.arrays import Floats
from spot.contracts.forecast_tables import DAY_AHEAD_FORECASTS
from spot.contracts.signal_tables import SETTLEMENTS, SIGNALS
from spot.contracts.words import Mode, Role
from spot.risk.limit_book import LimitBook
from spot.risk.outcomes import OUTCOME_SCHEMA
from spot.risk.state import TradingState
from spot.strategy.interface import Strategy
from spot.strategy.readiness.forecast_readiness import ReadinessVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRequest:
    """All that a decision depends on; nothing else is read."""

    zone: str
    delivery_day: date
    strategy: Strategy
    forecast: pl.DataFrame
    """Rows of `day_ahead_forecasts`, perhaps none."""
    as_of_utc: datetime
    """Instant of the decision: now when live, the gate closure in a backtest."""
    limits: LimitBook
    trading_state: TradingState
    """The stricter of desk and zone; HALTED when it cannot be read."""
    history: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=OUTCOME_SCHEMA))
    """Outcomes as known at `as_of_utc` (`spot.risk.outcomes.build_outcomes`)."""
    past_forecasts: pl.DataFrame = field(default_factory=DAY_AHEAD_FORECASTS.empty)
    """Rows of `day_ahead_forecasts` of earlier days, one per unit: the champion's, as of their gates."""
    desk_signals: pl.DataFrame = field(default_factory=SIGNALS.empty)
    """Signals of the whole desk for this day and the day before."""
    settlements: pl.DataFrame = field(default_factory=SETTLEMENTS.empty)
    """Settled P&L of the whole desk so far."""
    spread_quantiles: Floats | None = None
    """(P, 9) from a fitted spread model."""
    strategy_model_version: str | None = None
    """Registered version of that model."""
    reference: Floats | None = None
    """(P,) the desk's own prices for `price_view`."""
    model_age_days: float | None = None
    """If it is not known, the position is denied."""
    essential_data_utc: datetime | None = None
    """When the essential feed with the oldest data last had a new day.

    Only the sources that the zone trusts count. If it is not known, the position is denied.
    """
    drift_status: str | None = None
    """ok, not_assessed, alert or cannot_see. If it is not known, the position is denied."""
    size_share: float = 1.0
    """Share of the proposed size that may be ordered: below 1 while the model version is a canary."""
    role: Role = "champion"
    mode: Mode = "paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDecision:
    """The signals of one zone, day and strategy, and everything that was judged to make them."""

    frame: pl.DataFrame
    """Contract `signals`: every unit of the day."""
    events: pl.DataFrame
    """Contract `risk_events`."""
    bid_curves: pl.DataFrame
    """Contract `bid_curves`; empty where the market takes no curve."""
    block_orders: pl.DataFrame
    """Contract `block_orders`; empty where the orders are no exclusive groups."""
    conformance: pl.DataFrame
    """Contract `limit_conformance`."""
    readiness: ReadinessVerdict
    requests_halt: bool
    """A breach whose action is halt: the caller halts the zone."""
