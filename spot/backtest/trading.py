"""Trading replayed day by day through the functions that trade live.

The same request, decision and settlement, as of each day's gate.

Nothing here decides anything. For each day the raw tables are cut to what was known at the gate, the forecast
of that gate is taken from a frame of forecasts that were themselves made as of their gates, and the decision
is settled with the prices that came later.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from spot.contracts.feature_tables import DAY_AHEAD_FEATURES
from spot.contracts.signal_tables import BID_CURVES, LIMIT_CONFORMANCE, RISK_EVENTS, SETTLEMENTS, SIGNALS
from spot.market.gates import gate_closure_utc
from spot.risk.limit_book import LimitBook
from spot.risk.outcomes import zone_outcomes
from spot.risk.state import TradingState
from spot.strategy.interface import Strategy
from spot.strategy.readiness.data_age import essential_data_utc
from spot.strategy.request import SignalDecision, SignalRequest
from spot.strategy.settle import settle_signals
from spot.strategy.signals import decide_signals
from spot.strategy.spread.sources import SpreadMoment, SpreadSource
from spot.walk.signals import HISTORY_DAYS, desk_price

_EXTRA_HISTORY_DAYS = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingPast:
    """What a replay stands on: everything of one zone, every row with the instant from which it was known."""

    zone: str
    raw: Mapping[str, pl.DataFrame]
    """`day_ahead_prices`, and `intraday_prices`, `imbalance_prices` and `load_forecasts` where the zone has
    them; rows of one source.
    """
    forecasts: pl.DataFrame
    """`day_ahead_forecasts`, each made as of its own gate."""
    features: pl.DataFrame = field(default_factory=DAY_AHEAD_FEATURES.empty)
    """`day_ahead_features`, read by a fitted spread model only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingRules:
    """What trades, and under which limits."""

    strategy: Strategy
    limits: LimitBook
    spread: SpreadSource | None = None
    """Where quantiles of the spread come from; None leaves the strategy its own empirical ones."""
    model_age_days: float = 0.0
    resume_after_days: int = 1
    """A breach may halt the zone; a person is taken to resume after this many days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingReplay:
    """Everything a live desk would have written, under the same contracts."""

    signals: pl.DataFrame
    settlements: pl.DataFrame
    events: pl.DataFrame
    conformance: pl.DataFrame
    bid_curves: pl.DataFrame


def replay_trading(
    past: TradingPast,
    days: Sequence[date],
    rules: TradingRules,
    *,
    tick: Callable[[date], None] = lambda _: None,
) -> TradingReplay:
    """Decide and settle each of `days`, ascending; `tick` is called after each.

    Raises:
        ConfigurationError: unknown zone, or no auction on a day.
    """
    final = zone_outcomes(past.raw, zone=past.zone, settled_against=rules.strategy.settled_against)
    decisions: list[SignalDecision] = []
    settled = SETTLEMENTS.empty()
    halted_until = date.min
    for day in days:
        state = TradingState.HALTED if day < halted_until else TradingState.ACTIVE
        request = request_at_gate(
            past,
            day,
            rules,
            state=state,
            before=decisions[-1].frame if decisions else SIGNALS.empty(),
            settled=settled,
        )
        decision = decide_signals(request)
        if decision.requests_halt:
            halted_until = day + timedelta(days=1 + rules.resume_after_days)
        decisions.append(decision)
        prices = final.filter(pl.col("delivery_day") == day)
        settled = pl.concat(
            [settled, settle_signals(decision.frame, prices, rules.strategy, bid_curves=decision.bid_curves)],
            rechunk=True,
        )
        tick(day)
    return TradingReplay(
        signals=pl.concat([SIGNALS.empty(), *(decision.frame for decision in decisions)]),
        settlements=settled,
        events=pl.concat([RISK_EVENTS.empty(), *(decision.events for decision in decisions)]),
        conformance=pl.concat([LIMIT_CONFORMANCE.empty(), *(decision.conformance for decision in decisions)]),
        bid_curves=pl.concat([BID_CURVES.empty(), *(decision.bid_curves for decision in decisions)]),
    )


def request_at_gate(
    past: TradingPast,
    day: date,
    rules: TradingRules,
    *,
    state: TradingState,
    before: pl.DataFrame,
    settled: pl.DataFrame,
) -> SignalRequest:
    """The request that a live desk would have made at the gate of `day`.

    A live one is the same with its own instant.
    """
    gate = gate_closure_utc(past.zone, day)
    window = timedelta(days=_window_days(rules.strategy) + _EXTRA_HISTORY_DAYS)
    history = zone_outcomes(
        past.raw,
        zone=past.zone,
        settled_against=rules.strategy.settled_against,
        as_of_utc=gate,
        first_day=day - window,
    )
    forecast = past.forecasts.filter(pl.col("delivery_day") == day)
    quantiles = None
    if rules.spread is not None:
        moment = SpreadMoment(past.zone, day, gate, past.raw, past.features, rules.strategy.settled_against)
        quantiles = rules.spread.quantiles(moment)
    return SignalRequest(
        zone=past.zone,
        delivery_day=day,
        strategy=rules.strategy,
        forecast=forecast,
        as_of_utc=gate,
        limits=rules.limits,
        trading_state=state,
        history=history,
        desk_signals=before,
        settlements=settled,
        spread_quantiles=quantiles,
        reference=desk_price(past.raw, past.zone, day, gate, rules.strategy),
        model_age_days=rules.model_age_days,
        essential_data_utc=essential_data_utc(past.raw, zone=past.zone, as_of_utc=gate),
        drift_status="ok",
    )


def _window_days(strategy: Strategy) -> int:
    return int(getattr(strategy, "window_days", HISTORY_DAYS))
