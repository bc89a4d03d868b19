"""Signals day after day: each day decided as of its own instant, on the desk as it stood then.

One day live, many in a replay.

Inside the walk a day sees the signals and the money of the days before it as the walk itself made them, so
that walking the same days again gives the same rows whatever was stored meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

import polars as pl

from spot.arrays import Floats
from spot.contracts.feature_tables import DAY_AHEAD_FEATURES
from spot.contracts.signal_tables import BID_CURVES, LIMIT_CONFORMANCE, RISK_EVENTS, SETTLEMENTS, SIGNALS
from spot.market.delivery import day_ahead_mtu_minutes, delivery_starts_utc
from spot.market.gates import gate_closure_utc
from spot.risk.limit_book import LimitBook
from spot.risk.outcomes import reference_curve, zone_outcomes
from spot.risk.state import TradingState
from spot.strategy.interface import Strategy
from spot.strategy.readiness.data_age import essential_data_utc
from spot.strategy.request import SignalDecision, SignalRequest
from spot.strategy.settle import settle_signals
from spot.strategy.signals import decide_signals
from spot.strategy.spread.sources import ServedSpread, SpreadMoment

HISTORY_DAYS = 200
"""Days of outcomes that a decision looks back on."""
Role = Literal["champion", "challenger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkInputs:
    """What is known to the whole walk of one zone."""

    zone: str
    strategies: tuple[Strategy, ...]
    forecasts: pl.DataFrame
    """Rows of `day_ahead_forecasts`, every role."""
    raw: Mapping[str, pl.DataFrame]
    """`day_ahead_prices`, `intraday_prices`, `imbalance_prices` and `load_forecasts`, all vintages, from
    `HISTORY_DAYS` before the first day on.
    """
    limits: LimitBook
    trading_state: TradingState
    """Of days whose gate is still open; a day whose gate has passed is a replay on paper, which no halt
    concerns.
    """
    now: datetime
    trained_through: Mapping[str, date]
    """Model version to the newest day it learnt from."""
    drift_status: str
    spread: ServedSpread | None = None
    """Models of the spread for a strategy that asks for one; without one it is flat."""
    features: pl.DataFrame = field(default_factory=DAY_AHEAD_FEATURES.empty)
    """`day_ahead_features` of the walk's days, read by models of the spread only."""
    is_live: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskBefore:
    """The desk before the walk: signals from the day before its first on, settlements of all earlier days.

    Other zones included.
    """

    signals: pl.DataFrame
    settlements: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkedSignals:
    """Frames under their contracts, days that were not ready with the reasons, and zones' requests to halt."""

    signals: pl.DataFrame
    events: pl.DataFrame
    bid_curves: pl.DataFrame
    conformance: pl.DataFrame
    not_ready: tuple[str, ...]
    halt_requests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Moment:
    """When a day is decided, and from when the data behind it is."""

    day: date
    as_of_utc: datetime
    essential_data_utc: datetime | None


def walk_signals(inputs: WalkInputs, days: Sequence[date], before: DeskBefore) -> WalkedSignals:
    """Decide every day, strategy and role of the walk, days ascending.

    A day without a fit forecast is flat and says why.
    """
    decisions: list[SignalDecision] = []
    not_ready, halts = [], []
    signals, settlements = before.signals, before.settlements
    # What a day earns is seen by the days after it; the last has none.
    final = {
        strategy.strategy: zone_outcomes(
            inputs.raw, zone=inputs.zone, settled_against=strategy.settled_against, first_day=days[0]
        )
        for strategy in inputs.strategies
        if len(days) > 1
    }
    for day in days:
        as_of = min(inputs.now, gate_closure_utc(inputs.zone, day))
        moment = _Moment(day, as_of, essential_data_utc(inputs.raw, zone=inputs.zone, as_of_utc=as_of))
        spreads = {
            strategy.strategy: _spread_quantiles(inputs, day, as_of, strategy)
            for strategy in inputs.strategies
        }
        made: list[pl.DataFrame] = []
        money: list[pl.DataFrame] = []
        for strategy in inputs.strategies:
            since = day - timedelta(days=HISTORY_DAYS)
            known = zone_outcomes(
                inputs.raw,
                zone=inputs.zone,
                settled_against=strategy.settled_against,
                as_of_utc=as_of,
                first_day=since,
            )
            for role, version in _speakers(inputs.forecasts, day):
                desk = DeskBefore(signals=_of_two_days([signals, *made], day), settlements=settlements)
                decision = decide_signals(
                    _request(
                        inputs, moment, strategy, (role, version), known, desk, spreads[strategy.strategy]
                    )
                )
                decisions.append(decision)
                made.append(decision.frame)
                if day != days[-1]:
                    later = final[strategy.strategy].filter(pl.col("delivery_day") == day)
                    money.append(
                        settle_signals(decision.frame, later, strategy, bid_curves=decision.bid_curves)
                    )
                if not decision.readiness.is_ready and role == "champion":
                    not_ready.append(f"{day}: {'; '.join(decision.readiness.reasons)}")
                if decision.requests_halt and as_of == inputs.now and role == "champion":
                    halts.append(f"{strategy.strategy} on {day}: {decision.frame['limits_applied'][0]}")
        signals, settlements = pl.concat([signals, *made]), pl.concat([settlements, *money])
    return _walked(decisions, tuple(dict.fromkeys(not_ready)), tuple(halts))


