"""Batches of signals: what is sent at once, with an id by which a receiver recognises it.

A batch is one zone, day and strategy. It holds the whole day, flat units included, because it replaces every
earlier batch of the same three. This module is pure. The adapters that send are in
`resources/trading/outbox.py`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from spot.contracts.block_tables import BLOCK_ORDERS_OF_A_DAY, DAY_AHEAD_GROUPS
from spot.contracts.signal_tables import BID_CURVES
from spot.errors import ContractError


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The signals of one zone, day and strategy, and the id by which a receiver recognises them."""

    publication_id: str
    zone: str
    delivery_day: date
    strategy: str
    mode: str
    valid_until_utc: datetime
    signals: pl.DataFrame
    curves: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    """Signal id to its steps (price, accumulated MW); a signal without steps is one order at its limit
    price.
    """
    blocks: pl.DataFrame = field(default_factory=BLOCK_ORDERS_OF_A_DAY.empty)
    """Rows of `block_orders`. Where there are any, they are the orders, and the signals are the plan."""

    @property
    def n_orders(self) -> int:
        """Block orders, or units that buy or sell."""
        if self.blocks.height:
            return self.blocks.select("block_group", "block").n_unique()
        return int((self.signals["volume_mw"] > 0).sum())

    @property
    def is_broken(self) -> bool:
        """Whether a plan in exclusive groups lacks a unit of a block, as after a change by hand."""
        is_in_groups = (self.signals["market"] == DAY_AHEAD_GROUPS).any()
        if not is_in_groups or not self.n_orders:
            return False
        energies = self.blocks.group_by("block_group", "block").agg(pl.col("volume_mw").sum().round(6))
        return energies.group_by("block_group").agg(pl.col("volume_mw").n_unique()).filter(
            pl.col("volume_mw") > 1
        ).height > 0 or not _is_whole(self.signals, self.blocks)


def _is_whole(signals: pl.DataFrame, blocks: pl.DataFrame) -> bool:
    """Whether every unit that the auction may trade has its blocks."""
    reached = signals.filter((pl.col("reach_mw").fill_null(0.0) != 0) | (pl.col("volume_mw") > 0))
    return reached.join(blocks, on="signal_id", how="anti").is_empty()


def make_batches(
    signals: pl.DataFrame, bid_curves: pl.DataFrame | None = None, block_orders: pl.DataFrame | None = None
) -> tuple[Batch, ...]:
    """The champion's signals as batches, in the order of zone, day and strategy.

    Signals that are bid as a curve have their steps, those in exclusive groups their blocks.
    """
    champion = signals.filter(pl.col("role") == "champion").sort(
        "zone", "delivery_day", "strategy", "delivery_start_utc"
    )
    steps = BID_CURVES.empty() if bid_curves is None else bid_curves
    blocks = BLOCK_ORDERS_OF_A_DAY.empty() if block_orders is None else block_orders
    return tuple(
        _batch(rows, steps, blocks)
        for _, rows in champion.group_by("zone", "delivery_day", "strategy", maintain_order=True)
    )


def _batch(rows: pl.DataFrame, bid_curves: pl.DataFrame, block_orders: pl.DataFrame) -> Batch:
    zone, day, strategy = rows.select("zone", "delivery_day", "strategy").row(0)
    until = rows["valid_until_utc"].min()
    if not isinstance(until, datetime):
        raise ContractError(f"{zone} {day} {strategy}: signals without valid_until_utc")
    own = bid_curves.filter(pl.col("signal_id").is_in(rows["signal_id"].implode())).sort(
        "delivery_start_utc", "step"
    )
    curves = {
        str(signal): tuple(steps.select("price_eur_per_mwh", "volume_mw").rows())
        for (signal,), steps in own.group_by("signal_id", maintain_order=True)
    }
    is_own = pl.col("signal_id").is_in(rows["signal_id"].implode())
    blocks = block_orders.filter(is_own).sort("block_group", "block", "delivery_start_utc")
    said = ("block_group", "block", "delivery_start_utc", "volume_mw", "limit_price_eur_per_mwh")
    parts = [repr(curves)] if curves else []
    parts += [repr(blocks.select(said).rows())] if blocks.height else []
    text = "|".join((zone, str(day), strategy, *rows["signal_id"].to_list(), *parts))
    return Batch(
        publication_id=hashlib.sha256(text.encode()).hexdigest()[:24],
        zone=zone,
        delivery_day=day,
        strategy=strategy,
        mode="live" if rows["mode"].eq("live").all() else "paper",
        valid_until_utc=until,
        signals=rows,
        curves=curves,
        blocks=blocks,
    )
