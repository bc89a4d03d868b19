"""Contracts of the model inputs.

`day_ahead_features` holds inputs as known at the gate. `training_set` holds the same rows with their outcome.

A feature is null where its source was missing or not yet published at the gate. A model must accept that.
Lagged prices are those of the same period of the local day: at 02:15 on day D, `price_1d` is the price at
02:15 on D-1, or of the hour that contains 02:15 where D-1 was hourly.
"""

import polars as pl

from spot.contracts.forecast_tables import MTU_COLUMNS, MTU_KEY
from spot.contracts.table import UTC_INSTANT, Column, TableContract


def _feature(unit: str, description: str) -> Column:
    return Column(dtype=pl.Float64, description=description, unit=unit, nullable=True)


PRICE_LAGS_DAYS = (1, 2, 3, 7)
"""Lags of the price in days, as in the open-access benchmark (Lago et al., Applied Energy 293, 2021)."""
DAY_AHEAD_INPUTS = ("load_forecast_mw", "wind_forecast_mw", "solar_forecast_mw")
"""Forecasts for the delivery period itself. `residual_load_mw`, load minus wind minus solar, is made of them.
"""

CALENDAR_FEATURES: dict[str, Column] = {
    "hour_local": _feature("h", "local clock time at the start of the period, in hours, 0 to below 24"),
    "day_of_week": _feature("", "1 is Monday, 7 is Sunday"),
    "day_of_year": _feature("", "1 to 366"),
    "holiday_fraction": _feature(
        "share", "share of the zone's holiday calendars on which the day is a public holiday, 0 to 1"
    ),
    "n_periods": _feature(
        "", "number of market time units of the day: 23, 24, 25, 46, 48, 50, 92, 96 or 100"
    ),
}

FEATURES: dict[str, Column] = {
    "load_forecast_mw": _feature("MW", "day-ahead load forecast"),
    "wind_forecast_mw": _feature("MW", "day-ahead wind forecast, on- and offshore"),
    "solar_forecast_mw": _feature("MW", "day-ahead solar forecast"),
    "residual_load_mw": _feature(
        "MW", "load minus wind minus solar forecast; null unless all three that the zone has are known"
    ),
    **{
        f"price_{lag}d_eur_per_mwh": _feature(
            "EUR/MWh", f"day-ahead price of the same local period {lag} days before"
        )
        for lag in PRICE_LAGS_DAYS
    },
    "price_mean_1d_eur_per_mwh": _feature("EUR/MWh", "mean day-ahead price of the day before"),
    "price_min_1d_eur_per_mwh": _feature("EUR/MWh", "lowest day-ahead price of the day before"),
    "price_max_1d_eur_per_mwh": _feature("EUR/MWh", "highest day-ahead price of the day before"),
    "price_last_1d_eur_per_mwh": _feature("EUR/MWh", "day-ahead price of the last period of the day before"),
    "price_mean_7d_eur_per_mwh": _feature("EUR/MWh", "mean day-ahead price of the seven days before"),
    "price_std_7d_eur_per_mwh": _feature(
        "EUR/MWh", "standard deviation of the day-ahead prices of the seven days before"
    ),
    "load_forecast_change_1d_mw": _feature(
        "MW", "load forecast minus that of the same local period the day before"
    ),
    "wind_forecast_change_1d_mw": _feature(
        "MW", "wind forecast minus that of the same local period the day before"
    ),
    "solar_forecast_change_1d_mw": _feature(
        "MW", "solar forecast minus that of the same local period the day before"
    ),
    "wind_forecast_1d_mw": _feature(
        "MW",
        "wind forecast for the same local period of the day before: known at the gate where today's is not",
    ),
    "solar_forecast_1d_mw": _feature(
        "MW",
        "solar forecast for the same local period of the day before: known at the gate where today's is not",
    ),
    "load_actual_mw": _feature("MW", "actual load of the same local period on the last wholly published day"),
    "wind_actual_mw": _feature(
        "MW", "actual wind generation of the same local period on the last wholly published day"
    ),
    "solar_actual_mw": _feature(
        "MW", "actual solar generation of the same local period on the last wholly published day"
    ),
    "intraday_spread_eur_per_mwh": _feature(
        "EUR/MWh", "intraday minus day-ahead price of the same local period, last published day"
    ),
    "intraday_spread_mean_eur_per_mwh": _feature(
        "EUR/MWh", "mean intraday minus day-ahead price of the last published day"
    ),
    "imbalance_spread_eur_per_mwh": _feature(
        "EUR/MWh", "imbalance minus day-ahead price of the same local period, last published day"
    ),
    "imbalance_spread_mean_eur_per_mwh": _feature(
        "EUR/MWh", "mean imbalance minus day-ahead price of the last published day"
    ),
    **CALENDAR_FEATURES,
}
"""Every feature column that each zone has, in order."""

