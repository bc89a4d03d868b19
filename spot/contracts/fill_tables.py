"""Contract of what the exchange says was executed: results of orders, rejections, and later trades."""

import polars as pl

from spot.contracts.forecast_tables import MTU_COLUMNS
from spot.contracts.table import UTC_INSTANT, Column, TableContract
from spot.contracts.words import STRATEGY_NAME

FILL_MARKETS = ("auction", "trade")
"""`auction` is the result of an order that the desk sent, `trade` a deal made after the auction."""
FILL_STATUSES = ("filled", "rejected")

EXCHANGE_FILLS = TableContract(
    name="exchange_fills",
    description=(
        "What the exchange says was executed: results of the desk's orders in the auction, rejections, and"
        " trades after it. Rows never change; of one reference, the newest report holds."
    ),
    key=("zone", "delivery_start_utc", "strategy", "market", "reference", "available_at_utc"),
    columns={
        **MTU_COLUMNS,
        "strategy": Column(
            dtype=pl.String,
            description="strategy whose order or position it is",
            pattern=STRATEGY_NAME,
            registry="strategies",
        ),
        "market": Column(
            dtype=pl.String,
            description="result of an order in the auction, or a trade after it",
            allowed=FILL_MARKETS,
        ),
        "status": Column(
            dtype=pl.String,
            description="filled, or rejected as a whole; what was not executed has a power of 0",
            allowed=FILL_STATUSES,
        ),
        "side": Column(dtype=pl.String, description="buy is long", allowed=("buy", "sell")),
        "volume_mw": Column(
            dtype=pl.Float64,
            description="power that was executed",
            unit="MW",
            minimum=0.0,
            maximum=10_000.0,
        ),
        "price_eur_per_mwh": Column(
            dtype=pl.Float64,
            description="price of what was executed; null where nothing was",
            unit="EUR/MWh",
            nullable=True,
            minimum=-99_999.0,
            maximum=99_999.0,
        ),
        "reference": Column(dtype=pl.String, description="the exchange's own number of the order or trade"),
        "detail": Column(dtype=pl.String, description="the exchange's words, such as why it rejected"),
        "available_at_utc": Column(
            dtype=UTC_INSTANT, description="when the exchange reported it", unit="instant"
        ),
    },
)
REPORTED_COLUMNS: dict[str, Column] = {
    "fill_source": Column(
        dtype=pl.String,
        description="`exchange` where the exchange reported the fill; null where it follows from prices",
        nullable=True,
    ),
    "fill_price_eur_per_mwh": Column(
        dtype=pl.Float64,
        description="the exchange's price of the fill; null where it is the clearing price",
        unit="EUR/MWh",
        nullable=True,
    ),
    "traded_mwh": Column(
        dtype=pl.Float64,
        description="energy of reported trades after the auction, long is positive; null without any",
        unit="MWh",
        nullable=True,
    ),
}
"""What a settlement says about the exchange's report."""
FILL_TABLES: tuple[TableContract, ...] = (EXCHANGE_FILLS,)
