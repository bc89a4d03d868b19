"""Own forecasts of wind, solar and load, made from weather forecast runs.

They serve zones whose published forecasts come after the gate or not at all.

A ridge regression maps weather forecasts to what was then generated or used. It is fitted anew for each
delivery day on what was known at that instant: the runs that were newest at the gates of past days, never
later runs and never reanalysis. The result depends only on the ledger and an instant, so it can be made again
for any day. Physics enters as features: power curves of wind, panels that lose power with heat, heating and
cooling.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.vintages import known_at
from spot.errors import ForecastError
from spot.market.clock import local_time
from spot.market.delivery import delivery_starts_utc
from spot.market.gates import gate_closure_utc
from spot.market.holidays import day_kind

SOURCE = "own_weather"
Quantity = Literal["wind", "solar", "load"]
MINIMUM_HOURS = 24 * 30
"""Hours with a run and an outcome that a regression needs: a month. Chosen by hand; not tuned."""
_RIDGE = 3e-3
"""Penalty as a share of the number of hours, on standardised features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundamentalForecast:
    """Hourly forecast of one quantity for one delivery day, and what it was made of."""

    zone: str
    quantity: Quantity
    as_of_utc: datetime
    starts_utc: tuple[datetime, ...]
    values_mw: Floats
    """(N,) mean power of each hour, MW, never negative."""
    n_training_hours: int
    training_mae_mw: float
    newest_input_utc: datetime
    """Publication of the newest value that entered, never after `as_of_utc`."""


def forecast_fundamental(
    quantity: Quantity,
    weather: pl.DataFrame,
    actuals: pl.DataFrame,
    *,
    zone: str,
    day: date,
    as_of_utc: datetime,
) -> FundamentalForecast:
    """Forecast `quantity` of `zone` for `day` with what was known at `as_of_utc`.

    Args:
        quantity: wind (on- and offshore together), solar or load.
        weather: rows of `weather_forecasts` of the zone, for the past and for the day.
        actuals: rows of `generation_actuals` (wind, solar) or `load_actuals` (load) of the zone.
        zone: bidding zone.
        day: delivery day.
        as_of_utc: aware UTC; later values are not looked at.

    Raises:
        ForecastError: no run for every hour of the day, or fewer than 30 days to learn from.
    """
    target = _targets(quantity, actuals, as_of_utc)
    runs = _runs_at_gates(weather, zone, as_of_utc)
    wide = _wide(runs)
    today = wide.filter(pl.col("delivery_day") == day)
    hours = delivery_starts_utc(zone, day, 60)
    if today["delivery_start_utc"].to_list() != list(hours) or today.null_count().sum_horizontal().item():
        raise ForecastError(
            f"{quantity} of {zone} for {day}: no weather run known at {as_of_utc:%Y-%m-%d %H:%M} UTC covers"
            " every hour and point"
        )
    past = (
        wide.filter(pl.col("delivery_day") < day)
        .drop_nulls()
        .join(target, on="delivery_start_utc")
        .sort("delivery_start_utc")
    )
    if past.height < MINIMUM_HOURS:
        raise ForecastError(
            f"{quantity} of {zone} for {day}: {past.height} hours with a run and an outcome, {MINIMUM_HOURS}"
            " are needed"
        )
    design, offset, scale = _standardised(_features(quantity, past, zone))
    outcome = past["mw"].to_numpy()
    weights = _ridge(design, outcome)
    fitted = np.maximum(design @ weights, 0.0)
    values = np.maximum(_apply(_features(quantity, today, zone), offset, scale) @ weights, 0.0)
    if quantity == "solar":
        values = np.where(_columns(today, "shortwave_radiation").max(axis=1) > 0.0, values, 0.0)
    used = pl.concat([runs["available_at_utc"], target["available_at_utc"]]).sort()
    return FundamentalForecast(
        zone=zone,
        quantity=quantity,
        as_of_utc=as_of_utc,
        starts_utc=hours,
        values_mw=values,
        n_training_hours=past.height,
        training_mae_mw=float(np.abs(fitted - outcome).mean()),
        newest_input_utc=used.to_list()[-1],
    )


def _targets(quantity: Quantity, actuals: pl.DataFrame, as_of_utc: datetime) -> pl.DataFrame:
    """Hourly outcome, newest known vintage: `delivery_start_utc`, `mw`, `available_at_utc`.

    Wind is the sum of its parts, or the total.
    """
    column = "load_mw" if quantity == "load" else "generation_mw"
    names = {"wind": ["wind", "wind_onshore", "wind_offshore"], "solar": ["solar"], "load": ["load"]}[
        quantity
    ]
    own = actuals.filter(pl.col("series").is_in(names))
    newest = known_at(own, as_of_utc, by=["series", "delivery_start_utc"])
    hour = newest.group_by("series", pl.col("delivery_start_utc").dt.truncate("1h"), maintain_order=True).agg(
        pl.col(column).mean().alias("mw"),
        pl.col("resolution_minutes").sum().alias("minutes"),
        pl.col("available_at_utc").max(),
    )
    whole = hour.filter(pl.col("minutes") == 60)
    has_total = "wind" in whole["series"]
    parts = whole.filter(pl.col("series") == "wind") if quantity == "wind" and has_total else whole
    n_parts = parts["series"].n_unique()
    total = parts.group_by("delivery_start_utc", maintain_order=True).agg(
        pl.col("mw").sum(), pl.len().alias("n"), pl.col("available_at_utc").max()
    )
    return total.filter(pl.col("n") == n_parts).drop("n").sort("delivery_start_utc")


