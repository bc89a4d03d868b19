"""Forecasts day by day through history with one model.

Each day is forecast as of its own gate. Newer days are absorbed, and the model is never refitted.

Live trading is the same walk with one step. No outcome of a day is used before the day is forecast.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.feature_tables import known_features
from spot.contracts.forecast_tables import DAY_AHEAD_FORECASTS, QUANTILE_COLUMNS
from spot.contracts.panel import DeliveryPanel
from spot.contracts.words import Role
from spot.errors import ForecastError
from spot.features.known_prices import KnownPrices
from spot.forecast.interface import PriceForecast, PriceForecaster
from spot.market.gates import gate_closure_utc


@dataclass(frozen=True, slots=True)
class WalkedDay:
    """A delivery day and its forecast, or why there is none."""

    delivery_day: date
    forecast: PriceForecast | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastAuthor:
    """The model version that made a forecast."""

    model_name: str
    model_version: str
    role: Role


def walk_forward(
    forecaster: PriceForecaster,
    panel: DeliveryPanel,
    days: Sequence[date],
    *,
    published: KnownPrices | None = None,
) -> tuple[WalkedDay, ...]:
    """Forecast each of `days`, ascending, from `panel` as known at that day's gate.

    `published` says when every price became known. A price that came after the gate is missing for the model;
    one that was revised later has its earlier value. Without `published`, every result counts as published
    before the gate of the next day. A day has no forecast if the model refuses it or the panel lacks it.
    """
    rows = {day.astype(object): row for row, day in enumerate(panel.days)}
    walked = []
    for day in days:
        if day not in rows:
            walked.append(WalkedDay(day, None, f"{day}: no features"))
            continue
        known = panel.known_at_gate(rows[day])
        if published is not None:
            known = published.as_of(known, gate_closure_utc(panel.zone, day))
        try:
            walked.append(WalkedDay(day, forecaster.predict(known)))
        except ForecastError as error:
            walked.append(WalkedDay(day, None, f"{day}: {error}"))
    return tuple(walked)


def forecast_frame(
    walked: Sequence[WalkedDay], features: pl.DataFrame, author: ForecastAuthor
) -> pl.DataFrame:
    """The forecasts under the contract `day_ahead_forecasts`.

    Days without a forecast, or without any known input, are left out. `features` are the rows of
    `day_ahead_features` of the same zone and days. They give the instant, the inputs and the sources of each
    forecast.
    """
    by_day = {
        key[0]: rows
        for key, rows in (
            features.sort("delivery_start_utc").partition_by("delivery_day", as_dict=True).items()
        )
    }
    frames = [
        _day_frame(day.forecast, by_day[day.delivery_day], author)
        for day in walked
        if day.forecast and day.delivery_day in by_day
    ]
    return pl.concat([DAY_AHEAD_FORECASTS.empty(), *frames]).drop_nulls("newest_input_utc")


def daily_absolute_errors(walked: Sequence[WalkedDay], panel: DeliveryPanel) -> Floats:
    """(D,) mean absolute error of each walked day, EUR/MWh; NaN without forecast or outcome."""
    rows = {day.astype(object): row for row, day in enumerate(panel.days)}
    losses = np.full(len(walked), np.nan)
    for i, day in enumerate(walked):
        if day.forecast is not None:
            actual = panel.prices[rows[day.delivery_day], : len(day.forecast.point)]
            known = np.isfinite(actual)
            losses[i] = np.abs(actual - day.forecast.point)[known].mean() if known.any() else np.nan
    return losses


def fingerprint_of_rows(frame: pl.DataFrame, columns: Sequence[str]) -> str:
    """Sixteen hex digits over the values of numeric `columns`, row by row.

    Equal rows have equal digits on every machine of one byte order.
    """
    values = frame.select(
        pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in columns
    ).to_numpy()
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16]


def _day_frame(forecast: PriceForecast, features: pl.DataFrame, author: ForecastAuthor) -> pl.DataFrame:
    """Rows of one day.

    Raises:
        ForecastError: forecast and features have different numbers of periods.
    """
    if features.height != len(forecast.point):
        raise ForecastError(
            f"{forecast.zone} {forecast.delivery_day}: {len(forecast.point)} periods forecast,"
            f" {features.height} in the features"
        )
    quantiles = {
        QUANTILE_COLUMNS[level]: forecast.quantiles[:, i]
        for i, level in enumerate(forecast.levels)
        if level in QUANTILE_COLUMNS
    }
    data_version = f"features:{fingerprint_of_rows(features, known_features(features))}"
    return (
        features.select(
            "zone",
            "delivery_day",
            "delivery_start_utc",
            "resolution_minutes",
            "as_of_utc",
            "newest_input_utc",
            "source",
        )
        .with_columns(
            **{name: pl.Series(values) for name, values in quantiles.items()},
            price_point_eur_per_mwh=pl.Series(forecast.point),
            role=pl.lit(author.role),
            model_name=pl.lit(author.model_name),
            model_version=pl.lit(author.model_version),
            data_version=pl.lit(data_version),
            fallback=pl.lit(None, pl.String),
        )
        .select(DAY_AHEAD_FORECASTS.columns.keys())
    )
