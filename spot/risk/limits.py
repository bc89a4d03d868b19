"""Pre-trade limits: pure functions that pass orders, reduce them, or stop them.

Anything that cannot be understood stops them.

Every limit reads "not above". A limit without a usable number denies, and so does a measure that is NaN.
After all reductions every limit is measured once more on the remaining orders. If one is still exceeded, the
orders become flat. So no breach can leave this module.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spot.arrays import Floats
from spot.contracts.words import LIMIT_SCOPES, LimitAction, LimitScope
from spot.risk.exposure import MONEY_KINDS, Conditions, Orders, ScopeUse, measure, money
from spot.risk.limit_book import LIMIT_KINDS, Limit, as_written
from spot.risk.limit_event import LimitEvent
from spot.risk.reductions import GATES, Excess, reduced
from spot.risk.state import TradingState

_TOLERANCE = 1e-9
"""Share of a limit that rounding may exceed it by."""
_ABSURD_MW = 1e6
"""An order above it is an error: no market of one zone is as large."""
_NEEDED = {(scope, kind) for scope in LIMIT_SCOPES for kind in LIMIT_KINDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitedOrders:
    """Orders that keep every limit, and what was changed."""

    orders: Orders
    events: tuple[LimitEvent, ...]
    requests_halt: bool


def apply_limits(
    orders: Orders, limits: Sequence[Limit], uses: Mapping[LimitScope, ScopeUse], conditions: Conditions
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
    if not (np.abs(orders.exposure_mw) <= _ABSURD_MW).all() or not (orders.worst_mw <= _ABSURD_MW).all():
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
        allowed = orders.flat()
    daily_mwh = {limit.scope: limit.value for limit in limits if limit.kind == "max_mwh_per_day"}
    requests_halt = False
    for kind in LIMIT_KINDS:
        before = allowed
        for limit in (limit for limit in limits if limit.kind == kind and np.isfinite(bound(limit))):
            # One old model is one fact, not three. Of the scales that a gate asks for in several scopes, the
            # strictest holds.
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
    """Orders at infinite limit prices, changed to the worst price that every collar allows.

    Prices are rounded to the cent on the safe side. A price taker asks for no more than that, so it is no
    breach. Without usable collars the price stays infinite and is denied later.
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
    """Whether every kind is there once in every scope."""
    found = {(limit.scope, limit.kind) for limit in limits}
    return len(limits) == len(found) and found == _NEEDED


def apply_state(orders: Orders, state: TradingState, open_net_mw: Floats) -> LimitedOrders:
    """Orders that the trading state allows.

    ACTIVE allows all. REDUCING allows only what brings the open position `open_net_mw` (P,) nearer to zero.
    HALTED allows nothing.
    """
    if state is TradingState.ACTIVE or orders.is_flat:
        return LimitedOrders(orders=orders, events=(), requests_halt=False)
    room = np.abs(open_net_mw) if state is TradingState.REDUCING else np.zeros_like(orders.exposure_mw)
    kept = _against(orders.exposure_mw, open_net_mw, room)
    reaches = (orders.exposure_mw, orders.low_mw, orders.high_mw)
    is_whole = all(np.array_equal(_against(reach, open_net_mw, room), reach) for reach in reaches)
    left = replace(orders, exposure_mw=kept) if is_whole or not orders.keeps_shape else orders.flat()
    event = LimitEvent(
        kind="state",
        scope="zone",
        limit_name="trading_state",
        value=float(np.abs(orders.exposure_mw).max()),
        limit_value=float(np.abs(left.exposure_mw).max()),
        action="block" if left.is_flat else "reduce",
        detail=f"trading state is {state}",
    )
    return LimitedOrders(orders=left, events=(event,), requests_halt=False)


def _against(exposure: Floats, open_net_mw: Floats, room: Floats) -> Floats:
    """(P,) the part of each exposure (P,) that brings the open position nearer to zero."""
    is_against = np.sign(exposure) * np.sign(open_net_mw) < 0
    return np.where(is_against, np.sign(exposure) * np.minimum(np.abs(exposure), room), 0.0)


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
    action, reading = _halts(limit, use, allowed) if limit.action == "halt" else (limit.action, "")
    event = LimitEvent(
        kind="breach",
        scope=limit.scope,
        limit_name=limit.kind,
        value=shown,
        limit_value=stated,
        action=action,
        detail=(
            f"{limit.scope} {limit.kind}: {shown:.6g} {'below' if limit.kind.startswith('min_') else 'above'}"
            f" {stated:.6g}{reading}"
        ),
    )
    if limit.action != "reduce":
        return orders.flat(), event
    excess = Excess(
        kind=limit.kind, scope=limit.scope, value=value, allowed=allowed, use=use, daily_mwh=daily_mwh
    )
    return reduced(orders, excess), event


def _halts(limit: Limit, use: ScopeUse, allowed: float) -> tuple[LimitAction, str]:
    """The action of a breached limit that halts, and which readings it rests on.

    Money halts on confirmed days only. Before that it blocks the day: a price that is mended an hour later
    must not stop a zone until a person resumes it.
    """
    if limit.kind not in MONEY_KINDS:
        return "halt", ""
    value = money(limit.kind, use.confirmed_pnl_eur)
    if value <= allowed + _TOLERANCE * max(1.0, abs(allowed)):
        return "block", f"; not confirmed, {value:.6g} on whole days whose prices stand, so no halt yet"
    return (
        "halt",
        f"; confirmed by whole days whose prices stand, up to {use.newest_confirmed_day}: {value:.6g}",
    )


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
