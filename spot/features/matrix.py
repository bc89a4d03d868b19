"""The only door to features: raw tables in, model inputs as known at the day-ahead gate out.

Backtest, replay and live all call `build_features`, for different days. A day's row depends on its gate and
on a fixed number of days before it. So a range of days gives the same rows as its days one by one.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, timedelta

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.feature_tables import DAY_AHEAD_FEATURES, EARLIER_INPUTS, FEATURES
from spot.contracts.panel import DeliveryPanel
from spot.errors import ContractError
from spot.features.calendar import calendar_features
from spot.features.earlier_results import earlier_features, fuel_features
from spot.features.fundamentals import fundamental_features
from spot.features.gatekeeper import Gatekeeper
from spot.features.grid import Grid, make_grid, periods_of
from spot.features.price_history import price_features
from spot.features.second_price_history import second_price_features
from spot.features.vintages import NEVER_US, check_no_look_ahead
from spot.market.fuels import OLDEST_DAYS_BEFORE
from spot.market.fuels import TABLE as FUEL_TABLE
from spot.market.holidays import holiday_fraction

HISTORY_DAYS = 8
"""Days before the first delivery day that the raw tables must reach back."""
FUEL_DAYS = OLDEST_DAYS_BEFORE
"""The same for prices of fuels."""

RawTables = Mapping[str, pl.DataFrame]
"""Table name to rows under its raw contract; a table that is missing counts as empty."""

PANEL_INPUTS: tuple[str, ...] = (
    "load_forecast_mw",
    "wind_forecast_mw",
    "solar_forecast_mw",
    "residual_load_mw",
)
"""Feature columns that every delivery panel holds unless others are asked for; price lags are the panel's own
earlier rows.
"""


def panel_inputs(rows: pl.DataFrame) -> tuple[str, ...]:
    """`PANEL_INPUTS`, and those earlier results of which any of the rows has a value."""
    return (*PANEL_INPUTS, *(name for name in EARLIER_INPUTS if rows[name].null_count() < rows.height))


def build_features(
    raw: RawTables, *, zone: str, days: Sequence[date], admit: AbstractSet[str] = frozenset()
) -> pl.DataFrame:
    """Model inputs of `zone` for each market time unit of `days`, as known at the gate of each day.

    Args:
        raw: tables of `RAW_TABLES` and `fuel_prices`, any zones, from `HISTORY_DAYS` before the first day
            on (`FUEL_DAYS` for fuels).
        zone: bidding zone.
        days: delivery days, each at most once, in any order.
        admit: raw tables whose values for the delivery day itself are taken as known at the gate although
            they were published later, for
            comparison with the literature only; `source` then says so in every row.

    Returns:
        Rows under the contract `day_ahead_features`, by delivery start; null where an input was missing or
        not yet published.

    Raises:
        ContractError: a day is given twice, or `admit` names no raw table.
        LookAheadError: a value later than its gate got in.
    """
    if not days:
        return DAY_AHEAD_FEATURES.empty()
    if len(set(days)) != len(days):
        raise ContractError(f"features of {zone}: a delivery day is given twice")
    first_day, last_day = min(days), max(days)
    grid = make_grid(zone, first_day - timedelta(days=HISTORY_DAYS), last_day)
    keeper = Gatekeeper(raw, grid, n_history=HISTORY_DAYS, admit=admit)
    columns: dict[str, Floats] = {
        **fundamental_features(keeper),
        **price_features(keeper),
        **second_price_features(keeper),
        **earlier_features(keeper),
        **fuel_features(keeper, raw.get(FUEL_TABLE)),
        **calendar_features(keeper.target),
    }
    frame = _assemble(keeper, columns)
    frame = frame.filter(pl.col("delivery_day").is_in(list(days)))
    check_no_look_ahead(frame)
    return frame


def build_panel(
    features: pl.DataFrame, prices: pl.DataFrame, *, zone: str, inputs: Sequence[str] | None = None
) -> DeliveryPanel:
    """The delivery panel of one zone from its features and the day-ahead prices that followed.

    Args:
        features: rows of `day_ahead_features`; days between that are missing become rows of NaN.
        prices: rows of the raw table `day_ahead_prices`, any zones; of several vintages the newest counts,
            because it is the outcome. Prices
            of another resolution than the day's market time unit are averaged to it or repeated.
        zone: bidding zone.
        inputs: feature columns to hold; those of `panel_inputs` if not given.

    Raises:
        ContractError: there are no features of the zone.
    """
    own = features.filter(pl.col("zone") == zone)
    if own.is_empty():
        raise ContractError(f"panel of {zone}: no features")
    first_day, last_day = own.select(
        first=pl.col("delivery_day").min(), last=pl.col("delivery_day").max()
    ).row(0)
    grid = make_grid(zone, first_day, last_day)
    keeper = Gatekeeper({"day_ahead_prices": prices}, grid, n_history=0)
    outcome = periods_of(grid, keeper.outcome("day_ahead_prices", "day_ahead", "price_eur_per_mwh"))
    matrices = columns_on_grid(own, grid, panel_inputs(own) if inputs is None else inputs)
    return DeliveryPanel(
        zone=zone,
        days=np.arange(np.datetime64(first_day, "D"), np.datetime64(last_day, "D") + 1),
        n_periods=grid.n_periods,
        resolution_minutes=grid.mtu_minutes,
        prices=outcome,
        inputs=matrices,
        holiday_fraction=holiday_fraction(zone, grid.days),
    )


def columns_on_grid(rows: pl.DataFrame, grid: Grid, names: Sequence[str]) -> dict[str, Floats]:
    """Each column of rows by market time unit as (D, P); NaN where a unit has no row or no value."""
    row = (rows["delivery_day"].to_numpy() - np.datetime64(grid.days[0], "D")).astype(np.int64)
    starts_us = rows["delivery_start_utc"].dt.epoch("us").to_numpy()
    period = (starts_us - grid.start_us[row]) // (grid.mtu_minutes[row] * 60_000_000)
    matrices = {}
    for name in names:
        matrices[name] = np.full((len(grid.days), int(grid.n_periods.max())), np.nan)
        matrices[name][row, period] = rows[name].fill_null(np.nan).to_numpy()
    return matrices


def _assemble(keeper: Gatekeeper, columns: Mapping[str, Floats]) -> pl.DataFrame:
    """Rows under the contract from one (D, S) matrix per feature."""
    grid = keeper.target
    exists = np.arange(int(grid.n_periods.max()))[None, :] < grid.n_periods[:, None]
    row, period = np.nonzero(exists)
    mtu = grid.mtu_minutes[row]
    newest = keeper.newest_us[row]
    data: dict[str, object] = {
        "zone": pl.repeat(grid.zone, len(row), eager=True),
        "delivery_day": np.datetime64(grid.days[0], "D") + row,
        "delivery_start_utc": pl.Series(grid.start_us[row] + period * mtu * 60_000_000),
        "resolution_minutes": mtu,
        **{
            name: periods_of(grid, columns[name], take_first=name == "hour_local")[exists]
            for name in (*FEATURES, *EARLIER_INPUTS)
        },
        "as_of_utc": pl.Series(keeper.gate_us[row]),
        "newest_input_utc": pl.Series(newest).set(pl.Series(newest == NEVER_US), None),
        "source": pl.Series(keeper.sources).gather(row),
    }
    frame = pl.DataFrame(data).with_columns(
        pl.col("delivery_start_utc", "as_of_utc", "newest_input_utc")
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone("UTC"),
        pl.col(*FEATURES, *EARLIER_INPUTS).fill_nan(None),
    )
    return frame.select(
        pl.col(name).cast(column.dtype) for name, column in DAY_AHEAD_FEATURES.columns.items()
    )
