"""Delivery panels from the files of benchmarks: the open-access one, and hourly or quarter-hourly zones."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.errors import ConfigurationError, ContractError
from spot.market.delivery import day_ahead_mtu_minutes, days_between, delivery_day_of, delivery_starts_utc
from spot.market.holidays import holiday_fraction

EPF_MARKETS = ("NP", "PJM", "BE", "FR", "DE")
_INPUT_COLUMNS = {
    "load_forecast_mw": ("load_fc_mw",),
    "solar_forecast_mw": ("solar_fc_mw",),
    "wind_forecast_mw": ("wind_fc_mw", "wind_onshore_fc_mw", "wind_offshore_fc_mw"),
}
_KNOWN_AT_GATE = ("load_forecast_mw",)


def epf_file(folder: Path, market: str) -> Path:
    """The file of one market of the open-access benchmark.

    `epf_<market>.parquet`, or `<MARKET>.csv` as the public record holds it.

    Raises:
        ConfigurationError: neither file is there.
    """
    parquet, csv = folder / f"epf_{market.lower()}.parquet", folder / f"{market}.csv"
    if not (parquet.is_file() or csv.is_file()):
        raise ConfigurationError(
            f"{folder} holds neither {parquet.name} nor {csv.name}: leave --data out to download the"
            " benchmark's files"
        )
    return parquet if parquet.is_file() else csv


def read_epf_market(folder: Path, market: str) -> DeliveryPanel:
    """One market of the open-access benchmark.

    Naive local days of 24 rows, two day-ahead forecasts as inputs.

    Raises:
        ConfigurationError: the market has no file there.
        ContractError: the rows are not whole days.
    """
    path = epf_file(folder, market)
    frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, try_parse_dates=True)
    frame = frame.sort(frame.columns[0])
    if len(frame.columns) != 4 or len(frame) % 24:
        raise ContractError(
            f"benchmark market {market}: {len(frame)} rows of {len(frame.columns)} columns are not whole days"
            " of a price and two forecasts"
        )
    values = frame.select(pl.exclude(frame.columns[0]).cast(pl.Float64)).to_numpy().reshape(-1, 24, 3)
    days = frame[frame.columns[0]].cast(pl.Datetime).dt.date().to_list()[::24]
    return DeliveryPanel(
        zone=f"EPF_{market}",
        days=np.array(days, dtype="datetime64[D]"),
        n_periods=np.full(len(days), 24),
        resolution_minutes=np.full(len(days), 60),
        prices=values[:, :, 0].copy(),
        inputs={f"exogenous_{i}": values[:, :, i].copy() for i in (1, 2)},
        holiday_fraction=holiday_fraction(f"EPF_{market}", days),
    )


def read_published_forecasts(folder: Path, market: str) -> dict[str, Floats]:
    """Name to (728, 24) of every published forecast of a market in `folder`.

    Empty where there is none.
    """
    path = folder / f"epf_published_forecasts_{market.lower()}.parquet"
    if not path.is_file():
        return {}
    frame = pl.read_parquet(path).sort("ts_local")
    return {
        name: frame[name].cast(pl.Float64).to_numpy().reshape(-1, 24)
        for name in frame.columns
        if name not in ("ts_local", "price")
    }


def zones_in(path: Path) -> list[str]:
    """Bidding zones that a file holds.

    Raises:
        ConfigurationError: there is no such file, or its layout is not known.
    """
    if not path.is_file():
        raise ConfigurationError(f"no file {path}")
    try:
        columns = pl.read_parquet_schema(path)
    except pl.exceptions.ComputeError as error:
        raise ConfigurationError(f"{path} is not a parquet file: {error}") from error
    if "zone" in columns:
        return sorted(pl.read_parquet(path, columns=["zone"])["zone"].unique().to_list())
    wide = [
        name.removeprefix("price_").removesuffix("_eur_mwh").upper()
        for name in columns
        if name.startswith("price_") and name != "price_eur_mwh"
    ]
    if wide:
        return wide
    if "price_eur_mwh" in columns and path.stem.startswith("de_lu"):
        return ["DE_LU"]
    raise ConfigurationError(
        f"{path.name} has none of the known layouts: columns zone and price_eur_mwh, or price_<zone>_eur_mwh"
    )


def read_zone(path: Path, zone: str, *, known_at_gate_only: bool = False) -> DeliveryPanel:
    """One zone of a file, from its first to its last complete delivery day, at the resolution of its auction.

    With `known_at_gate_only`, the wind and solar forecasts of day D, which are due after the gate, are
    replaced by those of D-1, which were known.

    Raises:
        ConfigurationError: the file does not hold the zone.
    """
    if zone not in zones_in(path):
        raise ConfigurationError(
            f"{path.name} does not hold zone {zone!r}: it holds {', '.join(zones_in(path))}"
        )
    frame = pl.read_parquet(path)
    if "zone" in frame.columns:
        frame = frame.filter(pl.col("zone") == zone)
    price = "price_eur_mwh" if "price_eur_mwh" in frame.columns else f"price_{zone.lower()}_eur_mwh"
    frame = frame.with_columns(pl.col("ts_utc").cast(pl.Datetime("us", "UTC"))).sort("ts_utc")
    step_minutes = int(frame["ts_utc"].diff().drop_nulls().mode()[0].total_seconds() // 60)
    days = _complete_days(frame, zone, step_minutes)
    minutes = [max(step_minutes, day_ahead_mtu_minutes(zone, day)) for day in days]
    starts = [delivery_starts_utc(zone, day, length) for day, length in zip(days, minutes, strict=True)]
    values: dict[str, pl.Expr] = {"price": pl.col(price)}
    for name, columns in _INPUT_COLUMNS.items():
        present = [
            column for column in columns if column in frame.columns and frame[column].is_not_null().any()
        ]
        if present:
            values[name] = (
                pl.sum_horizontal(pl.col(column).fill_null(0.0) for column in present[1:])
                + pl.col(present[0])
                if present[1:]
                else pl.col(present[0])
            )
    grids = _to_grid(
        frame.select("ts_utc", **{name: expression.cast(pl.Float64) for name, expression in values.items()}),
        starts,
    )
    prices = grids.pop("price")
    inputs = {name: grid for name, grid in grids.items() if np.isfinite(grid).any()}
    if known_at_gate_only:
        inputs = {
            name if name in _KNOWN_AT_GATE else name.replace("forecast", "forecast_of_yesterday"): grid
            for name, grid in _as_known(inputs).items()
        }
    return DeliveryPanel(
        zone=zone,
        days=np.array(days, dtype="datetime64[D]"),
        n_periods=np.array([len(day) for day in starts]),
        resolution_minutes=np.array(minutes),
        prices=prices,
        inputs=inputs,
        holiday_fraction=holiday_fraction(zone, days),
    )


def with_neighbours(panel: DeliveryPanel, neighbours: dict[str, DeliveryPanel]) -> DeliveryPanel:
    """The panel with data of the neighbours' markets of the day before: price, and forecast residual load."""
    inputs = dict(panel.inputs)
    for name, other in neighbours.items():
        shown = {f"neighbour_price_{name}_eur_per_mwh": other.prices}
        load = other.inputs.get("load_forecast_mw")
        supply = [grid for key, grid in other.inputs.items() if key != "load_forecast_mw"]
        if load is not None and supply:
            shown[f"neighbour_residual_load_{name}_mw"] = load - np.sum(
                [np.nan_to_num(grid) for grid in supply], axis=0
            )
        for key, grid in shown.items():
            yesterday = np.full_like(panel.prices, np.nan)
            width = min(yesterday.shape[1], grid.shape[1])
            yesterday[1:, :width] = grid[:-1, :width]
            inputs[key] = yesterday
    return replace(panel, inputs=inputs)


