"""How orders are reduced, or their limit prices tightened, so that they keep a limit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from spot.arrays import Floats
from spot.contracts.words import LimitScope
from spot.risk.exposure import Orders, ScopeUse

GATES = (
    "max_model_age_days",
    "max_data_age_hours",
    "max_drift_level",
    "max_daily_loss_eur",
    "max_drawdown_eur",
)
"""Limits on facts outside the orders. For them, `reduce` scales the orders by limit over value, which cannot
lower the value itself.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """A limit that is exceeded: by how much, and what the scope holds already."""

    kind: str
    scope: LimitScope
    value: float
    allowed: float
    use: ScopeUse
    daily_mwh: float | None


def reduced(orders: Orders, excess: Excess) -> Orders:
    """Orders that keep the limit, as far as smaller orders or tighter prices can achieve it."""
    if excess.kind == "max_concentration_frac" and excess.scope == "strategy":
        return _within_share(orders, excess)
    return _REDUCTIONS.get(excess.kind, _scaled_to_limit)(orders, excess)


def _scaled_by_gate(orders: Orders, excess: Excess) -> Orders:
    return orders.scaled(excess.allowed / excess.value if np.isfinite(excess.value) else 0.0)


def _not_below_price(orders: Orders, excess: Excess) -> Orders:
    return replace(orders, limit_price=np.maximum(orders.limit_price, -excess.allowed))


def _not_above_price(orders: Orders, excess: Excess) -> Orders:
    return replace(orders, limit_price=np.minimum(orders.limit_price, excess.allowed))


def _near_expected_price(orders: Orders, excess: Excess) -> Orders:
    sides = np.sign(orders.low_mw + orders.high_mw)
    worst = orders.expected_price + sides * excess.allowed
    tamer = np.where(
        sides > 0,
        np.minimum(orders.limit_price, worst),
        np.maximum(orders.limit_price, worst),
    )
    return replace(orders, limit_price=tamer)


def _within_unit(orders: Orders, excess: Excess) -> Orders:
    return _clipped(orders, -excess.allowed, excess.allowed)


def _within_gross(orders: Orders, excess: Excess) -> Orders:
    room = np.maximum(0.0, excess.allowed - excess.use.gross_mw)
    return _clipped(orders, -room, room)


def _within_net(orders: Orders, excess: Excess) -> Orders:
    lowest = np.minimum(0.0, -excess.allowed - excess.use.net_low_mw)
    highest = np.maximum(0.0, excess.allowed - excess.use.net_high_mw)
    return _clipped(orders, lowest, highest)


def _within_share(orders: Orders, excess: Excess) -> Orders:
    room = excess.allowed * (excess.daily_mwh or 0.0) / orders.hours
    return _clipped(orders, -room, room)


def _fewer_of_day(orders: Orders, excess: Excess) -> Orders:
    return _fewer(orders, int(max(0.0, excess.allowed - excess.use.n_orders)))


def _fewer_of_minute(orders: Orders, excess: Excess) -> Orders:
    return _fewer(orders, int(excess.allowed))


def _scaled_to_limit(orders: Orders, excess: Excess) -> Orders:
    """Orders scaled until the measure meets its limit.

    The measure is proportional to the orders, on top of what others hold.
    """
    use, daily_mwh = excess.use, excess.daily_mwh
    others = {
        "max_mwh_per_day": use.mwh,
        "max_value_eur": use.value_eur,
        "max_change_mwh": use.mwh - use.previous_mwh,
        "max_concentration_frac": use.member_mwh / daily_mwh if daily_mwh else np.inf,
        "max_value_at_risk_eur": use.value_at_risk_eur,
        "max_expected_shortfall_eur": use.expected_shortfall_eur,
    }[excess.kind]
    own = excess.value - others
    is_bounded = own > 0 and np.isfinite(own)
    return orders.scaled(float(np.clip((excess.allowed - others) / own, 0.0, 1.0)) if is_bounded else 0.0)


_REDUCTIONS: Mapping[str, Callable[[Orders, Excess], Orders]] = {
    **dict.fromkeys(GATES, _scaled_by_gate),
    "min_price_eur_per_mwh": _not_below_price,
    "max_price_eur_per_mwh": _not_above_price,
    "max_price_distance_eur_per_mwh": _near_expected_price,
    "max_mw_per_mtu": _within_unit,
    "max_gross_mw": _within_gross,
    "max_net_mw": _within_net,
    "max_orders_per_day": _fewer_of_day,
    "max_orders_per_minute": _fewer_of_minute,
}
"""Kind of limit to its reduction. For all other kinds, all orders are scaled."""


def _clipped(orders: Orders, lowest: Floats | float, highest: Floats | float) -> Orders:
    """The orders between two exposures.

    A plan that keeps its shape is scaled by its most clipped unit instead. Of exclusive groups that is the
    most clipped that the auction may choose.
    """
    if not orders.keeps_shape:
        return replace(orders, exposure_mw=np.clip(orders.exposure_mw, lowest, highest))
    shares = [1.0]
    for reach in (orders.low_mw, orders.high_mw):
        traded = reach != 0
        shares.append(float((np.clip(reach, lowest, highest)[traded] / reach[traded]).min(initial=1.0)))
    return orders.scaled(min(shares))


def _fewer(orders: Orders, n_orders: int) -> Orders:
    """The `n_orders` largest orders. A plan that keeps its shape is kept as a whole or not at all."""
    if orders.keeps_shape:
        return orders.flat()
    kept = np.zeros_like(orders.exposure_mw)
    largest = np.argsort(-np.abs(orders.exposure_mw), kind="stable")[:n_orders]
    kept[largest] = orders.exposure_mw[largest]
    return replace(orders, exposure_mw=kept)
