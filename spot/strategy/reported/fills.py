"""Reported fills on the units of the desk's signals, as settlement takes them.

A batch (zone, day, strategy) counts as reported once the exchange has said anything about its auction. In
such a batch a unit without an order that has no report was not filled. An ordered unit without a report stays
simulated, and the comparison says so. Of exclusive groups only executed blocks are reported: a unit without a
report is in no executed block.
"""

import polars as pl

from spot.contracts.block_tables import DAY_AHEAD_GROUPS
from spot.contracts.fill_tables import EXCHANGE_FILLS
from spot.market.clock import by_quarter_hour

REPORTED_SCHEMA = pl.Schema(
    {
        "signal_id": pl.String(),
        "sent_mw": pl.Float64(),
        "real_mw": pl.Float64(),
        "paid_eur": pl.Float64(),
        "traded_mwh": pl.Float64(),
        "traded_eur": pl.Float64(),
    }
)
"""Bought is positive. `sent_mw`, `real_mw` and `paid_eur` are null where the auction has no report of the
unit, `traded_mwh` and `traded_eur` where nothing was traded after it.
"""
_BATCH = ["zone", "delivery_day", "strategy"]
_QUARTER_HOURS = 0.25
"""Length of a quarter hour in hours."""


def newest_reports(fills: pl.DataFrame) -> pl.DataFrame:
    """Of each unit, market and reference the newest report; rows under contract `exchange_fills`."""
    key = [name for name in EXCHANGE_FILLS.key if name != "available_at_utc"]
    return fills.sort("available_at_utc").unique(key, keep="last", maintain_order=True)


def reported_fills(signals: pl.DataFrame, sent: pl.DataFrame, fills: pl.DataFrame) -> pl.DataFrame:
    """What was executed of each signal, columns `REPORTED_SCHEMA`; signals without any report have no row.

    Args:
        signals: rows of `signals`; only the live champion's count, since nothing else is an order.
        sent: the same units as they left the desk, changes of people included.
        fills: rows of `exchange_fills`, any.
    """
    live = signals.filter(pl.col("role") == "champion", pl.col("mode") == "live")
    newest = newest_reports(fills)
    if live.is_empty() or newest.is_empty():
        return pl.DataFrame(schema=REPORTED_SCHEMA)
    energies = _energies(live, newest)
    batches = newest.filter(pl.col("market") == "auction").select(_BATCH).unique().with_columns(told=True)
    orders = sent.select(*_BATCH, "delivery_start_utc", order_mw=signed_mw())
    is_group, is_named = pl.col("market") == DAY_AHEAD_GROUPS, pl.col("auction_mwh").is_not_null()
    is_told = pl.col("told").is_not_null() & (is_named | is_group | (pl.col("order_mw") == 0))
    real = pl.col("auction_mwh").fill_null(0.0) / (pl.col("resolution_minutes") / 60)
    executed = is_group & ~pl.col("is_rejected").fill_null(value=False)
    rows = (
        live.join(orders, on=[*_BATCH, "delivery_start_utc"], how="left", maintain_order="left")
        .join(batches, on=_BATCH, how="left", maintain_order="left")
        .join(energies, on="signal_id", how="left", maintain_order="left")
        .with_columns(pl.col("order_mw").fill_null(0.0))
    )
    return rows.select(
        "signal_id",
        sent_mw=pl.when(is_told).then(pl.when(executed).then(real).otherwise("order_mw")),
        real_mw=pl.when(is_told).then(real),
        paid_eur=pl.when(is_told).then(pl.col("auction_eur").fill_null(0.0)),
        traded_mwh="trade_mwh",
        traded_eur="trade_eur",
    ).filter(pl.col("real_mw").is_not_null() | pl.col("traded_mwh").is_not_null())


def signed_mw() -> pl.Expr:
    """Power of orders with its sign, bought positive."""
    sign = pl.col("side").replace_strict({"buy": 1.0, "sell": -1.0}, default=0.0, return_dtype=pl.Float64)
    return sign * pl.col("volume_mw")


def _energies(signals: pl.DataFrame, fills: pl.DataFrame) -> pl.DataFrame:
    """Energy (bought positive) and what it cost per signal and market, from rows of any length."""
    keys = ["zone", "strategy", "delivery_start_utc", "resolution_minutes"]
    units = by_quarter_hour(signals.select("signal_id", *keys)).select(
        "signal_id", "zone", "strategy", "quarter_utc"
    )
    pieces = by_quarter_hour(
        fills.select(*keys, "market", "status", "price_eur_per_mwh", mwh=signed_mw() * _QUARTER_HOURS)
    )
    own = units.join(pieces, on=["zone", "strategy", "quarter_utc"], how="inner")
    energy, cost = pl.col("mwh"), pl.col("mwh") * pl.col("price_eur_per_mwh").fill_null(0.0)
    of = {market: pl.col("market") == market for market in ("auction", "trade")}
    return own.group_by("signal_id").agg(
        *(
            pl.when(is_of.any()).then(part.filter(is_of).sum()).alias(f"{market}_{unit}")
            for market, is_of in of.items()
            for unit, part in (("mwh", energy), ("eur", cost))
        ),
        is_rejected=((pl.col("status") == "rejected") & of["auction"]).any(),
    )