EARLIER_PRICE_FEATURES = {
    "swiss": "earlier_price_swiss_eur_per_mwh",
    "exaa": "earlier_price_exaa_eur_per_mwh",
    "british": "earlier_price_british_eur_per_mwh",
}
"""Series of `earlier_auction_prices` to the feature that is made of it."""
EARLIER_INPUTS: dict[str, Column] = {
    **{
        name: _feature("EUR/MWh", f"price of the same period in the {series} auction, which clears before")
        for series, name in EARLIER_PRICE_FEATURES.items()
    },
    "fuel_gas_eur_per_mwh": _feature("EUR/MWh", "newest gas index of D-2 or earlier known at the gate"),
    "fuel_carbon_eur_per_t": _feature("EUR/t", "newest auction of allowances of D-2 or earlier"),
    "fuel_oil_usd_per_bbl": _feature("USD/bbl", "newest Brent spot price of D-2 or earlier"),
}
"""Features that only some zones have: results of earlier auctions, and fuels. Models of the price read them,
those of the spread do not.
"""


def known_features(rows: pl.DataFrame) -> list[str]:
    """Every column of `FEATURES`, and those of `EARLIER_INPUTS` of which any of the rows has a value."""
    there = [name for name in EARLIER_INPUTS if rows[name].null_count() < rows.height]
    return [*FEATURES, *there]


_PROVENANCE: dict[str, Column] = {
    "as_of_utc": Column(
        dtype=UTC_INSTANT, description="gate closure: no value published later was used", unit="instant"
    ),
    "newest_input_utc": Column(
        dtype=UTC_INSTANT,
        description="publication instant of the newest value used; null where none was known",
        unit="instant",
        nullable=True,
    ),
    "source": Column(dtype=pl.String, description="providers of the data, for example simulated"),
}

DAY_AHEAD_FEATURES = TableContract(
    name="day_ahead_features",
    description=(
        "Model inputs as known at the day-ahead gate of each delivery day, one row per market time unit."
    ),
    key=MTU_KEY,
    columns={**MTU_COLUMNS, **FEATURES, **EARLIER_INPUTS, **_PROVENANCE},
)

TRAINING_SET = TableContract(
    name="training_set",
    description=(
        "What the newest training run of a zone learns from and is judged on: model inputs as known at the"
        " gate, beside the price that the auction then gave. `training_windows` says which days are which."
    ),
    key=MTU_KEY,
    columns={
        **MTU_COLUMNS,
        **FEATURES,
        **EARLIER_INPUTS,
        "price_eur_per_mwh": Column(
            dtype=pl.Float64,
            description="day-ahead price: the outcome; null where it was not known",
            unit="EUR/MWh",
            nullable=True,
        ),
        **_PROVENANCE,
    },
)

TRAINING_WINDOWS = TableContract(
    name="training_windows",
    description=(
        "The newest training set of each zone and model: its days, as of when it is known, its fingerprint,"
        " and the versions of the tables that it was made from and written to."
    ),
    key=("zone", "model"),
    columns={
        "zone": Column(dtype=pl.String, description="bidding zone"),
        "model": Column(
            dtype=pl.String, description="what is learnt: the price of the auction, or the spread"
        ),
        "first_day": Column(dtype=pl.Date, description="first delivery day that is learnt from"),
        "learn_through": Column(dtype=pl.Date, description="newest delivery day that is learnt from"),
        "evaluate_through": Column(
            dtype=pl.Date, description="newest of the days that judge the model, which it never sees"
        ),
        "as_of_utc": Column(
            dtype=UTC_INSTANT, description="no value published later was used", unit="instant"
        ),
        "lineage": Column(dtype=pl.String, description="source of the data and what was admitted"),
        "data_version": Column(dtype=pl.String, description="fingerprint of every row that has an outcome"),
        "table_name": Column(dtype=pl.String, description="table that holds the rows"),
        "table_version": Column(dtype=pl.Int64, description="version of that table that holds the rows"),
        "read_versions_json": Column(
            dtype=pl.String, description="table to the version that was read to make the rows, as JSON"
        ),
    },
)

FEATURE_TABLES: tuple[TableContract, ...] = (DAY_AHEAD_FEATURES, TRAINING_SET, TRAINING_WINDOWS)
