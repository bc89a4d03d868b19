"""Rows of `training_set`, inputs as known at each gate beside the price that followed, and the way back.

A training set is written once. Training and judging both read it, so the panel that they read must equal the
one that the rows were made from, bit for bit.
"""

import numpy as np
import polars as pl

from spot.contracts.feature_tables import TRAINING_SET, known_features
from spot.contracts.lineage import DataSource
from spot.contracts.panel import DeliveryPanel
from spot.contracts.table import UTC_INSTANT
from spot.errors import ContractError
from spot.features.grid import make_grid, to_us
from spot.features.matrix import build_panel, columns_on_grid, panel_inputs
from spot.market.gates import gate_closure_utc
from spot.market.holidays import holiday_fraction

_NO_SOURCE = str(DataSource())


def training_rows(features: pl.DataFrame, prices: pl.DataFrame, *, zone: str) -> pl.DataFrame:
    """One row per market time unit from the first to the last day that has features.

    A unit without features has nulls and no source; a unit whose price is not known has no price.

    Args:
        features: rows of `day_ahead_features`.
        prices: rows of the raw table `day_ahead_prices`; of several vintages the newest counts.
        zone: bidding zone.

    Raises:
        ContractError: there are no features of the zone, or no unit has a price.
    """
    panel = build_panel(features, prices, zone=zone)
    if not np.isfinite(panel.prices).any():
        raise ContractError(f"training set of {zone}: no market time unit has a price")
    known = features.filter(pl.col("zone") == zone).drop("zone", "delivery_day", "resolution_minutes")
    rows = (
        _units_of(panel)
        .join(known, on="delivery_start_utc", how="left")
        .with_columns(
            pl.col("as_of_utc").fill_null(pl.col("gate_utc")),
            pl.col("source").fill_null(_NO_SOURCE),
            pl.col("price_eur_per_mwh").fill_nan(None),
        )
    )
    return rows.select(pl.col(name).cast(column.dtype) for name, column in TRAINING_SET.columns.items())


def panel_of_training_rows(rows: pl.DataFrame, *, zone: str) -> DeliveryPanel:
    """The delivery panel that `training_rows` was made from.

    Raises:
        ContractError: there are no rows of the zone.
    """
    own = rows.filter(pl.col("zone") == zone)
    if own.is_empty():
        raise ContractError(f"panel of {zone}: the training set has no rows of it")
    first_day, last_day = own.select(
        first=pl.col("delivery_day").min(), last=pl.col("delivery_day").max()
    ).row(0)
    grid = make_grid(zone, first_day, last_day)
    matrices = columns_on_grid(own, grid, (*panel_inputs(own), "price_eur_per_mwh"))
    return DeliveryPanel(
        zone=zone,
        days=np.arange(np.datetime64(first_day, "D"), np.datetime64(last_day, "D") + 1),
        n_periods=grid.n_periods,
        resolution_minutes=grid.mtu_minutes,
        prices=matrices.pop("price_eur_per_mwh"),
        inputs=matrices,
        holiday_fraction=holiday_fraction(zone, grid.days),
    )


def with_outcome(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows whose price is known: what a model learns from and is scored on."""
    return rows.drop_nulls("price_eur_per_mwh")


def training_columns(rows: pl.DataFrame) -> list[str]:
    """Columns that the fingerprint of a training set covers: every known input, and the price."""
    return [*known_features(rows), "price_eur_per_mwh"]


def _units_of(panel: DeliveryPanel) -> pl.DataFrame:
    """Every market time unit of the panel's days with its gate and its price, NaN where it is not known."""
    grid = make_grid(panel.zone, panel.days[0].astype(object), panel.last_day)
    row, period = np.nonzero(np.arange(panel.prices.shape[1])[None, :] < grid.n_periods[:, None])
    gate_us = np.array([to_us(gate_closure_utc(panel.zone, day)) for day in grid.days], dtype=np.int64)
    return pl.DataFrame(
        {
            "zone": pl.repeat(panel.zone, len(row), eager=True),
            "delivery_day": panel.days[row],
            "delivery_start_utc": grid.start_us[row] + period * grid.mtu_minutes[row] * 60_000_000,
            "resolution_minutes": grid.mtu_minutes[row],
            "gate_utc": gate_us[row],
            "price_eur_per_mwh": panel.prices[row, period],
        }
    ).with_columns(pl.col("delivery_start_utc", "gate_utc").cast(UTC_INSTANT))
