"""Settlement of signals: fills, P&L and costs per market time unit. Backtest and live use the same function.

The desk is a price taker. A buy is filled at the clearing price when its limit is not below it, a sell when
its limit is not above it. Of a bid curve, the volume of the last step in reach is filled. A block is filled
as a whole or not at all, by the volume-weighted mean of its units. Of exclusive groups, the block that was
executed counts (`spot.strategy.blocks.execution`). Where the exchange has reported a fill, that fill and its
price count instead, and trades after the auction close a part of the position. A filled spread position
earns `exposure * (second price - day-ahead price)`, a physical one `-exposure * day-ahead price`. Firm energy
that was not filled is bought or sold at the imbalance price, or, where none is known, at the day-ahead price
and a penalty. Where an area settles a surplus and a shortage at two prices, a position that bought is long
and closes at the price of the surplus, one that sold at that of the shortage; missing energy likewise.
"""

import polars as pl

from spot.contracts.block_tables import DAY_AHEAD_GROUPS
from spot.contracts.signal_tables import DAY_AHEAD_BLOCK, SETTLEMENTS, SIGNAL_KEY, SIGNALS
from spot.contracts.table import UTC_INSTANT
from spot.errors import ContractError
from spot.risk.fees import FeeSchedule
from spot.risk.outcomes import IMBALANCE, LONG_PRICE, SHORT_PRICE, align_outcomes

UNFILLED_PENALTY_EUR_PER_MWH = 50.0
"""Penalty added to the day-ahead price when firm energy is missing and no imbalance price is known. Chosen by
hand; not tuned.
"""
_SETTLING_COLUMNS = pl.Schema(
    {
        "imbalance_price_eur_per_mwh": pl.Float64(),
        LONG_PRICE: pl.Float64(),
        SHORT_PRICE: pl.Float64(),
        "imbalance_known_utc": UTC_INSTANT,
    }
)
"""Columns that only some outcomes have."""
_REPORTED = ("sent_mw", "real_mw", "paid_eur", "traded_mwh", "traded_eur")
"""What the exchange reported of a signal, bought positive."""
_BLOCK = ("zone", "delivery_day", "strategy", "role", "model_version", "side")
"""What the units of a block order have in common."""


