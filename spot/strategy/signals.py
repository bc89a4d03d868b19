"""Forecast to signals: readiness, the strategy's proposal, trading state, limits, and one row per market time unit, flat included.

`decide_signals` is the only door: live, backtest and replay call it with the same request, and only the instant differs.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal

import numpy as np
import polars as pl

from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.contracts.panel import Floats
from spot.contracts.signal_tables import BID_CURVES, LIMIT_CONFORMANCE, RISK_EVENTS, SETTLEMENTS, SIGNALS
from spot.market.delivery import day_ahead_mtu_minutes, delivery_starts_utc
from spot.market.gates import gate_closure_utc
from spot.risk.exposure import Conditions, Orders, ScopeUse
from spot.risk.limit_book import LimitBook, Scope
from spot.risk.limits import LimitEvent, apply_limits, apply_state, take_any_price, with_overrides
from spot.risk.outcomes import OUTCOME_SCHEMA
from spot.risk.state import TradingState
from spot.strategy.conformance import limit_conformance
from spot.strategy.desk_state import desk_uses
from spot.strategy.price_view import PriceViewStrategy
from spot.strategy.readiness import ReadinessVerdict, assess_forecast_readiness, select_forecast
from spot.strategy.settings import PriceViewSettings, SettlementSpreadSettings, StorageSettings
from spot.strategy.settlement_spread import SettlementSpreadStrategy
from spot.strategy.sizing import round_towards_zero
from spot.strategy.storage import StorageStrategy
from spot.strategy.view import MarketView, Proposal, Strategy, mean_of_quantiles

Settings = SettlementSpreadSettings | StorageSettings | PriceViewSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRequest:
    """All that a decision depends on; nothing else is read."""

    zone: str
    delivery_day: date
    strategy: Settings
    forecast: pl.DataFrame
    """Rows of `day_ahead_forecasts`, perhaps none."""
    as_of_utc: datetime
    """Instant of the decision: now when live, the gate closure in a backtest."""
    limits: LimitBook
    trading_state: TradingState
    """The stricter of desk and zone; HALTED when it cannot be read."""
    history: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=OUTCOME_SCHEMA))
    """Outcomes as known at `as_of_utc` (`spot.risk.outcomes.build_outcomes`)."""
    desk_signals: pl.DataFrame = field(default_factory=SIGNALS.empty)
    """Signals of the whole desk for this day and the day before."""
    settlements: pl.DataFrame = field(default_factory=SETTLEMENTS.empty)
    """Settled money of the whole desk so far."""
    spread_quantiles: Floats | None = None
    """(P, 9) from a fitted spread model."""
    reference: Floats | None = None
    """(P,) the desk's own prices for `price_view`."""
    model_age_days: float | None = None
    """Not known denies."""
    drift_status: str | None = None
    """ok, not_assessed, alert or cannot_see; not known denies."""
    role: Literal["champion", "challenger"] = "champion"
    mode: Literal["paper", "live"] = "paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDecision:
    """The signals of one zone, day and strategy, and everything that was judged on the way."""

    frame: pl.DataFrame
    """Contract `signals`: every unit of the day."""
    events: pl.DataFrame
    """Contract `risk_events`."""
    bid_curves: pl.DataFrame
    """Contract `bid_curves`; empty where the market takes no curve."""
    conformance: pl.DataFrame
    """Contract `limit_conformance`."""
    readiness: ReadinessVerdict
    requests_halt: bool
    """A breach whose action is halt: the caller halts the zone."""


def make_strategy(settings: Settings) -> Strategy:
    """The strategy of its settings."""
    if isinstance(settings, StorageSettings):
        return StorageStrategy(settings)
    return SettlementSpreadStrategy(settings) if isinstance(settings, SettlementSpreadSettings) else PriceViewStrategy(settings)