def _runs_at_gates(weather: pl.DataFrame, zone: str, as_of_utc: datetime) -> pl.DataFrame:
    """For each variable, point and hour, the newest run at the gate of its day, or at `as_of_utc`.

    This is what a forecast of that day could use.
    """
    gates = {day: min(as_of_utc, gate_closure_utc(zone, day)) for day in weather["delivery_day"].unique()}
    if not gates:
        return weather
    gate = pl.col("delivery_day").replace_strict(gates, return_dtype=weather.schema["available_at_utc"])
    hourly = weather.filter(pl.col("resolution_minutes") == 60)
    return known_at(hourly, gate, by=["series", "point", "delivery_start_utc"], ordered_by="run_at_utc")


def _wide(runs: pl.DataFrame) -> pl.DataFrame:
    """One row per hour, one column per variable and point, named `variable@point`."""
    if runs.is_empty():
        return pl.DataFrame(
            schema={"delivery_start_utc": runs.schema["delivery_start_utc"], "delivery_day": pl.Date}
        )
    named = runs.with_columns(pl.format("{}@{}", "series", "point").alias("name"))
    return named.pivot(on="name", index=["delivery_start_utc", "delivery_day"], values="value").sort(
        "delivery_start_utc"
    )


def _columns(wide: pl.DataFrame, variable: str) -> Floats:
    """(N, points) of one variable, points in a fixed order.

    Raises:
        ForecastError: the runs do not hold the variable.
    """
    names = sorted(name for name in wide.columns if name.startswith(f"{variable}@"))
    if not names:
        raise ForecastError(f"the weather runs do not hold {variable}")
    values: Floats = wide.select(names).to_numpy()
    return values


def _features(quantity: Quantity, wide: pl.DataFrame, zone: str) -> Floats:
    """(N, K) without a constant."""
    if quantity == "wind":
        speed = _columns(wide, "wind_speed_100m")
        curves = [1.0 / (1.0 + np.exp(-(speed - middle) / 1.4)) for middle in (6.0, 8.5, 11.0)]
        return np.hstack([speed, *curves, np.maximum(speed - 22.0, 0.0)])
    if quantity == "solar":
        sun, heat = _columns(wide, "shortwave_radiation"), _columns(wide, "temperature_2m")
        return np.hstack([sun, sun * (heat - 25.0) / 100.0, np.minimum(sun, 300.0)])
    warmth = _columns(wide, "temperature_2m").mean(axis=1)[:, None]
    light = _columns(wide, "shortwave_radiation").mean(axis=1)[:, None]
    return np.hstack(
        [np.maximum(15.0 - warmth, 0.0), np.maximum(warmth - 22.0, 0.0), light, _hour_and_day(wide, zone)]
    )


def _hour_and_day(wide: pl.DataFrame, zone: str) -> Floats:
    """(N, 72) one-hot: local hour on working days, Saturdays, and Sundays.

    Holidays of the zone's countries count as Sundays.
    """
    hours = wide.select(local_time(zone).dt.hour().cast(pl.Int64)).to_series().to_numpy()
    kinds = np.array([day_kind(zone, day) for day in wide["delivery_day"].to_list()])
    codes = hours + 24 * kinds
    one_hot: Floats = np.eye(72)[codes]
    return one_hot


def _standardised(features: Floats) -> tuple[Floats, Floats, Floats]:
    """Design matrix with a leading constant, and the offset and scale that make it."""
    offset, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    return _apply(features, offset, scale), offset, scale


def _apply(features: Floats, offset: Floats, scale: Floats) -> Floats:
    return np.hstack([np.ones((len(features), 1)), (features - offset) / scale])


def _ridge(design: Floats, outcome: Floats) -> Floats:
    penalty = np.full(design.shape[1], _RIDGE * len(design))
    penalty[0] = 0.0
    solution = np.linalg.solve(design.T @ design + np.diag(penalty), design.T @ outcome)
    return np.asarray(solution, dtype=np.float64)


def as_rows(forecast: FundamentalForecast, day: date) -> pl.DataFrame:
    """Rows for `renewable_forecasts` (wind, solar) or `load_forecasts`.

    They are known from the instant of the forecast on.
    """
    value = "load_forecast_mw" if forecast.quantity == "load" else "generation_forecast_mw"
    return pl.DataFrame({"delivery_start_utc": list(forecast.starts_utc), value: forecast.values_mw}).select(
        zone=pl.lit(forecast.zone),
        series=pl.lit(forecast.quantity),
        delivery_day=pl.lit(day),
        delivery_start_utc=pl.col("delivery_start_utc").cast(pl.Datetime("us", "UTC")),
        resolution_minutes=pl.lit(60, dtype=pl.Int32),
        **{value: pl.col(value)},
        available_at_utc=pl.lit(forecast.as_of_utc).cast(pl.Datetime("us", "UTC")),
        availability=pl.lit("stated"),
        source=pl.lit(SOURCE),
    )
