"""Conformance: every limit, how much of it the final signals use, and the remaining headroom.

One frame serves an asset, its checks and SQL.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from spot.contracts.signal_tables import LIMIT_CONFORMANCE
from spot.contracts.words import LimitScope
from spot.risk.exposure import Conditions, Orders, ScopeUse, measure
from spot.risk.limit_book import Limit, as_written
from spot.risk.limit_event import LimitEvent
from spot.risk.limits import bound
from spot.risk.reductions import GATES


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


def _status(limit: Limit, used: float, allowed: float, orders: Orders, event: str | None) -> str:
    if event == "denied" or limit.value is None:
        return "denied"
    if not orders.is_flat and limit.kind not in GATES and not used <= allowed + 1e-9 * max(1.0, abs(allowed)):
        return "breached"
    return "reduced" if event == "breach" else "within"
