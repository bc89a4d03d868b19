"""Contract of block orders in exclusive groups, and what a signal says of them.

Of an exclusive group the auction executes at most one block. A unit's signal has the plan's own power and the
reach of the auction; `block_orders` has every block.
"""

import polars as pl

from spot.contracts.forecast_tables import MTU_COLUMNS, MTU_KEY
from spot.contracts.table import Column, TableContract
from spot.contracts.words import ROLES, STRATEGY_NAME

DAY_AHEAD_GROUPS = "day_ahead_groups"
"""Market of a plan that is sent as exclusive groups of block orders, of each of which one is executed."""
REACH_COLUMNS: dict[str, Column] = {
    "reach_mw": Column(
        dtype=pl.Float64,
        description=(
            "largest power that the auction may execute in this unit of exclusive groups, bought is positive;"
            " it may execute any less; null where the order is the one that stands here"
        ),
        unit="MW",
        nullable=True,
        minimum=-10_000.0,
        maximum=10_000.0,
    ),
    "reach_value_eur": Column(
        dtype=pl.Float64,
        description=(
            "energy times expected price of the unit, in the block of its group whose sum over the day is"
            " largest; null where the order is the one that stands here"
        ),
        unit="EUR",
        nullable=True,
        minimum=0.0,
    ),
    "n_blocks": Column(
        dtype=pl.Int32,
        description=(
            "block orders whose first unit is this one; null where the order is the one that stands here"
        ),
        nullable=True,
        minimum=0,
    ),
}
"""Columns of a signal that say what the auction may choose instead of its order."""
BLOCK_ORDERS_OF_A_DAY = TableContract(
    name="block_orders",
    description=(
        "Block orders in exclusive groups, a row for each unit in which a block trades. Of the blocks of one"
        " group at most one is executed: that of greatest surplus, as a rule."
    ),
    key=(*MTU_KEY, "strategy", "role", "model_version", "block_group", "block"),
    columns={
        "signal_id": Column(dtype=pl.String, description="signal of the unit that the row belongs to"),
        **MTU_COLUMNS,
        "strategy": Column(
            dtype=pl.String,
            description="strategy that made the signal",
            pattern=STRATEGY_NAME,
            registry="strategies",
        ),
        "role": Column(
            dtype=pl.String, description="champion trades, challenger is kept on paper", allowed=ROLES
        ),
        "model_version": Column(
            dtype=pl.String,
            description="registered version of the forecast behind the signal; null when there was none",
            nullable=True,
        ),
        "block_group": Column(dtype=pl.Int32, description="number of the group, in time order", minimum=1),
        "block": Column(
            dtype=pl.Int32, description="number of the block in its group; 1 is the plan's own", minimum=1
        ),
        "side": Column(dtype=pl.String, description="buy is long", allowed=("buy", "sell")),
        "volume_mw": Column(
            dtype=pl.Float64,
            description="power of the block in this unit",
            unit="MW",
            minimum=0.0,
            maximum=10_000.0,
        ),
        "limit_price_eur_per_mwh": Column(
            dtype=pl.Float64,
            description="limit of the whole block: its mean price by volume, buy not above, sell not below",
            unit="EUR/MWh",
        ),
        "probability_frac": Column(
            dtype=pl.Float64,
            description="share of the day's paths on which the block is the best of its group",
            unit="share of one",
            nullable=True,
            minimum=0.0,
            maximum=1.0,
        ),
    },
)
"""Named so that `spot.market.block_orders`, the rules of the exchanges, is something else."""
