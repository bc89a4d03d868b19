"""Contracts of the tables that live sources fill, and of the ledger of captures.

They stand beside the raw tables of every source.
"""

import polars as pl

from spot.contracts.border_tables import BORDER_TABLES
from spot.contracts.fuel_tables import FUEL_PRICES
from spot.contracts.raw_tables import AVAILABILITY, EARLIER_AUCTION_PRICES, period_table
from spot.contracts.table import UTC_INSTANT, Column, TableContract

CURRENCIES = ("GBP", "USD", "BGN", "CHF", "CZK", "DKK", "HUF", "NOK", "PLN", "RON", "SEK")
WEATHER_SERIES = ("temperature_2m", "wind_speed_100m", "wind_speed_10m", "shortwave_radiation", "cloud_cover")


def _instant(description: str, *, nullable: bool = False) -> Column:
    return Column(dtype=UTC_INSTANT, description=description, unit="instant", nullable=nullable)


def _text(description: str, *, nullable: bool = False) -> Column:
    return Column(dtype=pl.String, description=description, nullable=nullable)


_PROVENANCE: dict[str, Column] = {
    "available_at_utc": _instant("instant at which the value became known"),
    "availability": Column(dtype=pl.String, description="how that instant is known", allowed=AVAILABILITY),
    "source": _text("provider, for example entsoe"),
}


def _power(description: str, minimum: float) -> Column:
    return Column(dtype=pl.Float64, description=description, unit="MW", minimum=minimum, maximum=250_000.0)


