"""Which blocks of exclusive groups the auction executed, simulated at the prices that cleared.

Of each group the block of greatest surplus is executed where it is in the money. With the shares of
`FillRules` it is the second best, or the group is rejected. Luck comes from a hash of the seed, zone, day,
strategy and group, so the same day always comes out the same, live, in a replay and in a backtest.
"""

import hashlib

import polars as pl

from spot.strategy.blocks.fills import FillRules

_BATCH = ("zone", "delivery_day", "strategy", "role", "model_version")
_GROUP = (*_BATCH, "block_group")
EXECUTED_SCHEMA = pl.Schema({"signal_id": pl.String(), "ordered_mw": pl.Float64(), "filled_mw": pl.Float64()})
"""`ordered_mw` is that of the block which should have been executed, bought positive; `filled_mw` is what was
executed, without sign.
"""


def executed(
    signals: pl.DataFrame, block_orders: pl.DataFrame, prices: pl.DataFrame, rules: FillRules
) -> pl.DataFrame:
    """What was executed in every unit of the signals that have block orders, columns `EXECUTED_SCHEMA`.

    A day, strategy and version is left out until all its units have their prices, and where its signals are
    flat: then nothing was sent.

    Args:
        signals: rows of `signals`, as they count for settlement.
        block_orders: rows of `block_orders`, of these signals and perhaps others.
        prices: `zone`, `delivery_start_utc` and `day_ahead_price_eur_per_mwh` of the units.
        rules: shares of groups that come out otherwise than at their best, and the seed of their luck.
    """
    priced = signals.join(
        prices.select("zone", "delivery_start_utc", price="day_ahead_price_eur_per_mwh"),
        on=["zone", "delivery_start_utc"],
        how="left",
    )
    whole = priced.filter(
        pl.col("price").is_not_null().all().over(_BATCH), (pl.col("volume_mw") > 0).any().over(_BATCH)
    )
    rows = block_orders.join(whole.select("signal_id", "price"), on="signal_id", how="inner")
    if rows.is_empty():
        return pl.DataFrame(schema=EXECUTED_SCHEMA)
    chosen = _chosen(rows, rules)
    sign = pl.when(pl.col("side") == "buy").then(1.0).otherwise(-1.0)
    units = rows.join(chosen, on=[*_GROUP, "block"], how="inner", nulls_equal=True).select(
        "signal_id",
        ordered_mw=sign * pl.col("volume_mw"),
        filled_mw=pl.when("is_executed").then("volume_mw").otherwise(0.0),
    )
    own = whole.join(rows.select(_BATCH).unique(), on=_BATCH, how="semi", nulls_equal=True)
    return (
        own.select("signal_id")
        .join(units, on="signal_id", how="left", maintain_order="left")
        .with_columns(pl.col("ordered_mw", "filled_mw").fill_null(0.0))
        .select(EXECUTED_SCHEMA.names())
    )


def whole_groups(signals: pl.DataFrame, block_orders: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Signals and block orders, where a plan whose units were changed by hand is one order a unit.

    A changed unit has another id than its blocks, and the blocks of such a plan are never sent.
    """
    lost = block_orders.join(signals, on="signal_id", how="anti").select(_BATCH).unique()
    broken = lost.join(signals, on=_BATCH, how="semi", nulls_equal=True).with_columns(is_broken=True)
    if broken.is_empty():
        return signals, block_orders
    single = pl.when("is_broken").then(pl.lit("day_ahead")).otherwise("market")
    marked = signals.join(broken, on=_BATCH, how="left", nulls_equal=True, maintain_order="left")
    return (
        marked.with_columns(market=single).drop("is_broken"),
        block_orders.join(broken, on=_BATCH, how="anti", nulls_equal=True),
    )


def _chosen(rows: pl.DataFrame, rules: FillRules) -> pl.DataFrame:
    """One block per group: which should have been executed, and whether it was."""
    sign = pl.when(pl.col("side") == "buy").then(1.0).otherwise(-1.0)
    beyond = (sign * (pl.col("limit_price_eur_per_mwh") - pl.col("price")) * pl.col("volume_mw")).sum()
    blocks = (
        rows.sort(*_GROUP, "block", "delivery_start_utc")
        .group_by(*_GROUP, "block", maintain_order=True)
        .agg(surplus=beyond.round(9))
        .sort(*_GROUP, "surplus", "block", descending=[*[False] * len(_GROUP), True, False])
        .with_columns(place=pl.int_range(pl.len()).over(_GROUP))
    )
    drawn = _luck(blocks.select(_GROUP).unique(maintain_order=True), rules)
    second = pl.col("surplus").filter(pl.col("place") == 1).first().over(_GROUP)
    takes_second = (pl.col("second_at") < rules.second_best_share) & (second >= 0.0).fill_null(value=False)
    return (
        blocks.join(drawn, on=list(_GROUP), how="left", nulls_equal=True)
        .with_columns(wanted=pl.when(takes_second).then(1).otherwise(0))
        .filter(pl.col("place") == pl.col("wanted"))
        .select(
            *_GROUP,
            "block",
            is_executed=(pl.col("surplus") >= 0.0) & (pl.col("rejected_at") >= rules.rejected_share),
        )
    )


def _luck(groups: pl.DataFrame, rules: FillRules) -> pl.DataFrame:
    """The groups with two numbers between 0 and 1. Champion and challengers have the same luck."""
    drawn = [
        hashlib.sha256(f"{rules.seed}|{zone}|{day}|{strategy}|{number}".encode()).digest()
        for zone, day, strategy, number in groups.select(
            "zone", "delivery_day", "strategy", "block_group"
        ).iter_rows()
    ]
    return groups.with_columns(
        second_at=pl.Series([int.from_bytes(one[:8], "big") / 2**64 for one in drawn], dtype=pl.Float64),
        rejected_at=pl.Series([int.from_bytes(one[8:16], "big") / 2**64 for one in drawn], dtype=pl.Float64),
    )
