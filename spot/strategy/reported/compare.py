"""Signals against what was sent against what the exchange filled, unit by unit, and where they differ."""

import polars as pl

from spot.contracts.block_tables import DAY_AHEAD_GROUPS
from spot.contracts.table import UTC_INSTANT
from spot.strategy.reported.fills import newest_reports, reported_fills, signed_mw

PRICE_TOLERANCE_EUR = 0.01
"""Prices of auctions have two decimals, so what is further apart than this is another price."""
POWER_TOLERANCE_MW = 0.001
"""The smallest volume step of a strategy."""
COMPARED_SCHEMA = pl.Schema(
    {
        "zone": pl.String(),
        "delivery_day": pl.Date(),
        "delivery_start_utc": UTC_INSTANT,
        "resolution_minutes": pl.Int32(),
        "strategy": pl.String(),
        "signal_mw": pl.Float64(),
        "sent_mw": pl.Float64(),
        "limit_price_eur_per_mwh": pl.Float64(),
        "filled_mw": pl.Float64(),
        "fill_price_eur_per_mwh": pl.Float64(),
        "clearing_price_eur_per_mwh": pl.Float64(),
        "traded_mwh": pl.Float64(),
        "difference": pl.String(),
    }
)
"""Bought is positive. `filled_mw` is null where nothing was reported, `difference` empty where all agree."""
_UNIT = ["zone", "delivery_day", "delivery_start_utc", "strategy"]


def compare_fills(
    signals: pl.DataFrame,
    sent: pl.DataFrame,
    fills: pl.DataFrame,
    prices: pl.DataFrame,
    bid_curves: pl.DataFrame,
) -> pl.DataFrame:
    """A row under `COMPARED_SCHEMA` per unit of the live champion in batches of which anything was reported.

    Reports for which there is no signal at all have a row too.

    Args:
        signals: rows of `signals`.
        sent: the same units as they left the desk: changes of people included, flat where nothing left.
        fills: rows of `exchange_fills`.
        prices: `signal_id` and `day_ahead_price_eur_per_mwh` of units whose auction has cleared.
        bid_curves: rows of `bid_curves`. Along a curve, less than the whole may be filled at any price.
    """
    newest = newest_reports(fills)
    if newest.is_empty():
        return pl.DataFrame(schema=COMPARED_SCHEMA)
    batch = _UNIT[:2] + _UNIT[3:]
    live = signals.filter(pl.col("role") == "champion", pl.col("mode") == "live").join(
        newest.select(batch).unique(), on=batch, how="semi"
    )
    orders = sent.select(*_UNIT, order_mw=signed_mw(), order_limit="limit_price_eur_per_mwh")
    told = newest.filter(pl.col("market") == "auction")
    curved = bid_curves.select("signal_id").unique().with_columns(has_curve=True)
    words = told.group_by(_UNIT).agg(
        is_rejected=(pl.col("status") == "rejected").any(),
        why=pl.col("detail").filter(pl.col("detail") != ""),
    )
    rows = (
        live.join(orders, on=_UNIT, how="left", maintain_order="left")
        .join(reported_fills(signals, sent, fills).drop("sent_mw"), on="signal_id", how="left")
        .join(words, on=_UNIT, how="left")
        .join(curved, on="signal_id", how="left")
        .join(prices.select("signal_id", clearing="day_ahead_price_eur_per_mwh"), on="signal_id", how="left")
        .join(told.select(batch).unique().with_columns(is_told=True), on=batch, how="left")
        .with_columns(
            pl.col("order_mw").fill_null(0.0),
            signal_mw=signed_mw(),
            price=pl.when(pl.col("real_mw").abs() > 0).then(
                pl.col("paid_eur") / (pl.col("real_mw") * pl.col("resolution_minutes") / 60)
            ),
        )
        .with_columns(difference=_difference())
    )
    compared = rows.select(
        *_UNIT[:3],
        "resolution_minutes",
        "strategy",
        "signal_mw",
        sent_mw="order_mw",
        limit_price_eur_per_mwh="order_limit",
        filled_mw="real_mw",
        fill_price_eur_per_mwh="price",
        clearing_price_eur_per_mwh="clearing",
        traded_mwh="traded_mwh",
        difference="difference",
    )
    return (
        pl.concat([compared.cast(COMPARED_SCHEMA), _without_signal(signals, newest)])
        .unique(maintain_order=True)
        .sort(_UNIT)
    )


