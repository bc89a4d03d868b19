"""Contract of the daily prices of gas, emission allowances and oil."""

import polars as pl

from spot.contracts.raw_tables import AVAILABILITY
from spot.contracts.table import UTC_INSTANT, Column, TableContract

FUEL_PRICES = TableContract(
    name="fuel_prices",
    description=(
        "Daily prices of what power is made from, as files bring them in: `gas_vtp`, index of the virtual"
        " trading point in EUR/MWh; `eua_auction`, primary auction of emission allowances in EUR/t; `brent`"
        " in USD per barrel. Each series has a publication rule of its own."
    ),
    key=("zone", "series", "delivery_day", "source", "available_at_utc"),
    is_raw=True,
    columns={
        "zone": Column(dtype=pl.String, description="bidding zone whose power is made from it"),
        "series": Column(
            dtype=pl.String, description="which price", allowed=("gas_vtp", "eua_auction", "brent")
        ),
        "delivery_day": Column(dtype=pl.Date, description="gas day, day of the auction or of the quotation"),
        "delivery_start_utc": Column(
            dtype=UTC_INSTANT, description="start of the day in the market time zone", unit="instant"
        ),
        "price": Column(
            dtype=pl.Float64,
            description="price of the series",
            unit="by series",
            minimum=-500.0,
            maximum=5_000.0,
        ),
        "available_at_utc": Column(
            dtype=UTC_INSTANT, description="instant at which the value became known", unit="instant"
        ),
        "availability": Column(
            dtype=pl.String, description="how that instant is known", allowed=AVAILABILITY
        ),
        "source": Column(dtype=pl.String, description="provider, for example files"),
    },
)
