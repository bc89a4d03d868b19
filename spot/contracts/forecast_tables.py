"""Contracts of the derived tables from features to forecasts.

Their key is what they describe; a rerun replaces its own rows.
"""

import polars as pl

from spot.contracts.table import UTC_INSTANT, Column, TableContract
from spot.contracts.words import ROLES

QUANTILE_COLUMNS: dict[float, str] = {
    level: f"price_q{round(level * 1000):03d}_eur_per_mwh"
    for level in (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
}
"""Quantile level to column: 0.1 is `price_q100_eur_per_mwh`."""

MTU_COLUMNS: dict[str, Column] = {
    "zone": Column(dtype=pl.String, description="bidding zone"),
    "delivery_day": Column(dtype=pl.Date, description="calendar day in the market time zone"),
    "delivery_start_utc": Column(
        dtype=UTC_INSTANT, description="start of the market time unit", unit="instant"
    ),
    "resolution_minutes": Column(
        dtype=pl.Int32, description="length of the market time unit", unit="min", allowed=(15, 30, 60)
    ),
}
MTU_KEY = ("zone", "delivery_day", "delivery_start_utc")


def _price(description: str) -> Column:
    return Column(dtype=pl.Float64, description=description, unit="EUR/MWh")


DAY_AHEAD_FORECASTS = TableContract(
    name="day_ahead_forecasts",
    description=(
        "Quantile forecasts of the day-ahead price, one row per market time unit, made at the gate with what"
        " was known then."
    ),
    key=(*MTU_KEY, "model_version", "role"),
    columns={
        **MTU_COLUMNS,
        **{name: _price(f"{level:g} quantile of the price") for level, name in QUANTILE_COLUMNS.items()},
        "price_point_eur_per_mwh": _price("point forecast"),
        "role": Column(
            dtype=pl.String,
            description="whether the champion or a challenger made the forecast",
            allowed=ROLES,
        ),
        "model_name": Column(dtype=pl.String, description="registered model, one per zone"),
        "model_version": Column(dtype=pl.String, description="registered version"),
        "as_of_utc": Column(
            dtype=UTC_INSTANT, description="gate closure: no value published later was used", unit="instant"
        ),
        "newest_input_utc": Column(
            dtype=UTC_INSTANT, description="publication instant of the newest value used", unit="instant"
        ),
        "data_version": Column(dtype=pl.String, description="versions of the tables read"),
        "source": Column(dtype=pl.String, description="provider of the data, for example simulated"),
        "fallback": Column(
            dtype=pl.String,
            description="who stands in for the version that should serve, and why; null where none has to",
            nullable=True,
        ),
    },
)