RENEWABLE_FORECAST_UPDATES = period_table(
    "renewable_forecast_updates",
    "Forecasts of wind and solar generation renewed within the delivery day (ENTSO-E processes A18 and A40)."
    " Never known at the day-ahead gate.",
    ("wind", "wind_onshore", "wind_offshore", "solar"),
    generation_forecast_mw=_power("forecast mean generation of the period", 0.0),
)
OTHER_AUCTION_PRICES = period_table(
    "other_auction_prices",
    "Day-ahead prices of auctions beside the coupled one, as ENTSO-E numbers them: `sequence_2` is EXAA in AT"
    " and DE_LU.",
    ("sequence_2", "sequence_3"),
    price_eur_per_mwh=Column(
        dtype=pl.Float64, description="clearing price", unit="EUR/MWh", minimum=-5_000.0, maximum=15_000.0
    ),
)
IMBALANCE_PRICE_SIDES = period_table(
    "imbalance_price_sides",
    "Imbalance prices of areas that settle a surplus (`long`) and a shortage (`short`) differently.",
    ("long", "short"),
    price_eur_per_mwh=Column(
        dtype=pl.Float64, description="settlement price", unit="EUR/MWh", minimum=-50_000.0, maximum=50_000.0
    ),
)
IMBALANCE_VOLUMES = period_table(
    "imbalance_volumes",
    "Total imbalance of an area. `up` and `down` are the directions the provider states; `net` is signed,"
    " positive for a surplus.",
    ("up", "down", "net"),
    volume_mwh=Column(
        dtype=pl.Float64,
        description="energy of the period",
        unit="MWh",
        minimum=-100_000.0,
        maximum=100_000.0,
    ),
)
LOCAL_CURRENCY_PRICES = period_table(
    "local_currency_prices",
    "Prices as published in a currency other than EUR; an EUR table is derived with a dated exchange rate.",
    ("market_index", "system_price", "system_price_long", "system_price_short", "day_ahead", "real_time"),
    price_per_mwh=Column(
        dtype=pl.Float64,
        description="price in `currency` per MWh; 50,000 EUR/MWh are 20 million HUF",
        unit="per MWh",
        minimum=-20_000_000.0,
        maximum=20_000_000.0,
    ),
    currency=Column(dtype=pl.String, description="ISO 4217 code", allowed=CURRENCIES),
    volume_mwh=Column(dtype=pl.Float64, description="traded energy", unit="MWh", nullable=True, minimum=0.0),
)
EXCHANGE_RATES = TableContract(
    name="exchange_rates",
    description=(
        "Reference rates of the European Central Bank, for the zones that trade in another currency than EUR."
    ),
    key=("zone", "series", "delivery_day", "source", "available_at_utc"),
    is_raw=True,
    columns={
        "zone": _text("bidding zone whose prices it converts"),
        "series": Column(dtype=pl.String, description="ISO 4217 code of the currency", allowed=CURRENCIES),
        "delivery_day": Column(dtype=pl.Date, description="day of the fixing"),
        "delivery_start_utc": _instant("start of the day of the fixing in the market time zone"),
        "rate_per_eur": Column(
            dtype=pl.Float64,
            description="units of the currency for one EUR",
            unit="per EUR",
            minimum=1e-3,
            maximum=1e5,
        ),
        **_PROVENANCE,
    },
)
WEATHER_FORECASTS = period_table(
    "weather_forecasts",
    "Weather forecast runs at named points, one row per run, point, variable and hour. Never reanalysis.",
    WEATHER_SERIES,
    key=("zone", "series", "point", "run_at_utc", "delivery_start_utc", "source", "available_at_utc"),
    point=_text("name of the point, latitude and longitude in degrees, for example 52.50,13.40"),
    model=_text("numerical weather model, for example ecmwf_ifs"),
    run_at_utc=_instant("initialisation of the run"),
    lead_minutes=Column(
        dtype=pl.Int32,
        description="from initialisation to the start of the period",
        unit="min",
        minimum=0,
        maximum=16 * 1440,
    ),
    value=Column(
        dtype=pl.Float64,
        description="degrees Celsius, m/s, W/m2 or percent, by series",
        unit="by series",
        minimum=-90.0,
        maximum=1500.0,
    ),
)
OUTAGES = TableContract(
    name="outages",
    description=(
        "Unavailability of generation and production units: what was announced, revision by revision."
    ),
    key=("zone", "outage_id", "revision", "interval_start_utc", "source", "available_at_utc"),
    is_raw=True,
    columns={
        "zone": _text("bidding zone"),
        "outage_id": _text("the provider's identifier of the outage"),
        "revision": Column(dtype=pl.Int32, description="revision number of the announcement", minimum=0),
        "status": Column(
            dtype=pl.String, description="whether it stands", allowed=("active", "cancelled", "withdrawn")
        ),
        "kind": Column(
            dtype=pl.String, description="planned maintenance or forced outage", allowed=("planned", "forced")
        ),
        "unit": _text("EIC or name of the unit"),
        "fuel": _text("the provider's production type, for example B04", nullable=True),
        "delivery_day": Column(
            dtype=pl.Date, description="calendar day of the interval's start in the market time zone"
        ),
        "interval_start_utc": _instant("start of the interval with this capacity"),
        "interval_end_utc": _instant("end of the interval"),
        "nominal_mw": Column(
            dtype=pl.Float64,
            description="nominal capacity",
            unit="MW",
            nullable=True,
            minimum=0.0,
            maximum=20_000.0,
        ),
        "available_mw": Column(
            dtype=pl.Float64, description="capacity that remains", unit="MW", minimum=0.0, maximum=20_000.0
        ),
        **_PROVENANCE,
    },
)
AVAILABLE_CAPACITY = TableContract(
    name="available_capacity",
    description=(
        "Generating capacity by fuel that is expected to be usable on a day, as its owners last declared."
    ),
    key=("zone", "series", "delivery_day", "source", "available_at_utc"),
    is_raw=True,
    columns={
        "zone": _text("bidding zone"),
        "series": _text("fuel as the provider names it, for example CCGT"),
        "delivery_day": Column(dtype=pl.Date, description="the day in the market time zone"),
        "delivery_start_utc": _instant("start of the day"),
        "available_mw": _power("usable capacity", 0.0),
        **_PROVENANCE,
    },
)
CAPTURES = TableContract(
    name="captures",
    description=(
        "Every answer of a provider: when, from where, its checksum. The body lies compressed in the capture"
        " store under its checksum."
    ),
    key=("zone", "source", "series", "request_id", "captured_at_utc"),
    columns={
        "source": _text("provider"),
        "zone": _text("bidding zone"),
        "series": _text("what was asked for, for example day_ahead_prices"),
        "delivery_day": Column(dtype=pl.Date, description="day of the capture in UTC"),
        "request_id": _text("checksum of the address without secrets"),
        "address": _text("address asked, every secret replaced by HIDDEN"),
        "first_utc": _instant("start of the span asked for"),
        "end_utc": _instant("end of the span asked for"),
        "captured_at_utc": _instant("when the answer was complete"),
        "is_backfill": Column(dtype=pl.Boolean, description="asked for long after publication"),
        "outcome": Column(
            dtype=pl.String, description="what came", allowed=("rows", "no_data", "refused", "unavailable")
        ),
        "detail": _text("the reason, when nothing usable came"),
        "body_sha256": _text("checksum of the body, empty where none came"),
        "n_bytes": Column(dtype=pl.Int64, description="size of the body", unit="byte", minimum=0),
        "n_rows": Column(dtype=pl.Int64, description="rows read", minimum=0),
        "n_rejected": Column(
            dtype=pl.Int64, description="rows refused, with their reasons in the quarantine", minimum=0
        ),
    },
)
PUBLICATION_LAGS = TableContract(
    name="publication_lags",
    description=(
        "When the values of a delivery day were first seen in full, against the rule that says when they are"
        " due. Captures only."
    ),
    key=("zone", "table_name", "source", "series", "delivery_day"),
    columns={
        "zone": _text("bidding zone"),
        "table_name": _text("raw table"),
        "source": _text("provider"),
        "series": _text("series of the table"),
        "delivery_day": Column(dtype=pl.Date, description="calendar day in the market time zone"),
        "due_utc": _instant("due by the publication rule"),
        "seen_utc": _instant("first complete sight"),
        "lag_minutes": Column(dtype=pl.Float64, description="seen after due; negative is early", unit="min"),
    },
)
LIVE_TABLES: tuple[TableContract, ...] = (
    OTHER_AUCTION_PRICES,
    RENEWABLE_FORECAST_UPDATES,
    IMBALANCE_PRICE_SIDES,
    IMBALANCE_VOLUMES,
    *BORDER_TABLES,
    LOCAL_CURRENCY_PRICES,
    EXCHANGE_RATES,
    FUEL_PRICES,
    EARLIER_AUCTION_PRICES,
    WEATHER_FORECASTS,
    OUTAGES,
    AVAILABLE_CAPACITY,
    CAPTURES,
    PUBLICATION_LAGS,
)
