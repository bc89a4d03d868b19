"""Pre-trade limits: pure functions that let orders through, make them smaller, or stop them.

Whatever is not understood stops them.

Every limit reads "not above". A limit without a usable number, and a measure that is NaN, deny. After all
reductions every limit is measured once more on what is left; anything still above makes the orders flat. So
no breach can leave this module.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np

from spot.arrays import Floats
from spot.risk.exposure import Conditions, Orders, ScopeUse, measure
from spot.risk.limit_book import LIMIT_KINDS, SCOPES, Limit, Override, Scope, as_written
from spot.risk.state import TradingState

GATES = (
    "max_model_age_days",
    "max_data_age_hours",
    "max_drift_level",
    "max_daily_loss_eur",
    "max_drawdown_eur",
)
"""Limits on the world, not on the orders: `reduce` scales the orders by limit over value, which cannot bring the
value down.
"""
_TOLERANCE = 1e-9
_ABSURD_MW = 1e6
_NEEDED = {(scope, kind) for scope in SCOPES for kind in LIMIT_KINDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitEvent:
    """One breach, denial or override with its numbers; NaN where nothing could be measured."""

    kind: Literal["breach", "denied", "state", "override", "override_rejected"]
    scope: str
    limit_name: str
    value: float
    limit_value: float
    action: Literal["reduce", "block", "halt", "none"]
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitedOrders:
    """Orders that keep every limit, and what was done to them."""

    orders: Orders
    events: tuple[LimitEvent, ...]
    requests_halt: bool


def apply_limits(
    orders: Orders, limits: Sequence[Limit], uses: Mapping[Scope, ScopeUse], conditions: Conditions
) -> LimitedOrders:
    """The orders cut to the limits. Missing limits, and an empty list of them, deny."""
    events = [
        _denied(limit, np.nan, limit.problem or "not a finite number")
        for limit in limits
        if not np.isfinite(bound(limit))
    ]
    if not _is_complete(limits):
        events.append(
            LimitEvent(
                kind="denied",
                scope="desk",
                limit_name="all",
                value=np.nan,
                limit_value=np.nan,
                action="block",
                detail="limits are missing",
            )
        )
    allowed = orders.flat() if events else orders
    if not (np.abs(orders.exposure_mw) <= _ABSURD_MW).all():
        why = f"an order is not finite or above {_ABSURD_MW:g} MW"
        events.append(
            LimitEvent(
                kind="denied",
                scope="strategy",
                limit_name="exposure",
                value=np.nan,
                limit_value=_ABSURD_MW,
                action="block",
                detail=why,
            )
        )
        allowed = replace(orders, exposure_mw=np.zeros(len(orders.exposure_mw)))
    daily_mwh = {limit.scope: limit.value for limit in limits if limit.kind == "max_mwh_per_day"}
    requests_halt = False
    for kind in LIMIT_KINDS:
        before = allowed
        for limit in (limit for limit in limits if limit.kind == kind and np.isfinite(bound(limit))):
            # One old model is one fact, not three: of the scopes' scalings by a gate the strictest holds.
            cut, event = _apply(
                before if kind in GATES else allowed,
                limit,
                uses[limit.scope],
                conditions,
                daily_mwh.get(limit.scope),
            )
            allowed = min(allowed, cut, key=lambda orders: orders.mwh) if kind in GATES else cut
            if event is not None:
                events.append(event)
                requests_halt = requests_halt or event.action == "halt"
    if not allowed.is_flat:
        left = [
            limit
            for limit in limits
            if limit.kind not in GATES
            and _is_above(allowed, limit, uses[limit.scope], conditions, daily_mwh.get(limit.scope))
        ]
        if left:
            events += [_denied(limit, np.nan, "still above the limit after all reductions") for limit in left]
            allowed = allowed.flat()
    return LimitedOrders(orders=allowed, events=tuple(events), requests_halt=requests_halt)


def take_any_price(orders: Orders, limits: Sequence[Limit]) -> Orders:
    """Orders at infinite limit prices brought to the worst price that every collar allows, to the cent on the safe side.

    A price taker asks for no more than that, so it is no breach. Without usable collars the price stays
    infinite, and that is denied later.
    """
    values = {
        kind: [limit.value for limit in limits if limit.kind == kind and limit.value is not None]
        for kind in LIMIT_KINDS
    }
    highest = min(values["max_price_eur_per_mwh"], default=np.inf)
    lowest = max(values["min_price_eur_per_mwh"], default=-np.inf)
    distance = min(values["max_price_distance_eur_per_mwh"], default=np.inf)
    with np.errstate(invalid="ignore"):
        worst_buy = np.floor(100.0 * np.minimum(highest, orders.expected_price + distance)) / 100.0
        worst_sell = np.ceil(100.0 * np.maximum(lowest, orders.expected_price - distance)) / 100.0
    prices = np.where(
        np.isposinf(orders.limit_price),
        worst_buy,
        np.where(np.isneginf(orders.limit_price), worst_sell, orders.limit_price),
    )
    return replace(orders, limit_price=prices)


def _is_complete(limits: Sequence[Limit]) -> bool:
    """Every kind in every scope, once."""
    found = {(limit.scope, limit.kind) for limit in limits}
    return len(limits) == len(found) and found == _NEEDED


def apply_state(orders: Orders, state: TradingState, open_net_mw: Floats) -> LimitedOrders:
    """ACTIVE lets all through, REDUCING only what brings the open position `open_net_mw` (P,) nearer to zero, HALTED nothing."""
    if state is TradingState.ACTIVE or orders.is_flat:
        return LimitedOrders(orders=orders, events=(), requests_halt=False)
    room = np.abs(open_net_mw) if state is TradingState.REDUCING else np.zeros_like(orders.exposure_mw)
    against = np.sign(orders.exposure_mw) * np.sign(open_net_mw) < 0
    kept = np.where(against, np.sign(orders.exposure_mw) * np.minimum(np.abs(orders.exposure_mw), room), 0.0)
    if orders.keeps_shape and not np.array_equal(kept, orders.exposure_mw):
        kept = np.zeros_like(kept)
    event = LimitEvent(
        kind="state",
        scope="zone",
        limit_name="trading_state",
        value=float(np.abs(orders.exposure_mw).max()),
        limit_value=float(np.abs(kept).max()),
        action="reduce" if np.any(kept) else "block",
        detail=f"trading state is {state}",
    )
    return LimitedOrders(orders=replace(orders, exposure_mw=kept), events=(event,), requests_halt=False)


def with_overrides(
    limits: Sequence[Limit], overrides: Sequence[Override], *, zone: str, strategy: str, as_of_utc: datetime
) -> tuple[tuple[Limit, ...], tuple[LimitEvent, ...]]:
    """The limits with every valid override in place, and an event for each override that was used or refused.

    An override needs a limit that is there: it moves a number, it cannot replace a missing one.
    """
    events: list[LimitEvent] = []
    result = list(limits)
    for override in overrides:
        if override.names_nothing:
            events.append(_refused(override))
            continue
        for i, limit in enumerate(result):
            if not override.concerns(limit, zone, strategy):
                continue
            problem = _override_problem(override, limit, as_of_utc)
            text = f"{override.name or 'nobody'}: {override.reason or 'no reason'}, " + (
                problem or f"until {override.expires_utc}"
            )
            events.append(
                LimitEvent(
                    kind="override_rejected" if problem else "override",
                    scope=limit.scope,
                    limit_name=limit.kind,
                    action="none",
                    detail=text,
                    value=np.nan if override.value is None else override.value,
                    limit_value=np.nan if limit.value is None else limit.value,
                )
            )
            if not problem:
                result[i] = replace(limit, value=override.value)
    return tuple(result), tuple(events)


def _refused(override: Override) -> LimitEvent:
    """An override that names no limit there is."""
    scope = override.scope if override.scope in SCOPES else "desk"
    said = (
        f"override of {override.scope or 'no scope'} {override.kind or 'no kind'} by"
        f" {override.name or 'nobody'}: {override.problem}"
    )
    value = np.nan if override.value is None else override.value
    name = override.kind or "none"
    return LimitEvent(
        kind="override_rejected",
        scope=scope,
        limit_name=name,
        value=value,
        limit_value=np.nan,
        action="none",
        detail=said,
    )


def _override_problem(override: Override, limit: Limit, as_of_utc: datetime) -> str:
    if override.problem or override.expires_utc is None or override.value is None:
        return override.problem or "incomplete"
    if override.expires_utc <= as_of_utc:
        return f"expired at {override.expires_utc}"
    if override.value < 0 and limit.kind != "min_price_eur_per_mwh":
        return "below zero"
    return "the limit itself is missing" if limit.value is None else ""


def bound(limit: Limit) -> float:
    """The number that the measure may not exceed; NaN when there is none."""
    if limit.value is None:
        return np.nan
    return as_written(limit.kind, limit.value)


def _is_above(
    orders: Orders, limit: Limit, use: ScopeUse, conditions: Conditions, daily_mwh: float | None
) -> bool:
    value, allowed = (
        measure(limit.kind, limit.scope, orders, use, conditions, daily_mwh_limit=daily_mwh),
        bound(limit),
    )
    return not value <= allowed + _TOLERANCE * max(1.0, abs(allowed))


def _apply(
    orders: Orders, limit: Limit, use: ScopeUse, conditions: Conditions, daily_mwh: float | None
) -> tuple[Orders, LimitEvent | None]:
    if orders.is_flat and limit.kind not in GATES:
        return orders, None
    value, allowed = (
        measure(limit.kind, limit.scope, orders, use, conditions, daily_mwh_limit=daily_mwh),
        bound(limit),
    )
    if np.isnan(value):
        return orders.flat(), _denied(limit, value, "cannot be measured")
    if value <= allowed + _TOLERANCE * max(1.0, abs(allowed)):
        return orders, None
    shown, stated = as_written(limit.kind, value), as_written(limit.kind, allowed)
    event = LimitEvent(
        kind="breach",
        scope=limit.scope,
        limit_name=limit.kind,
        value=shown,
        limit_value=stated,
        action=limit.action,
        detail=f"{limit.scope} {limit.kind}: {shown:.6g} {'below' if limit.kind.startswith('min_') else 'above'} {stated:.6g}",
    )
    if limit.action != "reduce":
        return orders.flat(), event
    return _reduced(orders, limit.kind, limit.scope, value, allowed, use, daily_mwh), event


def _reduced(
    orders: Orders,
    kind: str,
    scope: Scope,
    value: float,
    allowed: float,
    use: ScopeUse,
    daily_mwh: float | None,
) -> Orders:
    """Orders that keep the limit as far as making them smaller, or their prices tamer, can achieve it."""
    exposure = orders.exposure_mw
    if kind in GATES:
        return orders.scaled(allowed / value if np.isfinite(value) else 0.0)
    if kind == "min_price_eur_per_mwh":
        return replace(orders, limit_price=np.maximum(orders.limit_price, -allowed))
    if kind == "max_price_eur_per_mwh":
        return replace(orders, limit_price=np.minimum(orders.limit_price, allowed))
    if kind == "max_price_distance_eur_per_mwh":
        worst = orders.expected_price + np.sign(exposure) * allowed
        return replace(
            orders,
            limit_price=np.where(
                exposure > 0, np.minimum(orders.limit_price, worst), np.maximum(orders.limit_price, worst)
            ),
        )
    if kind == "max_mw_per_mtu":
        return _clipped(orders, np.clip(exposure, -allowed, allowed))
    if kind == "max_gross_mw":
        room = np.maximum(0.0, allowed - use.gross_mw)
        return _clipped(orders, np.clip(exposure, -room, room))
    if kind == "max_net_mw":
        return _clipped(
            orders,
            np.clip(exposure, np.minimum(0.0, -allowed - use.net_mw), np.maximum(0.0, allowed - use.net_mw)),
        )
    if kind == "max_orders_per_day":
        return _fewer(orders, int(max(0.0, allowed - use.n_orders)))
    if kind == "max_orders_per_minute":
        return _fewer(orders, int(allowed))
    if kind == "max_concentration_frac" and scope == "strategy":
        room_mw = allowed * (daily_mwh or 0.0) / orders.hours
        return _clipped(orders, np.clip(exposure, -room_mw, room_mw))
    return orders.scaled(_factor(kind, value, allowed, use, daily_mwh))


def _factor(kind: str, value: float, allowed: float, use: ScopeUse, daily_mwh: float | None) -> float:
    """The scale at which a measure that is proportional to the orders, on top of what others hold, meets its limit."""
    others = {
        "max_mwh_per_day": use.mwh,
        "max_value_eur": use.value_eur,
        "max_change_mwh": use.mwh - use.previous_mwh,
        "max_concentration_frac": use.member_mwh / daily_mwh if daily_mwh else np.inf,
        "max_value_at_risk_eur": use.value_at_risk_eur,
        "max_expected_shortfall_eur": use.expected_shortfall_eur,
    }[kind]
    own = value - others
    return float(np.clip((allowed - others) / own, 0.0, 1.0)) if own > 0 and np.isfinite(own) else 0.0


def _clipped(orders: Orders, clipped: Floats) -> Orders:
    """The clipped orders; a plan that keeps its shape is scaled by its most clipped unit instead."""
    if not orders.keeps_shape:
        return replace(orders, exposure_mw=clipped)
    traded = orders.exposure_mw != 0
    return orders.scaled(float((clipped[traded] / orders.exposure_mw[traded]).min(initial=1.0)))


def _fewer(orders: Orders, n_orders: int) -> Orders:
    """The `n_orders` largest orders; a plan that keeps its shape is all or nothing."""
    if orders.keeps_shape:
        return orders.flat()
    kept = np.zeros_like(orders.exposure_mw)
    largest = np.argsort(-np.abs(orders.exposure_mw), kind="stable")[:n_orders]
    kept[largest] = orders.exposure_mw[largest]
    return replace(orders, exposure_mw=kept)


def _denied(limit: Limit, value: float, why: str) -> LimitEvent:
    return LimitEvent(
        kind="denied",
        scope=limit.scope,
        limit_name=limit.kind,
        value=as_written(limit.kind, value),
        limit_value=as_written(limit.kind, bound(limit)),
        action="block",
        detail=f"{limit.scope} {limit.kind} denies: {why}",
    )
