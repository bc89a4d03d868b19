"""From forecast to signals: readiness, the strategy's proposal, trading state, limits.

There is one row per market time unit, flat included.

`decide_signals` is the only door. Live, backtest and replay call it with the same request, and only the
instant differs.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from spot.contracts.forecast_tables import DAY_AHEAD_FORECASTS, QUANTILE_COLUMNS
from spot.contracts.signal_tables import LIMIT_CONFORMANCE
from spot.contracts.words import LimitScope
from spot.market.delivery import day_ahead_mtu_minutes, delivery_starts_utc
from spot.risk.exposure import Conditions, Orders, ScopeUse, measure
from spot.risk.limit_book import Limit
from spot.risk.limit_event import LimitEvent
from spot.risk.limits import apply_limits, apply_state, bound, take_any_price
from spot.risk.overrides import with_overrides
from spot.risk.reductions import GATES
from spot.strategy.blocks.choices import choices_of
from spot.strategy.blocks.frames import block_frame, group_texts
from spot.strategy.blocks.groups import BlockGroup
from spot.strategy.conformance import limit_conformance
from spot.strategy.desk_state import desk_uses
from spot.strategy.proposals.view import MarketView, Proposal, mean_of_quantiles
from spot.strategy.readiness.forecast_readiness import assess_forecast_readiness, select_forecast
from spot.strategy.request import SignalDecision, SignalRequest
from spot.strategy.signal_frames import curve_frame, event_frame, signal_frame
from spot.strategy.sizing import round_towards_zero

_TAILS = ("max_value_at_risk_eur", "max_expected_shortfall_eur")
"""The only limits on orders whose measure can grow when a part of a plan gets smaller."""


def decide_signals(request: SignalRequest) -> SignalDecision:
    """Signals for every unit of the day.

    Flat with reasons whenever forecast, state or limits do not allow a position.

    Raises:
        ConfigurationError: unknown zone, or no auction on the day.
        ForecastError: the battery's programme has no optimum.
    """
    verdict = assess_forecast_readiness(
        request.forecast,
        zone=request.zone,
        delivery_day=request.delivery_day,
        role=request.role,
        as_of_utc=request.as_of_utc,
    )
    rows = forecast_rows(request)
    view = market_view(request, rows if verdict.is_ready else None)
    proposal = request.strategy.propose(view) if verdict.is_ready else _nothing(view)
    orders = Orders(
        exposure_mw=round_towards_zero(proposal.exposure_mw, request.strategy.volume_step_mw),
        limit_price=proposal.limit_price,
        expected_price=view.mean,
        hours=view.hours,
        scenarios=proposal.scenarios,
        keeps_shape=proposal.keeps_shape,
        are_paths=proposal.are_paths,
        costs_eur_per_mwh=proposal.costs_eur_per_mwh,
    )
    orders, groups = _in_groups(request, proposal, orders)
    uses = desk_uses(
        request.desk_signals, request.settlements, zone=request.zone, strategy=request.strategy.strategy,
        delivery_day=request.delivery_day, starts_utc=view.starts_utc, as_of_utc=request.as_of_utc,
    )  # fmt: skip
    final, events, conformance, halts = _under_control(request, orders, uses, rows, proposal)
    if not np.array_equal(final.exposure_mw, orders.exposure_mw):
        groups = _in_groups(request, proposal, final)[1]
    if not verdict.is_ready:
        events = (*(_not_ready(reason) for reason in verdict.reasons), *events)
    if groups:
        texts = group_texts(proposal.texts, groups, view, -proposal.scenarios)
        proposal = replace(proposal, texts=texts)
    frame = signal_frame(
        request, view, proposal, (orders, final), rows, groups=groups, events=events, verdict=verdict
    )
    return SignalDecision(
        frame=frame,
        events=event_frame(request, events),
        bid_curves=curve_frame(frame, proposal, orders, final, step_mw=request.strategy.volume_step_mw),
        block_orders=block_frame(frame, groups, final, price_step=proposal.price_step_eur_per_mwh),
        conformance=conformance,
        readiness=verdict,
        requests_halt=halts,
    )


def _under_control(
    request: SignalRequest,
    orders: Orders,
    uses: Mapping[LimitScope, ScopeUse],
    rows: pl.DataFrame,
    proposal: Proposal,
) -> tuple[Orders, tuple[LimitEvent, ...], pl.DataFrame, bool]:
    """Orders after trading state, overrides and limits.

    A plan that these have cut is rounded again to a whole plan below them, or is given up.
    """
    zone, strategy = request.zone, request.strategy.strategy
    conditions = Conditions(
        model_age_days=request.model_age_days,
        data_age_hours=data_age_hours(request),
        drift_status=request.drift_status,
    )
    moved, override_events = with_overrides(
        request.limits.limits(zone, strategy, request.delivery_day),
        request.limits.overrides(),
        zone=zone,
        strategy=strategy,
        as_of_utc=request.as_of_utc,
    )
    smaller = replace(orders, exposure_mw=orders.exposure_mw * request.size_share)
    stated = apply_state(take_any_price(smaller, moved), request.trading_state, uses["zone"].net_mw)
    limited = apply_limits(stated.orders, moved, uses, conditions)
    final = replace(
        limited.orders,
        exposure_mw=round_towards_zero(limited.orders.exposure_mw, request.strategy.volume_step_mw),
    )
    if proposal.recut is not None and not np.array_equal(limited.orders.exposure_mw, orders.exposure_mw):
        # A smaller plan has other groups, so that each limit on it is measured again.
        again = [one for one in moved if one.kind in _TAILS or (orders.choices and one.kind not in GATES)]
        daily = {one.scope: one.value for one in moved if one.kind == "max_mwh_per_day"}
        final = _whole_again(
            limited.orders,
            lambda some: take_any_price(_recut(request, proposal, some), moved),
            lambda some: all(
                _keeps(one, some, uses[one.scope], conditions, daily[one.scope]) for one in again
            ),
        )
    events = (*override_events, *_canary_event(request, orders), *stated.events, *limited.events)
    conformance = limit_conformance(final, moved, uses, conditions, events=events).with_columns(
        zone=pl.lit(zone),
        delivery_day=pl.lit(request.delivery_day),
        strategy=pl.lit(strategy),
        role=pl.lit(request.role),
        model_version=pl.lit(rows["model_version"][0] if rows.height else None, pl.String),
        as_of_utc=pl.lit(request.as_of_utc),
    )
    return (
        final,
        events,
        conformance.select(LIMIT_CONFORMANCE.columns.keys()).cast(LIMIT_CONFORMANCE.schema),
        limited.requests_halt,
    )


def _canary_event(request: SignalRequest, orders: Orders) -> tuple[LimitEvent, ...]:
    """What a canary takes off the orders; nothing in the usual case."""
    if request.size_share >= 1.0 or orders.is_flat:
        return ()
    most = float(np.abs(orders.exposure_mw).max())
    return (
        LimitEvent(
            kind="state",
            scope="strategy",
            limit_name="canary",
            value=most,
            limit_value=most * request.size_share,
            action="reduce",
            detail=f"the model version is a canary: {request.size_share:.0%} of the size",
        ),
    )


def _whole_again(
    orders: Orders, recut: Callable[[Orders], Orders], is_kept: Callable[[Orders], bool]
) -> Orders:
    """The largest plan in whole steps below a plan that limits have cut.

    Smaller ones are tried where a limit on it is exceeded.
    """
    smaller = (recut(orders.scaled(share)) for share in (1.0, 0.95, 0.8, 0.5))
    return next((plan for plan in smaller if is_kept(plan)), orders.flat())


def _recut(request: SignalRequest, proposal: Proposal, orders: Orders) -> Orders:
    """The orders as a whole plan again, and its groups."""
    exposure = orders.exposure_mw if proposal.recut is None else proposal.recut(orders.exposure_mw)
    return _in_groups(request, proposal, replace(orders, exposure_mw=exposure))[0]


def _in_groups(
    request: SignalRequest, proposal: Proposal, orders: Orders
) -> tuple[Orders, tuple[BlockGroup, ...]]:
    """The orders with the exclusive groups that they are sent as, at any price; as they are without."""
    if proposal.groups is None:
        return orders, ()
    largest = np.inf if orders.choices is None else float(orders.worst_mw.max(initial=0.0))
    groups = proposal.groups(orders.exposure_mw, largest)
    sides = np.zeros(len(orders.exposure_mw))
    for group in groups:
        sides[group.window] = group.side
    choices = choices_of(
        groups,
        prices=orders.expected_price,
        paths=-orders.scenarios,
        hours=orders.hours,
        costs_eur_per_mwh=orders.costs_eur_per_mwh,
        rules=request.strategy.fill_rules,
    )
    return replace(orders, choices=choices, limit_price=np.where(sides > 0, np.inf, -np.inf)), groups


def _keeps(
    limit: Limit, orders: Orders, use: ScopeUse, conditions: Conditions, daily_mwh: float | None
) -> bool:
    used = measure(limit.kind, limit.scope, orders, use, conditions, daily_mwh_limit=daily_mwh)
    return orders.is_flat or bool(used <= bound(limit) + 1e-6)


def forecast_rows(request: SignalRequest) -> pl.DataFrame:
    """The rows of the forecast that the decision rests on, perhaps none."""
    if any(request.forecast.schema.get(name) != dtype for name, dtype in DAY_AHEAD_FORECASTS.schema.items()):
        return pl.DataFrame()
    return select_forecast(
        request.forecast, zone=request.zone, delivery_day=request.delivery_day, role=request.role
    )


def market_view(request: SignalRequest, rows: pl.DataFrame | None) -> MarketView:
    """The market as the strategy sees it; None stands for no valid forecast."""
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
        past_forecasts=request.past_forecasts.filter(pl.col("as_of_utc") <= request.as_of_utc),
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


def data_age_hours(request: SignalRequest) -> float | None:
    """Age of the essential data at the decision; None where it is not known."""
    return (
        None
        if request.essential_data_utc is None
        else (request.as_of_utc - request.essential_data_utc).total_seconds() / 3600.0
    )


def _not_ready(reason: str) -> LimitEvent:
    return LimitEvent(
        kind="denied",
        scope="forecast",
        limit_name="readiness",
        value=np.nan,
        limit_value=np.nan,
        action="block",
        detail=reason,
    )