def _speakers(forecasts: pl.DataFrame, day: date) -> list[tuple[Role, str]]:
    """Role and version of everyone who forecast the day; the champion always, even when it said nothing."""
    rows = (
        forecasts.filter(pl.col("delivery_day") == day)
        .select("role", "model_version")
        .unique()
        .sort("role", "model_version")
        .rows()
    )
    champion = next((version for role, version in rows if role == "champion"), "none")
    return [("champion", champion), *((role, version) for role, version in rows if role != "champion")]


def _of_two_days(frames: Sequence[pl.DataFrame], day: date) -> pl.DataFrame:
    return pl.concat(frames).filter(pl.col("delivery_day").is_between(day - timedelta(days=1), day))


def _spread_quantiles(inputs: WalkInputs, day: date, as_of: datetime, strategy: Strategy) -> Floats | None:
    """(P, 9) of the spread where the strategy wants a fitted one and somebody serves the day."""
    if inputs.spread is None or not strategy.needs_spread_model:
        return None
    return inputs.spread.quantiles(
        SpreadMoment(inputs.zone, day, as_of, inputs.raw, inputs.features, strategy.settled_against)
    )


def desk_price(
    raw: Mapping[str, pl.DataFrame], zone: str, day: date, as_of_utc: datetime, strategy: Strategy
) -> Floats | None:
    """(P,) the curve that a strategy closes at, as the desk gave it by then.

    None where it gave none.
    """
    if not strategy.closes_at_desk_price:
        return None
    minutes = day_ahead_mtu_minutes(zone, day)
    starts = delivery_starts_utc(zone, day, minutes)
    return reference_curve(raw, zone=zone, starts_utc=starts, minutes=minutes, as_of_utc=as_of_utc)


def _request(
    inputs: WalkInputs,
    moment: _Moment,
    strategy: Strategy,
    speaker: tuple[Role, str],
    known: pl.DataFrame,
    desk: DeskBefore,
    spread_quantiles: Floats | None,
) -> SignalRequest:
    (role, version), day, as_of = speaker, moment.day, moment.as_of_utc
    trained = inputs.trained_through.get(version)
    is_replay = as_of < inputs.now
    return SignalRequest(
        zone=inputs.zone,
        delivery_day=day,
        strategy=strategy,
        forecast=inputs.forecasts.filter(
            pl.col("delivery_day") == day, pl.col("role") == role, pl.col("model_version") == version
        ),
        as_of_utc=as_of,
        limits=inputs.limits,
        trading_state=TradingState.ACTIVE if is_replay else inputs.trading_state,
        history=known,
        reference=desk_price(inputs.raw, inputs.zone, day, as_of, strategy),
        desk_signals=desk.signals,
        settlements=desk.settlements,
        spread_quantiles=spread_quantiles,
        strategy_model_version=(
            "none" if spread_quantiles is None or inputs.spread is None else inputs.spread.version(day)
        ),
        model_age_days=None if trained is None else float((day - trained).days),
        essential_data_utc=moment.essential_data_utc,
        drift_status=inputs.drift_status,
        role=role,
        mode="live" if inputs.is_live and not is_replay and role == "champion" else "paper",
    )


def _walked(
    decisions: Sequence[SignalDecision], not_ready: tuple[str, ...], halts: tuple[str, ...]
) -> WalkedSignals:
    return WalkedSignals(
        signals=pl.concat([SIGNALS.empty(), *(d.frame for d in decisions)]),
        events=pl.concat([RISK_EVENTS.empty(), *(d.events for d in decisions)]).unique(
            "event_id", maintain_order=True
        ),
        bid_curves=pl.concat([BID_CURVES.empty(), *(d.bid_curves for d in decisions)]),
        conformance=pl.concat([LIMIT_CONFORMANCE.empty(), *(d.conformance for d in decisions)]),
        not_ready=not_ready,
        halt_requests=halts,
    )


def empty_desk() -> DeskBefore:
    """A desk that holds nothing yet."""
    return DeskBefore(signals=SIGNALS.empty(), settlements=SETTLEMENTS.empty())
