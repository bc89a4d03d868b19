"""Conformance: every limit, how much of it the final signals use, and the remaining headroom.

One frame serves an asset, its checks and SQL.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from spot.contracts.signal_tables import LIMIT_CONFORMANCE
from spot.contracts.words import LimitScope
from spot.risk.exposure import Conditions, Orders, ScopeUse, measure
from spot.risk.limit_book import Limit, as_written
from spot.risk.limit_event import LimitEvent
from spot.risk.limits import bound
from spot.risk.reductions import GATES

NEAR_FRAC = 0.8
"""A limit of which this share is used is nearly used up. Chosen by hand."""
IS_PRICE = pl.col("limit_name").str.contains("_price_")
"""Selects limits on prices. An order that takes any price goes to the collar on purpose, so a price limit
without headroom means nothing.
"""


def limit_conformance(
    orders: Orders,
    limits: Sequence[Limit],
    uses: Mapping[LimitScope, ScopeUse],
    conditions: Conditions,
    *,
    events: Sequence[LimitEvent],
) -> pl.DataFrame:
    """A row per limit: scope, name, use, limit, headroom, status, measured on the orders after all cuts.

    `breached` could only occur if orders above a limit were sent, which `apply_limits` excludes. The check
    looks for it.
    """
    daily = {limit.scope: limit.value for limit in limits if limit.kind == "max_mwh_per_day"}
    cut = {(event.scope, event.limit_name): event.kind for event in events}
    rows = []
    for limit in limits:
        used, allowed = (
            measure(
                limit.kind,
                limit.scope,
                orders,
                uses[limit.scope],
                conditions,
                daily_mwh_limit=daily.get(limit.scope),
            ),
            bound(limit),
        )
        rows.append(
            {
                "scope": limit.scope,
                "limit_name": limit.kind,
                "used": as_written(limit.kind, used) if np.isfinite(used) else None,
                "limit_value": as_written(limit.kind, allowed) if np.isfinite(allowed) else None,
                "headroom_frac": 1.0 - used / allowed
                if np.isfinite(used) and np.isfinite(allowed) and allowed > 0
                else None,
                "status": _status(limit, used, allowed, orders, cut.get((limit.scope, limit.kind))),
            }
        )
    names = ("scope", "limit_name", "used", "limit_value", "headroom_frac", "status")
    return pl.DataFrame(rows, schema={name: LIMIT_CONFORMANCE.schema[name] for name in names})


def near_limits(rows: pl.DataFrame) -> pl.DataFrame:
    """The champion's limits of which at least `NEAR_FRAC` is used, one row per zone, day and limit.

    Of several scopes and strategies the tightest stands. Limits on prices are left out: an order that takes
    any price goes to the collar on purpose. So is the level of drift, which has alerts of its own.
    """
    is_near = pl.col("headroom_frac") <= 1.0 - NEAR_FRAC + 1e-9
    counts = ~IS_PRICE & (pl.col("limit_name") != "max_drift_level")
    return (
        rows.filter(pl.col("role") == "champion", is_near, counts)
        .sort("headroom_frac", "scope", "strategy")
        .unique(("zone", "delivery_day", "limit_name"), keep="first", maintain_order=True)
    )


def near_in_words(row: Mapping[str, Any]) -> str:
    """A row of `near_limits` as a person reads it."""
    used, limit = row["used"], row["limit_value"]
    whose = row["scope"] if row["scope"] != "strategy" else f"strategy {row['strategy']}"
    return f"{row['limit_name']} of {whose}: {1.0 - row['headroom_frac']:.0%} used, {used:.6g} of {limit:.6g}"


def _status(limit: Limit, used: float, allowed: float, orders: Orders, event: str | None) -> str:
    if event == "denied" or limit.value is None:
        return "denied"
    if not orders.is_flat and limit.kind not in GATES and not used <= allowed + 1e-9 * max(1.0, abs(allowed)):
        return "breached"
    return "reduced" if event == "breach" else "within"