def decide_signals(request: SignalRequest) -> SignalDecision:
    """Signals for every unit of the day; flat with reasons whenever forecast, state or limits do not allow a position.

    Raises:
        ConfigurationError: unknown zone, or no auction on the day.
        ForecastError: the battery's programme has no optimum.
    """
    verdict = assess_forecast_readiness(
        request.forecast, zone=request.zone, delivery_day=request.delivery_day, role=request.role, as_of_utc=request.as_of_utc
    )
    rows = _forecast_rows(request)
    view = _view(request, rows if verdict.is_ready else None)
    proposal = make_strategy(request.strategy).propose(view) if verdict.is_ready else _nothing(view)
    orders = Orders(
        exposure_mw=round_towards_zero(proposal.exposure_mw, request.strategy.volume_step_mw),
        limit_price=proposal.limit_price,
        expected_price=view.mean,
        hours=view.hours,
        scenarios=proposal.scenarios,
        keeps_shape=proposal.keeps_shape,
    )
    uses = desk_uses(
        request.desk_signals, request.settlements, zone=request.zone, strategy=request.strategy.strategy,
        delivery_day=request.delivery_day, starts_utc=view.starts_utc, as_of_utc=request.as_of_utc,
    )  # fmt: skip
    final, events, conformance, halts = _under_control(request, orders, uses, rows)
    if not verdict.is_ready:
        events = (*(_not_ready(reason) for reason in verdict.reasons), *events)
    frame = _signal_frame(request, view, proposal, final, rows, events=events, verdict=verdict)
    return SignalDecision(
        frame=frame,
        events=_event_frame(request, events),
        bid_curves=_curve_frame(frame, proposal, orders, final),
        conformance=conformance,
        readiness=verdict,
        requests_halt=halts,
    )


def _under_control(
    request: SignalRequest, orders: Orders, uses: Mapping[Scope, ScopeUse], rows: pl.DataFrame
) -> tuple[Orders, tuple[LimitEvent, ...], pl.DataFrame, bool]:
    """Trading state, overrides and limits; the shape of a plan survives rounding because it is scaled before it is rounded again."""
    zone, strategy = request.zone, request.strategy.strategy
    conditions = Conditions(model_age_days=request.model_age_days, data_age_hours=_data_age_hours(request, rows), drift_status=request.drift_status)
    moved, override_events = with_overrides(
        request.limits.limits(zone, strategy), request.limits.overrides(), zone=zone, strategy=strategy, as_of_utc=request.as_of_utc
    )
    stated = apply_state(take_any_price(orders, moved), request.trading_state, uses["zone"].net_mw)
    limited = apply_limits(stated.orders, moved, uses, conditions)
    final = replace(limited.orders, exposure_mw=round_towards_zero(limited.orders.exposure_mw, request.strategy.volume_step_mw))
    events = (*override_events, *stated.events, *limited.events)
    conformance = limit_conformance(final, moved, uses, conditions, events=events).with_columns(
        zone=pl.lit(zone),
        delivery_day=pl.lit(request.delivery_day),
        strategy=pl.lit(strategy),
        role=pl.lit(request.role),
        as_of_utc=pl.lit(request.as_of_utc),
    )
    return final, events, conformance.select(LIMIT_CONFORMANCE.columns.keys()).cast(LIMIT_CONFORMANCE.schema), limited.requests_halt  # type: ignore[arg-type]


def _forecast_rows(request: SignalRequest) -> pl.DataFrame:
    if not {"zone", "delivery_day", "role", "delivery_start_utc"} <= set(request.forecast.columns):
        return pl.DataFrame()
    return select_forecast(request.forecast, zone=request.zone, delivery_day=request.delivery_day, role=request.role)


def _view(request: SignalRequest, rows: pl.DataFrame | None) -> MarketView:
    if rows is None:
        minutes = day_ahead_mtu_minutes(request.zone, request.delivery_day)
        n_units = len(delivery_starts_utc(request.zone, request.delivery_day, minutes))
        quantiles = np.full((n_units, len(QUANTILE_COLUMNS)), np.nan)
    else:
        minutes = int(rows["resolution_minutes"][0])
        quantiles = rows.select(QUANTILE_COLUMNS.values()).to_numpy()
    return MarketView(
        zone=request.zone,
        delivery_day=request.delivery_day,
        starts_utc=delivery_starts_utc(request.zone, request.delivery_day, minutes),
        resolution_minutes=minutes,
        quantiles=quantiles,
        mean=mean_of_quantiles(quantiles),
        history=request.history.filter(pl.col("known_at_utc") <= request.as_of_utc),
        spread_quantiles=request.spread_quantiles,
        reference=request.reference,
    )