def _complete_days(frame: pl.DataFrame, zone: str, step_minutes: int) -> tuple[date, ...]:
    first_instant, last_instant = frame["ts_utc"][0], frame["ts_utc"][-1] + timedelta(minutes=step_minutes)
    first, last = delivery_day_of(zone, first_instant), delivery_day_of(zone, last_instant)
    if delivery_starts_utc(zone, first, 60)[0] < first_instant:
        first += timedelta(days=1)
    return days_between(first, last - timedelta(days=1))


def _to_grid(frame: pl.DataFrame, starts: Sequence[tuple[datetime, ...]]) -> dict[str, Floats]:
    """Name to (D, P): the mean of the rows that fall into each period, NaN where there is none."""
    width = max(len(day) for day in starts)
    places = pl.DataFrame(
        {
            "row": [row for row, day in enumerate(starts) for _ in day],
            "period": [period for day in starts for period in range(len(day))],
            "start": pl.Series([start for day in starts for start in day], dtype=pl.Datetime("us", "UTC")),
        }
    )
    joined = frame.join_asof(
        places.sort("start"), left_on="ts_utc", right_on="start", strategy="backward"
    ).drop_nulls("row")
    means = joined.group_by("row", "period").agg(pl.exclude("ts_utc", "start").mean())
    rows, periods = means["row"].to_numpy(), means["period"].to_numpy()
    grids = {}
    for name in frame.columns[1:]:
        grid = np.full((len(starts), width), np.nan)
        grid[rows, periods] = means[name].to_numpy()
        grids[name] = grid
    return grids


def _as_known(inputs: dict[str, Floats]) -> dict[str, Floats]:
    """Inputs that are due after the gate, moved to the next day; the first day is empty."""
    moved = {}
    for name, grid in inputs.items():
        moved[name] = (
            grid
            if name in _KNOWN_AT_GATE
            else np.concatenate([np.full((1, grid.shape[1]), np.nan), grid[:-1]])
        )
    return moved