def settle(
    signals: pl.DataFrame,
    outcomes: pl.DataFrame,
    fees: FeeSchedule,
    *,
    degradation_eur_per_mwh: float = 0.0,
    perfect_foresight: pl.DataFrame | None = None,
    bid_curves: pl.DataFrame | None = None,
    executed: pl.DataFrame | None = None,
    reported: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """P&L of every signal whose prices are known, under contract `settlements`.

    A signal without its price is left out, not guessed.

    Args:
        signals: rows of `signals`.
        outcomes: frame of `build_outcomes`, with `imbalance_price_eur_per_mwh` and `imbalance_known_utc`
            where they are known (`zone_outcomes` adds them).
        fees: fees of the strategy.
        degradation_eur_per_mwh: charged on energy sold by a physical strategy.
        perfect_foresight: `zone`, `delivery_start_utc` and `perfect_foresight_eur`.
        bid_curves: rows of `bid_curves`. A signal with rows is filled along its curve, any other as one order
            at its limit price.
        executed: `signal_id`, `ordered_mw` and `filled_mw` of units in exclusive groups. Where it is given,
            such a signal without a row is left out until the whole day is priced.
        reported: what the exchange executed, as `spot.strategy.reported.fills.REPORTED_SCHEMA`. It takes the
            place of the fill that follows from prices.

    Raises:
        ContractError: the signals lack a column.
    """
    missing = [name for name in SIGNALS.columns if name not in signals.columns]
    if missing:
        raise ContractError(f"settlement: signals lack the columns {missing}")
    if signals.is_empty() or outcomes.is_empty():
        return SETTLEMENTS.empty()
    prices = align_outcomes(outcomes, signals)
    for name, dtype in _SETTLING_COLUMNS.items():
        if name not in prices.columns:
            prices = prices.with_columns(pl.lit(None, dtype).alias(name))
    prices = prices.drop("delivery_day", "resolution_minutes").rename({"source": "price_source"})
    rows = signals.with_columns(n_units=pl.len().over(_BLOCK)).join(
        prices, on=["zone", "delivery_start_utc"], how="inner"
    )
    has_second = (pl.col("settled_against") == "nothing") | pl.col(
        "reference_price_eur_per_mwh"
    ).is_not_null()
    rows = rows.filter(has_second)
    # A block is judged on all its units or not at all.
    rows = rows.filter(
        (pl.col("market") != DAY_AHEAD_BLOCK)
        | (pl.col("side") == "flat")
        | (pl.len().over(_BLOCK) == pl.col("n_units"))
    )
    if perfect_foresight is None:
        rows = rows.with_columns(perfect_foresight_eur=pl.lit(None, pl.Float64))
    else:
        rows = rows.join(
            perfect_foresight.select("zone", "delivery_start_utc", "perfect_foresight_eur"),
            on=["zone", "delivery_start_utc"],
            how="left",
        )
    rows = _with_reported(_with_executed(_with_fill(rows, bid_curves), executed), reported)
    return (
        _money(rows, fees, degradation_eur_per_mwh)
        .select(SETTLEMENTS.columns.keys())
        .cast(SETTLEMENTS.schema)
        .sort(SIGNAL_KEY)
    )


def _with_fill(rows: pl.DataFrame, bid_curves: pl.DataFrame | None) -> pl.DataFrame:
    """The rows with `filled_mw`, the power of each order that the auction accepted, without sign."""
    price, limit = pl.col("day_ahead_price_eur_per_mwh"), pl.col("limit_price_eur_per_mwh")
    beyond = pl.when(pl.col("side") == "buy").then(price - limit).otherwise(limit - price)
    of_block = (beyond * pl.col("volume_mw")).sum().over(_BLOCK)
    is_filled = limit.is_null() | (
        pl.when(pl.col("market") == DAY_AHEAD_BLOCK).then(of_block).otherwise(beyond) <= 0
    )
    rows = rows.with_columns(filled_mw=pl.when(is_filled).then(pl.col("volume_mw")).otherwise(0.0))
    if bid_curves is None or bid_curves.is_empty():
        return rows
    step, is_buy = pl.col("price_eur_per_mwh"), pl.col("side") == "buy"
    in_reach = pl.when(is_buy).then(step >= price).otherwise(step <= price)
    along = (
        bid_curves.select("signal_id", "price_eur_per_mwh", step_mw="volume_mw")
        .join(rows.select("signal_id", "side", price), on="signal_id", how="inner")
        .group_by("signal_id")
        .agg(curve_mw=pl.when(in_reach).then(pl.col("step_mw")).otherwise(0.0).max())
    )
    taken = pl.min_horizontal("curve_mw", "volume_mw")
    return rows.join(along, on="signal_id", how="left").with_columns(
        filled_mw=pl.when(pl.col("curve_mw").is_null()).then(pl.col("filled_mw")).otherwise(taken)
    )


def _with_executed(rows: pl.DataFrame, executed: pl.DataFrame | None) -> pl.DataFrame:
    """The rows with side, power and fill of the block that was executed, where the signal is in a group."""
    if executed is None:
        return rows
    ordered, is_in_group = pl.col("executed_mw"), pl.col("executed_mw").is_not_null()
    side = pl.when(ordered > 0).then(pl.lit("buy")).when(ordered < 0).then(pl.lit("sell"))
    found = rows.join(
        executed.select("signal_id", executed_mw="ordered_mw", group_mw="filled_mw"),
        on="signal_id",
        how="left",
        maintain_order="left",
    )
    is_flat = (pl.col("volume_mw") == 0).all().over(_BLOCK[:-1])
    return found.filter(is_in_group | is_flat | (pl.col("market") != DAY_AHEAD_GROUPS)).with_columns(
        side=pl.when(is_in_group).then(side.otherwise(pl.lit("flat"))).otherwise("side"),
        volume_mw=pl.when(is_in_group).then(ordered.abs()).otherwise("volume_mw"),
        filled_mw=pl.when(is_in_group).then("group_mw").otherwise("filled_mw"),
    )


def _with_reported(rows: pl.DataFrame, reported: pl.DataFrame | None) -> pl.DataFrame:
    """The rows with what the exchange reported, null where it said nothing."""
    if reported is None:
        return rows.with_columns(pl.lit(None, pl.Float64).alias(name) for name in _REPORTED)
    return rows.join(
        reported.select("signal_id", *_REPORTED), on="signal_id", how="left", maintain_order="left"
    )


def _money(rows: pl.DataFrame, fees: FeeSchedule, degradation: float) -> pl.DataFrame:
    """The rows with every amount. Without reports, nothing was traded and the price is the auction's."""
    price, hours = pl.col("day_ahead_price_eur_per_mwh"), pl.col("resolution_minutes") / 60.0
    sign = pl.col("side").replace_strict({"buy": 1.0, "sell": -1.0, "flat": 0.0}, return_dtype=pl.Float64)
    # A sell that is not filled has an exposure of 0 and not of -0.
    simulated = pl.when(pl.col("filled_mw") > 0).then(sign * pl.col("filled_mw")).otherwise(0.0)
    ordered = pl.coalesce("sent_mw", sign * pl.col("volume_mw"))
    rows = _with_fees(rows, fees).with_columns(
        exposure_mw=pl.coalesce("real_mw", simulated),
        ordered_mw=ordered,
        hours=hours,
        traded=pl.col("traded_mwh").fill_null(0.0),
        is_physical=pl.col("settled_against") == "nothing",
        side=pl.when(pl.col("sent_mw").is_null()).then("side").otherwise(_side_of(ordered)),
        volume_mw=ordered.abs(),
    )
    energy, traded, is_physical = pl.col("exposure_mw") * hours, pl.col("traded"), pl.col("is_physical")
    closed = energy + traded
    held = pl.when(closed != 0).then(closed).otherwise("ordered_mw").sign()
    is_imbalance = pl.col("settled_against").is_in(IMBALANCE) & (held != 0)
    reference = pl.coalesce(pl.when(is_imbalance).then(_of_side(held > 0)), "reference_price_eur_per_mwh")
    second = pl.when(is_physical).then(0.0).otherwise(reference)
    missing = _missing()
    paid = pl.coalesce("paid_eur", energy * price) + pl.col("traded_eur").fill_null(0.0)
    is_told = pl.col("real_mw").is_not_null()
    trades_mwh = traded.abs() + pl.when(is_physical).then(0.0).otherwise(closed.abs())
    # Missing firm energy is bought or sold later, at a price that is worse by the penalty when nothing better
    # is known.
    side_of_missing = missing.sign()
    made_good = pl.coalesce(
        _of_side(side_of_missing < 0),
        pl.col("imbalance_price_eur_per_mwh"),
        price + side_of_missing * UNFILLED_PENALTY_EUR_PER_MWH,
    )
    is_sold_by_asset = is_physical & (pl.col("ordered_mw") < 0)
    return rows.with_columns(
        filled_mwh=energy.abs(),
        unfilled_mwh=missing.abs(),
        gross_pnl_eur=pl.when((energy != 0) | (traded != 0)).then(closed * second - paid).otherwise(0.0),
        fees_eur=energy.abs() * pl.col("day_ahead_fee")
        + trades_mwh * pl.col("reference_fee")
        + pl.when(pl.col("ordered_mw") != 0).then(pl.col("order_fee")).otherwise(0.0),
        slippage_eur=pl.when(is_physical).then(0.0).otherwise(closed.abs() * pl.col("slippage")),
        known_at_utc=pl.when(pl.col("is_firm") & (missing != 0))
        .then(pl.max_horizontal("known_at_utc", "imbalance_known_utc"))
        .otherwise("known_at_utc"),
        imbalance_cost_eur=pl.when(pl.col("is_firm")).then(missing * made_good).otherwise(0.0),
        degradation_eur=pl.when(is_sold_by_asset)
        .then(pl.col("ordered_mw").abs() * hours * degradation)
        .otherwise(0.0),
        reference_price_eur_per_mwh=pl.when(is_physical).then(None).otherwise(reference),
        currency=pl.lit(fees.currency),
        source=pl.col("price_source"),
        fill_source=pl.when(is_told | (traded != 0)).then(pl.lit("exchange")),
        fill_price_eur_per_mwh=pl.when(is_told & (energy != 0)).then(pl.col("paid_eur") / energy),
    ).with_columns(
        pnl_eur=pl.col("gross_pnl_eur")
        - pl.col("fees_eur")
        - pl.col("slippage_eur")
        - pl.col("imbalance_cost_eur")
        - pl.col("degradation_eur")
    )


def _missing() -> pl.Expr:
    """Energy that was ordered and neither filled nor bought or sold after the auction, with its sign."""
    short = (pl.col("ordered_mw") - pl.col("exposure_mw")) * pl.col("hours")
    made_up = (pl.col("traded") * short.sign()).clip(0.0, short.abs())
    return short - short.sign() * made_up


def _side_of(power: pl.Expr) -> pl.Expr:
    return (
        pl.when(power > 0).then(pl.lit("buy")).when(power < 0).then(pl.lit("sell")).otherwise(pl.lit("flat"))
    )


def _of_side(is_long: pl.Expr) -> pl.Expr:
    """The price of the surplus where the desk is long, else that of the shortage; null where there is one."""
    return pl.when(is_long).then(LONG_PRICE).otherwise(SHORT_PRICE)


def _with_fees(rows: pl.DataFrame, fees: FeeSchedule) -> pl.DataFrame:
    days = rows.get_column("delivery_day").unique().sort().to_list()
    rules = [fees.on(day) for day in days]
    table = pl.DataFrame(
        {
            "delivery_day": days,
            "day_ahead_fee": [rule.day_ahead_fee_eur_per_mwh for rule in rules],
            "reference_fee": [rule.reference_fee_eur_per_mwh for rule in rules],
            "slippage": [rule.slippage_eur_per_mwh for rule in rules],
            "order_fee": [rule.order_fee_eur for rule in rules],
        },
        schema_overrides={"delivery_day": pl.Date},
    )
    return rows.join(table, on="delivery_day", how="left")
