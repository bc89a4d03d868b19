"""The reasons not to send a batch: halts, the gate, broken contracts, limits and the order rate."""

from datetime import datetime, timedelta

import polars as pl

from spot.contracts.signal_tables import PUBLICATIONS, SIGNALS
from spot.contracts.table import check_rows
from spot.market.delivery import n_periods
from spot.market.gates import gate_closure_utc
from spot.risk.state import TradingState
from spot.strategy.outbox.batch import Batch

ORDER_RATE_SPAN = timedelta(minutes=1)
"""The limit `max_orders_per_minute` says it."""


def assess_batch(  # noqa: C901 - one refusal after another
    batch: Batch,
    *,
    now: datetime,
    state: TradingState,
    conformance: pl.DataFrame,
    published: pl.DataFrame | None = None,
) -> tuple[str, ...]:
    """Every reason not to send the batch at `now`. If there is none, it may be sent.

    `conformance` holds rows of `limit_conformance`. No order is sent without those of its own decision (the
    same `as_of_utc`), or with a breached one. `published` holds rows of `publications` of the whole desk.
    What was sent in the last minute counts against the order rate, and the batch waits where there is no
    room.
    """
    gate = gate_closure_utc(batch.zone, batch.delivery_day)
    has_orders = batch.n_orders > 0
    reasons = []
    if state is TradingState.HALTED:
        reasons.append("halted")
    if state is TradingState.REDUCING and has_orders and batch.signals["trading_state"].eq("ACTIVE").any():
        reasons.append("decided while ACTIVE, and the state is now REDUCING")
    if now >= gate:
        reasons.append(f"the gate closed at {gate:%Y-%m-%d %H:%M} UTC")
    if now >= batch.valid_until_utc:
        reasons.append(f"void since {batch.valid_until_utc:%Y-%m-%d %H:%M} UTC")
    if check_rows(batch.signals, SIGNALS).rejected.height:
        reasons.append("signals break their contract")
    minutes = batch.signals["resolution_minutes"][0]
    if batch.signals.height != n_periods(batch.zone, batch.delivery_day, int(minutes)):
        reasons.append("units are missing or doubled")
    if batch.is_broken:
        reasons.append("a plan in exclusive groups lacks blocks: it is sent or withdrawn as a whole")
    decided = batch.signals["as_of_utc"]
    if decided.n_unique() > 1:
        reasons.append("signals of several decisions")
    # Rows of an earlier decision say nothing about this one. Its limits are not written yet, or its run died
    # before it wrote them.
    about = {
        "zone": batch.zone,
        "delivery_day": batch.delivery_day,
        "strategy": batch.strategy,
        "role": "champion",
        "as_of_utc": decided[0],
    }
    judged = conformance.filter(*(pl.col(name) == value for name, value in about.items()))
    if has_orders and judged.is_empty():
        reasons.append("no limits were checked for this decision")
    if has_orders and judged.filter(pl.col("status").is_in(["breached", "denied"])).height:
        reasons.append("a limit is breached or denies")
    if has_orders:
        reasons += _above_rate(batch, judged, PUBLICATIONS.empty() if published is None else published, now)
    return tuple(reasons)


def _above_rate(batch: Batch, judged: pl.DataFrame, published: pl.DataFrame, now: datetime) -> list[str]:
    """Scopes whose orders of the last minute, with the batch, exceed their limit.

    The same batch on a second channel counts once.
    """
    recent = published.filter(
        pl.col("status") == "sent",
        pl.col("recorded_at_utc") > now - ORDER_RATE_SPAN,
        pl.col("publication_id") != batch.publication_id,
    ).unique("publication_id")
    inside = {"desk": pl.lit(True), "zone": pl.col("zone") == batch.zone}
    inside["strategy"] = inside["zone"] & (pl.col("strategy") == batch.strategy)
    reasons = []
    for scope, limit in (
        judged.filter(pl.col("limit_name") == "max_orders_per_minute")
        .select("scope", "limit_value")
        .iter_rows()
    ):
        n_orders = batch.n_orders + int(recent.filter(inside[scope])["n_orders"].sum())
        if limit is None or not n_orders <= limit:
            reasons.append(f"order rate: {n_orders} orders of the {scope} in a minute, {limit} are allowed")
    return reasons