def _nothing(view: MarketView) -> Proposal:
    nan = np.full(len(view.starts_utc), np.nan)
    return Proposal(
        exposure_mw=np.zeros(len(nan)),
        limit_price=nan,
        expected_reference=nan,
        edge=nan,
        risk=nan,
        probability=nan,
        scenarios=np.zeros((0, len(nan))),
    )


def _data_age_hours(request: SignalRequest, rows: pl.DataFrame) -> float | None:
    newest = rows["newest_input_utc"].max() if "newest_input_utc" in rows.columns else None
    return (request.as_of_utc - newest).total_seconds() / 3600.0 if isinstance(newest, datetime) else None


def _signal_frame(
    request: SignalRequest,
    view: MarketView,
    proposal: Proposal,
    final: Orders,
    rows: pl.DataFrame,
    *,
    events: tuple[LimitEvent, ...],
    verdict: ReadinessVerdict,
) -> pl.DataFrame:
    n_units, gate = len(view.starts_utc), gate_closure_utc(request.zone, request.delivery_day)
    size = np.abs(final.exposure_mw)
    risk = final.risk() if not final.is_flat else None
    origin = (
        rows.row(0, named=True) if verdict.is_ready else {"model_name": "none", "model_version": "none", "data_version": "none", "source": "none"}
    )
    stopped = "; ".join(verdict.reasons) if not verdict.is_ready else ""
    texts = proposal.texts or ("",) * n_units
    cut = "; ".join(event.detail for event in events if event.kind in ("breach", "denied", "state", "override"))
    frame = pl.DataFrame(
        {
            "delivery_start_utc": view.starts_utc,
            "side": [("sell", "flat", "buy")[int(np.sign(mw)) + 1] for mw in final.exposure_mw],
            "volume_mw": size,
            "limit_price_eur_per_mwh": _known(np.where(size > 0, final.limit_price, np.nan)),
            "expected_price_eur_per_mwh": _known(view.mean),
            "expected_reference_eur_per_mwh": _known(proposal.expected_reference),
            "edge_eur_per_mwh": _known(proposal.edge),
            "risk_eur_per_mwh": _known(proposal.risk),
            "expected_value_eur": np.where(size > 0, size * view.hours * np.nan_to_num(proposal.edge), 0.0),
            "probability_frac": _known(np.clip(proposal.probability, 0.0, 1.0)),
            "horizon_hours": [(start - request.as_of_utc).total_seconds() / 3600.0 for start in view.starts_utc],
            "reasons": [stopped or text or "no reason" for text in texts],
        },
        schema_overrides={"delivery_start_utc": SIGNALS.schema["delivery_start_utc"]},
    ).with_columns(
        zone=pl.lit(request.zone),
        delivery_day=pl.lit(request.delivery_day),
        resolution_minutes=pl.lit(view.resolution_minutes, pl.Int32),
        strategy=pl.lit(request.strategy.strategy),
        role=pl.lit(request.role),
        market=pl.lit("day_ahead"),
        settled_against=pl.lit(request.strategy.settled_against),
        value_at_risk_eur=pl.lit(0.0 if risk is None else risk.value_at_risk_eur),
        expected_shortfall_eur=pl.lit(0.0 if risk is None else risk.expected_shortfall_eur),
        as_of_utc=pl.lit(request.as_of_utc),
        gate_closure_utc=pl.lit(gate),
        valid_until_utc=pl.lit(gate),
        model_name=pl.lit(origin["model_name"]),
        model_version=pl.lit(origin["model_version"]),
        data_version=pl.lit(origin["data_version"]),
        settings_hash=pl.lit(settings_hash(request.strategy, request.limits)),
        source=pl.lit(origin["source"]),
        mode=pl.lit(request.mode),
        trading_state=pl.lit(str(request.trading_state)),
        is_firm=pl.lit(proposal.is_firm),
        limits_applied=pl.lit(cut),
    )
    return with_signal_ids(frame).select(SIGNALS.columns.keys()).cast(SIGNALS.schema)  # type: ignore[arg-type]