def _difference() -> pl.Expr:
    """What differs, in words; empty where all agrees."""
    order, real, price = pl.col("order_mw"), pl.col("real_mw"), pl.col("price")
    limit, clearing = pl.col("order_limit"), pl.col("clearing")
    is_group = pl.col("market") == DAY_AHEAD_GROUPS
    most = pl.when(is_group).then(pl.col("reach_mw").abs()).otherwise(order.abs())
    is_plain = (pl.col("market") == "day_ahead") & pl.col("has_curve").is_null()
    beyond = pl.when(real > 0).then(price - limit).otherwise(limit - price)
    in_reach = pl.when(order > 0).then(limit - clearing).otherwise(clearing - limit) > PRICE_TOLERANCE_EUR
    small = POWER_TOLERANCE_MW
    cases = (
        (pl.col("is_rejected").fill_null(value=False), pl.format("rejected: {}", _words())),
        (pl.col("is_told") & real.is_null(), pl.lit("the exchange reported nothing of this order")),
        ((real.abs() > small) & (most.fill_null(0.0) < small), pl.lit("filled, and no order was sent")),
        (~is_group & (real * order < -small * small), pl.lit("filled on the other side")),
        (real.abs() > most + small, pl.lit("more was filled than ordered")),
        (
            (real.abs() > small) & (beyond > PRICE_TOLERANCE_EUR),
            pl.lit("filled at a worse price than the limit"),
        ),
        (
            (real.abs() > small) & ((price - clearing).abs() > PRICE_TOLERANCE_EUR),
            pl.lit("filled at another price than the auction's"),
        ),
        (
            is_plain & (real.abs() < order.abs() - small) & in_reach,
            pl.lit("less was filled than the price allows"),
        ),
    )
    said = pl.lit("")
    for test, text in reversed(cases):
        said = pl.when(test.fill_null(value=False)).then(text).otherwise(said)
    return said


def _words() -> pl.Expr:
    said = pl.col("why").list.unique(maintain_order=True).list.join(", ")
    return pl.when(said == "").then(pl.lit("the exchange gave no reason")).otherwise(said)


def _without_signal(signals: pl.DataFrame, newest: pl.DataFrame) -> pl.DataFrame:
    """Reports of days and strategies for which the desk has no live signals."""
    batch = _UNIT[:2] + _UNIT[3:]
    live = signals.filter(pl.col("role") == "champion", pl.col("mode") == "live")
    lost = newest.join(live.select(batch).unique(), on=batch, how="anti").filter(pl.col("volume_mw") > 0)
    hours = pl.col("resolution_minutes") / 60
    is_trade = pl.col("market") == "trade"
    return lost.select(
        *_UNIT[:3],
        "resolution_minutes",
        "strategy",
        signal_mw=pl.lit(0.0),
        sent_mw=pl.lit(0.0),
        limit_price_eur_per_mwh=pl.lit(None, pl.Float64),
        filled_mw=pl.when(~is_trade).then(signed_mw()),
        fill_price_eur_per_mwh="price_eur_per_mwh",
        clearing_price_eur_per_mwh=pl.lit(None, pl.Float64),
        traded_mwh=pl.when(is_trade).then(signed_mw() * hours),
        difference=pl.lit("filled, and the desk has no live order of this strategy"),
    ).cast(COMPARED_SCHEMA)
