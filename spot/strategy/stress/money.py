"""Money of the orders of a day under many sets of prices at once, by the rules of settlement.

Each scenario is settled as a zone of its own (`SK#17`), so that limits, curves, exclusive groups, fees, wear
and missing energy count as they will when the day is settled.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.table import UTC_INSTANT
from spot.errors import ContractError
from spot.risk.fills import settle
from spot.risk.outcomes import OUTCOME_SCHEMA
from spot.strategy.blocks.execution import executed
from spot.strategy.interface import Strategy
from spot.strategy.reported.fills import REPORTED_SCHEMA, signed_mw

_KNOWN = pl.lit(None, UTC_INSTANT)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOrders:
    """The orders of one zone, day and strategy as they leave."""

    strategy: Strategy
    signals: pl.DataFrame
    """Rows of `signals`, one per unit."""
    bid_curves: pl.DataFrame
    block_orders: pl.DataFrame

    @property
    def name(self) -> tuple[str, str]:
        """Zone and strategy."""
        return self.signals["zone"][0], self.strategy.strategy

    @property
    def exposure_mw(self) -> Floats:
        """(P,) power of the orders in MW, long is positive; of exclusive groups that of the plan."""
        return self._sorted.select(signed_mw()).to_series().to_numpy()

    @property
    def expected(self) -> tuple[Floats, Floats]:
        """(P,) expected day-ahead price, and how far the second price is expected above it, EUR/MWh.

        The second is 0 where there is no second price.
        """
        rows = self._sorted
        auction = rows["expected_price_eur_per_mwh"].to_numpy()
        second = rows["expected_reference_eur_per_mwh"].fill_null(np.nan).to_numpy()
        return auction, np.nan_to_num(second - auction)

    @property
    def _sorted(self) -> pl.DataFrame:
        return self.signals.sort("delivery_start_utc")


def money_under(orders: DayOrders, auction: Floats, second: Floats, *, takes_place: bool = True) -> Floats:
    """(N,) net P&L of the orders under N sets of prices, EUR.

    Args:
        orders: of P units.
        auction: (N, P) day-ahead prices, EUR/MWh.
        second: (N, P) second prices, EUR/MWh; not read where the strategy has none.
        takes_place: whether the auction takes place. If not, nothing is filled.

    Raises:
        ContractError: the prices are not those of the orders' units, or not finite.
    """
    rows, n = orders.signals.sort("delivery_start_utc"), len(auction)
    if auction.shape != (n, rows.height) or second.shape != auction.shape:
        raise ContractError(f"stress: {rows.height} units, prices of shape {auction.shape}, {second.shape}")
    if not (np.isfinite(auction).all() and np.isfinite(second).all()):
        raise ContractError("stress: a price is missing")
    strategy = orders.strategy
    priced = _priced(rows, auction, second, strategy)
    signals, blocks, curves = (
        _repeated(frame, n) for frame in (rows, orders.block_orders, orders.bid_curves)
    )
    fills = executed(signals, blocks, priced, strategy.fill_rules) if blocks.height else None
    none_filled = signals.select(
        "signal_id",
        sent_mw=signed_mw(),
        real_mw=pl.lit(0.0),
        paid_eur=pl.lit(0.0),
        traded_mwh=pl.lit(None, pl.Float64),
        traded_eur=pl.lit(None, pl.Float64),
    ).cast(REPORTED_SCHEMA)
    settled = settle(
        signals,
        priced,
        strategy.fees,
        degradation_eur_per_mwh=strategy.wear_eur_per_mwh,
        bid_curves=curves,
        executed=fills,
        reported=None if takes_place else none_filled,
    )
    made = settled.group_by("zone").agg(pl.col("pnl_eur").sum())
    numbers = made["zone"].str.split("#").list.last().cast(pl.Int64).to_numpy()
    money = np.zeros(n)
    money[numbers] = made["pnl_eur"].to_numpy()
    return money


def _priced(rows: pl.DataFrame, auction: Floats, second: Floats, strategy: Strategy) -> pl.DataFrame:
    """Outcomes of every scenario. A price view closes at the price that the desk gave."""
    own = rows["expected_reference_eur_per_mwh"].to_numpy()
    closing = np.broadcast_to(own, auction.shape) if strategy.closes_at_desk_price else second
    units = rows.select("zone", "delivery_day", "delivery_start_utc", "resolution_minutes", "source")
    return (
        _repeated(units, len(auction))
        .with_columns(
            day_ahead_price_eur_per_mwh=pl.Series(auction.ravel(), dtype=pl.Float64),
            reference_price_eur_per_mwh=pl.Series(closing.ravel(), dtype=pl.Float64).fill_nan(None),
            known_at_utc=_KNOWN,
        )
        .select(OUTCOME_SCHEMA.names())
    )


def _repeated(frame: pl.DataFrame, n: int) -> pl.DataFrame:
    """The rows once per scenario, scenario by scenario, each with ids of its own."""
    numbers = pl.DataFrame({"_scenario": pl.int_range(n, eager=True, dtype=pl.Int64)})
    named = [
        pl.format("{}#{}", name, "_scenario").alias(name)
        for name in ("zone", "signal_id")
        if name in frame.columns
    ]
    return numbers.join(frame, how="cross", maintain_order="left_right").with_columns(named).drop("_scenario")
