"""Whether a forecast is good enough to trade on.

A blocking asset check asks it, and the signals ask it again. In doubt the answer is no.
"""

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl

from spot.contracts.forecast_tables import DAY_AHEAD_FORECASTS, QUANTILE_COLUMNS
from spot.market.delivery import delivery_starts_utc
from spot.market.gates import gate_closure_utc
from spot.market.price_limits import day_ahead_price_limits


@dataclass(frozen=True, slots=True)
class ReadinessVerdict:
    """Ready means tradeable. If it is not, all reasons are given."""

    is_ready: bool
    reasons: tuple[str, ...]


def assess_forecast_readiness(
    forecast: pl.DataFrame, *, zone: str, delivery_day: date, role: str = "champion", as_of_utc: datetime
) -> ReadinessVerdict:
    """Judge the rows of `zone`, `delivery_day` and `role` in a frame of `day_ahead_forecasts`.

    `as_of_utc` is the instant of the decision.
    """
    missing = [name for name in DAY_AHEAD_FORECASTS.columns if name not in forecast.columns]
    if missing:
        return ReadinessVerdict(False, (f"the forecast lacks the columns {', '.join(missing)}",))
    untyped = [name for name, dtype in DAY_AHEAD_FORECASTS.schema.items() if forecast.schema[name] != dtype]
    if untyped:
        return ReadinessVerdict(False, (f"the forecast has columns of a wrong type: {', '.join(untyped)}",))
    rows = select_forecast(forecast, zone=zone, delivery_day=delivery_day, role=role)
    if rows.is_empty():
        return ReadinessVerdict(False, (f"no {role} forecast for {zone} on {delivery_day}",))
    reasons = [
        *_wrong_units(rows, zone, delivery_day),
        *_wrong_values(rows, zone, delivery_day),
        *_wrong_origin(rows),
        *_wrong_time(rows, zone, delivery_day, as_of_utc),
    ]
    return ReadinessVerdict(not reasons, tuple(reasons))


def select_forecast(forecast: pl.DataFrame, *, zone: str, delivery_day: date, role: str) -> pl.DataFrame:
    """The rows of one zone, day and role in time order."""
    wanted = (pl.col("zone") == zone) & (pl.col("delivery_day") == delivery_day) & (pl.col("role") == role)
    return forecast.filter(wanted).sort("delivery_start_utc")


def _wrong_units(rows: pl.DataFrame, zone: str, delivery_day: date) -> list[str]:
    minutes = rows.get_column("resolution_minutes").unique().to_list()
    if len(minutes) != 1 or minutes[0] not in (15, 30, 60):
        return [f"market time units of {minutes} minutes"]
    expected, found = (
        delivery_starts_utc(zone, delivery_day, minutes[0]),
        rows.get_column("delivery_start_utc").to_list(),
    )
    return (
        []
        if list(expected) == found
        else [f"{len(found)} market time units, expected {len(expected)}, each once"]
    )


def _wrong_values(rows: pl.DataFrame, zone: str, delivery_day: date) -> list[str]:
    values = rows.select(*QUANTILE_COLUMNS.values(), "price_point_eur_per_mwh").to_numpy().astype(np.float64)
    if not np.isfinite(values).all():
        return [f"{int((~np.isfinite(values)).sum())} values missing or not finite"]
    reasons, limits = [], day_ahead_price_limits(delivery_day, zone)
    if (np.diff(values[:, :-1], axis=1) < 0).any():
        reasons.append("quantiles cross")
    middle = values[:, [4, -1]]
    if middle.min() < limits.minimum_eur_per_mwh or middle.max() > limits.maximum_eur_per_mwh:
        reasons.append(
            f"median or point forecast outside the price limits {limits.minimum_eur_per_mwh:g} to"
            f" {limits.maximum_eur_per_mwh:g} EUR/MWh"
        )
    return reasons


def _wrong_origin(rows: pl.DataFrame) -> list[str]:
    versions = rows.get_column("model_version").unique().to_list()
    return (
        []
        if len(versions) == 1 and versions[0] not in (None, "")
        else [f"no single model version: {versions}"]
    )


def _wrong_time(rows: pl.DataFrame, zone: str, delivery_day: date, as_of_utc: datetime) -> list[str]:
    made, newest, gate = (
        rows.get_column("as_of_utc").max(),
        rows.get_column("newest_input_utc").max(),
        gate_closure_utc(zone, delivery_day),
    )
    if not isinstance(made, datetime) or not isinstance(newest, datetime):
        return ["the forecast does not say up to when its inputs were known"]
    reasons = []
    if newest > made or newest > gate or newest > as_of_utc:
        reasons.append(
            f"an input of {newest:%Y-%m-%d %H:%M} UTC is newer than the forecast, the gate or the decision"
            " may know"
        )
    if as_of_utc > gate:
        reasons.append(
            f"decided at {as_of_utc:%Y-%m-%d %H:%M} UTC, after the gate at {gate:%Y-%m-%d %H:%M} UTC"
        )
    return reasons