def with_signal_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with `signal_id`: a hash of what each row says and on which model and data it stands."""
    said = (
        "zone", "strategy", "role", "market", "delivery_start_utc", "side", "volume_mw", "limit_price_eur_per_mwh", "model_version", "data_version",
        "settings_hash", "as_of_utc", "mode",
    )  # fmt: skip
    texts = frame.select(pl.concat_str([pl.col(name).cast(pl.String).fill_null("-") for name in said], separator="|")).to_series()
    return frame.with_columns(signal_id=pl.Series([hashlib.sha256(text.encode()).hexdigest()[:24] for text in texts], dtype=pl.String))


def settings_hash(strategy: Settings, limits: LimitBook) -> str:
    """Twelve hex digits of the strategy's settings and the limits."""
    text = strategy.model_dump_json() + json.dumps(limits.document, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _known(values: Floats) -> pl.Series:
    """Infinite and NaN become null: a contract column holds numbers or nothing."""
    return pl.Series(np.where(np.isfinite(values), values, np.nan), dtype=pl.Float64).fill_nan(None)


def _not_ready(reason: str) -> LimitEvent:
    return LimitEvent(kind="denied", scope="forecast", limit_name="readiness", value=np.nan, limit_value=np.nan, action="block", detail=reason)


def _event_frame(request: SignalRequest, events: tuple[LimitEvent, ...]) -> pl.DataFrame:
    if not events:
        return RISK_EVENTS.empty()
    who = (request.zone, str(request.delivery_day), request.strategy.strategy, request.role, request.as_of_utc.isoformat())
    return pl.DataFrame(
        {
            "event_id": [hashlib.sha256("|".join((*who, e.kind, e.scope, e.limit_name, e.detail)).encode()).hexdigest()[:24] for e in events],
            "zone": request.zone,
            "delivery_day": request.delivery_day,
            "strategy": request.strategy.strategy,
            "role": request.role,
            "kind": ["not_ready" if e.scope == "forecast" else e.kind for e in events],
            "scope": [e.scope for e in events],
            "limit_name": [e.limit_name for e in events],
            "value": _known(np.array([e.value for e in events])),
            "limit_value": _known(np.array([e.limit_value for e in events])),
            "action": [e.action for e in events],
            "detail": [e.detail for e in events],
            "as_of_utc": request.as_of_utc,
        },
        schema=RISK_EVENTS.schema,
    ).unique("event_id", maintain_order=True)


def _curve_frame(frame: pl.DataFrame, proposal: Proposal, proposed: Orders, final: Orders) -> pl.DataFrame:
    """The curve's steps, volumes scaled as the limits scaled the order, prices inside what the limits left."""
    if not proposal.curve or final.is_flat:
        return BID_CURVES.empty()
    steps = []
    for unit, curve in enumerate(proposal.curve):
        mw, before = final.exposure_mw[unit], proposed.exposure_mw[unit]
        top = abs(mw / before) if before else 0.0
        for number, (price, volume) in enumerate(curve, start=1):
            scaled = round(min(volume * top, abs(mw)), 6)
            if mw and scaled > 0:
                worst = final.limit_price[unit]
                steps.append((unit, number, min(price, worst) if mw > 0 else max(price, worst), scaled))
    if not steps:
        return BID_CURVES.empty()
    table = pl.DataFrame(steps, schema={"unit": pl.UInt32, "step": pl.Int32, "price_eur_per_mwh": pl.Float64, "volume_mw": pl.Float64}, orient="row")
    rows = frame.drop("volume_mw").with_row_index("unit").join(table, on="unit", how="inner")
    return rows.select(BID_CURVES.columns.keys()).cast(BID_CURVES.schema).sort("delivery_start_utc", "step")  # type: ignore[arg-type]
