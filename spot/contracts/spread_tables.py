"""Contracts of the life of a spread model.

They cover its training set, its forecasts, and its paper orders and P&L while it is in shadow.

A spread is a zone's second price minus its day-ahead price. A challenger of the spread model trades on paper
beside the signals, on the champion's price forecast. Its orders and its P&L have tables of their own, so the
desk's signals and settlements remain those of the serving model.
"""

import polars as pl

from spot.contracts.feature_tables import FEATURES
from spot.contracts.forecast_tables import MTU_COLUMNS, MTU_KEY, QUANTILE_COLUMNS
from spot.contracts.monitoring_tables import MODEL_COMPARISONS
from spot.contracts.signal_tables import SETTLED_AGAINST, SETTLEMENTS, SIGNALS
from spot.contracts.table import UTC_INSTANT, Column, TableContract

SPREAD_QUANTILE_COLUMNS: dict[float, str] = {
    level: f"spread_q{round(level * 1000):03d}_eur_per_mwh" for level in QUANTILE_COLUMNS
}
"""Quantile level to column, at the levels of the price forecasts."""
PAST_QUANTILE_COLUMNS: dict[float, str] = {
    level: f"past_{name}" for level, name in SPREAD_QUANTILE_COLUMNS.items()
}
"""Quantile level to column, for plain quantiles of past spreads. They are the naive rival of a model."""


def _input(unit: str, description: str) -> Column:
    return Column(dtype=pl.Float64, description=description, unit=unit, nullable=True)


def _spread(description: str, *, nullable: bool = False) -> Column:
    return Column(dtype=pl.Float64, description=description, unit="EUR/MWh", nullable=nullable)


SPREAD_INPUTS: dict[str, Column] = {
    "slot_minutes_local": _input("min", "minutes from local midnight to the start of the unit"),
    "weekday": _input("", "1 is Monday, 7 is Sunday"),
    "year_sine": _input("", "sine of the day's place in the year"),
    "year_cosine": _input("", "cosine of the day's place in the year"),
    "spread_last": _input("EUR/MWh", "spread of the same local time on the newest known day"),
    "spread_last_day_mean": _input("EUR/MWh", "mean spread of the newest known day"),
    "spread_week_mean": _input("EUR/MWh", "mean spread of the same local time on the last 7 known days"),
    "spread_month_mean": _input("EUR/MWh", "the same of the last 28 known days"),
    "spread_quarter_mean": _input("EUR/MWh", "the same of the last 91 known days"),
    "spread_week_day_mean": _input("EUR/MWh", "mean spread of the last 7 known days, all times"),
    "spread_month_size": _input("EUR/MWh", "mean size of the spread of the same local time, 28 known days"),
    "spread_month_share_up": _input("share", "share of the 28 known days with a spread above zero"),
    **FEATURES,
}
"""All inputs of a model of the spread. An input is null where it was not known at the gate."""

SPREAD_TRAINING_SET = TableContract(
    name="spread_training_set",
    description=(
        "What the newest model of a zone's spread learns from and is judged on: inputs as known at each gate"
        " beside the spread that followed. `training_windows` says which days are which."
    ),
    key=MTU_KEY,
    columns={
        **MTU_COLUMNS,
        **SPREAD_INPUTS,
        "spread_eur_per_mwh": _spread(
            "second price minus day-ahead price: the outcome; null where one of both was not known",
            nullable=True,
        ),
        **{
            name: _spread(
                f"{level:g} quantile of past spreads at the same local time; only on days that judge",
                nullable=True,
            )
            for level, name in PAST_QUANTILE_COLUMNS.items()
        },
    },
)
_AUTHOR = {
    "role": Column(
        dtype=pl.String,
        description="whether the champion or a challenger made the forecast",
        allowed=("champion", "challenger"),
    ),
    "strategy": Column(dtype=pl.String, description="strategy that trades the spread"),
    "model_version": Column(dtype=pl.String, description="registered version of the model of the spread"),
}
SPREAD_FORECASTS = TableContract(
    name="spread_forecasts",
    description=(
        "Quantiles of the spread by the model that serves and by each challenger, on days with a challenger,"
        " as of each day's decision: the evidence in error."
    ),
    key=(*MTU_KEY, "strategy", "role", "model_version"),
    columns={
        **MTU_COLUMNS,
        **_AUTHOR,
        "settled_against": Column(
            dtype=pl.String, description="second price of the spread", allowed=SETTLED_AGAINST
        ),
        **{
            name: _spread(f"{level:g} quantile of the spread")
            for level, name in SPREAD_QUANTILE_COLUMNS.items()
        },
        "as_of_utc": Column(
            dtype=UTC_INSTANT,
            description="when the day was decided; no value published later was used",
            unit="instant",
        ),
    },
)
_LEDGER_COLUMN = {
    "strategy_model_version": Column(
        dtype=pl.String, description="registered version of the model of the spread that is in shadow"
    )
}
_LEDGER_KEY = (*SIGNALS.key, "strategy_model_version")
SPREAD_SHADOW_SIGNALS = TableContract(
    name="spread_shadow_signals",
    description=(
        "What each challenger of the spread model would have bought and sold, on the champion's price"
        " forecast and within the same limits; always on paper."
    ),
    key=_LEDGER_KEY,
    columns=SIGNALS.columns,
)
SPREAD_SHADOW_SETTLEMENTS = TableContract(
    name="spread_shadow_settlements",
    description="Paper money of the signals of `spread_shadow_signals`, settled like the desk's own.",
    key=_LEDGER_KEY,
    columns={**SETTLEMENTS.columns, **_LEDGER_COLUMN},
)
SPREAD_COMPARISONS = TableContract(
    name="spread_comparisons",
    description=(
        "Two versions of the spread model side by side on the same days, by hour, month and in total: error"
        " of the middle quantile, pinball loss and money; the newest comparison of each pair."
    ),
    key=MODEL_COMPARISONS.key,
    columns=MODEL_COMPARISONS.columns,
)
SPREAD_TABLES: tuple[TableContract, ...] = (
    SPREAD_TRAINING_SET,
    SPREAD_FORECASTS,
    SPREAD_SHADOW_SIGNALS,
    SPREAD_SHADOW_SETTLEMENTS,
    SPREAD_COMPARISONS,
)
