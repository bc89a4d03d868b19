"""Contracts of the raw, bitemporal tables: what a provider published, and when it became known.

A row says: for `zone` and `series`, `source` published the value of the period that starts at
`delivery_start_utc`, and it was known from `available_at_utc` on. A revision is a new row. `availability`
says how that instant is known: `captured` by us, `stated` by the provider, or by dated `rule`.
"""

import polars as pl

from spot.contracts.table import UTC_INSTANT, Column, TableContract

AVAILABILITY = ("captured", "stated", "rule")
RAW_KEY = ("zone", "series", "delivery_start_utc", "available_at_utc", "source")
"""Two providers may state different values for one period at one instant. Both are kept; a zone reads the
providers that it trusts.
"""
PRICE_TABLES = ("day_ahead_prices", "intraday_prices", "imbalance_prices")
SETTLING_TABLES = (*PRICE_TABLES, "imbalance_price_sides")
"""Tables that decide and settle: the prices, and those of areas that settle a surplus and a shortage at two.
"""
RAW_TABLES_OF_A_ZONE = (
    *PRICE_TABLES,
    "load_forecasts",
    "renewable_forecasts",
    "load_actuals",
    "generation_actuals",
)
"""The tables of `RAW_TABLES` that every zone has, prices first."""


def period_table(
    name: str,
    description: str,
    series: tuple[str, ...] | None,
    key: tuple[str, ...] = RAW_KEY,
    **values: Column,
) -> TableContract:
    """A raw table with one row per zone, series, period and publication, and the columns `values`.

    `series` None allows any name.
    """
    columns = {
        "zone": Column(dtype=pl.String, description="bidding zone"),
        "series": Column(dtype=pl.String, description="which series of the table", allowed=series),
        "delivery_day": Column(dtype=pl.Date, description="calendar day in the market time zone"),
        "delivery_start_utc": Column(dtype=UTC_INSTANT, description="start of the period", unit="instant"),
        "resolution_minutes": Column(
            dtype=pl.Int32, description="length of the period as published", unit="min", allowed=(15, 30, 60)
        ),
        **values,
        "available_at_utc": Column(
            dtype=UTC_INSTANT, description="instant at which the value became known", unit="instant"
        ),
        "availability": Column(
            dtype=pl.String, description="how that instant is known", allowed=AVAILABILITY
        ),
        "source": Column(dtype=pl.String, description="provider, for example simulated, files, entsoe"),
    }
    return TableContract(name=name, description=description, columns=columns, key=key, is_raw=True)


def _price(limit: float, description: str) -> Column:
    return Column(dtype=pl.Float64, description=description, unit="EUR/MWh", minimum=-limit, maximum=limit)


def _power(description: str, minimum: float = 0.0) -> Column:
    return Column(dtype=pl.Float64, description=description, unit="MW", minimum=minimum, maximum=250_000.0)


_GENERATION_SERIES = ("wind", "wind_onshore", "wind_offshore", "solar")

RAW_TABLES: tuple[TableContract, ...] = (
    period_table(
        "day_ahead_prices",
        "Clearing prices of the day-ahead auction; `check_raw_rows` holds them to the limits of their zone"
        " and day.",
        ("day_ahead",),
        price_eur_per_mwh=Column(
            dtype=pl.Float64, description="clearing price", unit="EUR/MWh", minimum=-9999.0, maximum=9999.0
        ),
    ),
    period_table(
        "load_forecasts",
        "Day-ahead forecasts of total load. `load_zone` is that of a part of the market, where a provider"
        " gives both.",
        ("load", "load_zone"),
        load_forecast_mw=_power("forecast mean load of the period"),
    ),
    period_table(
        "renewable_forecasts",
        "Day-ahead forecasts of wind and solar generation. `wind` is on- and offshore together where a"
        " provider does not separate them; `wind_solar` and `generation_total`, of all plants, occur in the"
        " benchmark markets only.",
        (*_GENERATION_SERIES, "wind_solar", "generation_total"),
        generation_forecast_mw=_power("forecast mean generation of the period"),
    ),
    period_table("load_actuals", "Actual total load.", ("load",), load_mw=_power("mean load of the period")),
    period_table(
        "generation_actuals",
        "Actual wind and solar generation.",
        _GENERATION_SERIES,
        generation_mw=_power("mean generation", -500.0),
    ),
    period_table(
        "intraday_prices",
        "Volume-weighted average price of continuous intraday trading, and intraday auction prices. `vwap` is"
        " that of the finest product, `vwap_60` that of the hourly product where quarter hours are traded"
        " beside it; `reference_curve` is the desk's own or a broker's price of a delivery to come.",
        ("vwap", "vwap_60", "ida1", "ida2", "ida3", "reference_curve"),
        price_eur_per_mwh=_price(9999.0, "price"),
        volume_mwh=Column(
            dtype=pl.Float64, description="traded energy", unit="MWh", nullable=True, minimum=0.0
        ),
    ),
    period_table(
        "imbalance_prices",
        "Settlement price of imbalances, single price per imbalance settlement period.",
        ("imbalance",),
        price_eur_per_mwh=_price(50_000.0, "settlement price; real extremes reach tens of thousands"),
    ),
)
EARLIER_AUCTION_PRICES = period_table(
    "earlier_auction_prices",
    "Results of auctions that clear before the gate of the zone and price the same delivery day, as the"
    " zone reads them: `swiss` (CH), `exaa`, `british` (GB). Days are those of the reading zone.",
    ("swiss", "exaa", "british"),
    price_eur_per_mwh=_price(15_000.0, "clearing price of that auction"),
)
"""A zone has it where auctions clear before its own; see `spot/market/earlier_auctions.py`."""
