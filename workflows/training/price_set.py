"""The training set of the price model: made and written once, read by training and by judging."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of, read_features, read_raw
from resources.models.training_order import TrainingOrder
from resources.models.version import PRICE_FAMILY
from resources.settings.zones import Desk, ZoneSettings
from spot.contracts.feature_tables import TRAINING_SET
from spot.contracts.panel import DeliveryPanel
from spot.contracts.vintages import known_at
from spot.errors import ForecastError
from spot.features.known_prices import KnownPrices, known_prices
from spot.features.training_rows import (
    panel_of_training_rows,
    training_columns,
    training_rows,
    with_outcome,
)
from spot.market.gates import gate_closure_utc
from spot.walk.forecasts import fingerprint_of_rows
from workflows.training.recorded_window import (
    RecordedWindow,
    WrittenSet,
    read_rows,
    require_window,
    versions_of,
    write_set,
)
from workflows.training.window import TrainingWindow, training_window

TABLE = TRAINING_SET.name
READS = ("day_ahead_features", "day_ahead_prices")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """A training set as it was read."""

    recorded: RecordedWindow
    panel: DeliveryPanel
    """Learning days and evaluation days, with every price that was known when the set was made."""

    @property
    def window(self) -> TrainingWindow:
        """Its days."""
        return self.recorded.window

    @property
    def data_version(self) -> str:
        """Fingerprint of every row that has an outcome."""
        return self.recorded.data_version

    @property
    def learning(self) -> DeliveryPanel:
        """The days that are learnt from."""
        return self.panel.first(int((self.panel.days <= np.datetime64(self.window.learn_through)).sum()))


def write_price_set(zone: str, lake: Lake, desk: Desk, order: TrainingOrder, clock: Clock) -> WrittenSet:
    """Make what a version of `zone` under this order learns from and is judged on, and write it.

    Everything is as known at the gate of the first day that the version serves, or now before that gate.

    Raises:
        ForecastError: there are fewer days than the zone's minimum.
    """
    settings = desk.zone(zone)
    window = training_window(zone, lake, desk, order, clock)
    through = window.evaluate_through
    as_of = min(clock.now(), gate_closure_utc(zone, window.serves_from))
    versions = versions_of(lake, READS)
    vintages = read_raw(
        lake, "day_ahead_prices", zone, settings, first_day=window.first_day, last_day=through
    )
    prices = known_at(vintages, as_of)
    window = _from_first_price(window, prices)
    first_day = window.first_day
    features = read_features(lake, zone, settings, first_day=first_day, last_day=through)
    if prices.is_empty() or features.is_empty():
        raise ForecastError(
            f"zone {zone}: no training data from {first_day} to {through} (data: {lineage_of(settings)})"
        )
    rows = training_rows(features, prices, zone=zone)
    _require_days(panel_of_training_rows(rows, zone=zone), window, settings)
    to_record = RecordedWindow(
        window=window,
        model=PRICE_FAMILY,
        table_name=TABLE,
        as_of_utc=as_of,
        lineage=lineage_of(settings),
        data_version=_fingerprint(rows),
        read_versions=versions,
    )
    return write_set(lake, rows, to_record)


def price_window(zone: str, lake: Lake, desk: Desk, order: TrainingOrder | None = None) -> RecordedWindow:
    """The record of the zone's training set of the price.

    Raises:
        ForecastError: as `require_window`.
    """
    return require_window(lake, zone, PRICE_FAMILY, lineage=lineage_of(desk.zone(zone)), order=order)


def read_price_set(zone: str, lake: Lake, desk: Desk, order: TrainingOrder | None = None) -> TrainingData:
    """The zone's training set as `write_price_set` wrote it.

    Raises:
        ForecastError: there is none that fits the settings and the order.
        ContractError: its rows are not those that were written.
    """
    recorded = price_window(zone, lake, desk, order)
    rows = read_rows(lake, recorded, _fingerprint)
    return TrainingData(recorded=recorded, panel=panel_of_training_rows(rows, zone=zone))


def publications(data: TrainingData, lake: Lake, desk: Desk) -> KnownPrices:
    """When each price of the set became known, for a walk that sees each day as of its gate."""
    window, panel = data.window, data.panel
    vintages = read_raw(
        lake,
        "day_ahead_prices",
        window.zone,
        desk.zone(window.zone),
        first_day=window.first_day,
        last_day=window.evaluate_through,
    )
    first_day = panel.days[0].astype(object)
    return known_prices(vintages, zone=window.zone, first_day=first_day, last_day=panel.last_day)


def _fingerprint(rows: pl.DataFrame) -> str:
    priced = with_outcome(rows)
    return f"training:{fingerprint_of_rows(priced, training_columns(priced))}"


def _from_first_price(window: TrainingWindow, prices: pl.DataFrame) -> TrainingWindow:
    """The window without the days before the first price.

    A model learns nothing from them, and must not claim more days than it has.
    """
    days = prices["delivery_day"].to_list()
    return replace(window, first_day=max(window.first_day, min(days))) if days else window


def _require_days(panel: DeliveryPanel, window: TrainingWindow, settings: ZoneSettings) -> None:
    learning = panel.days <= np.datetime64(window.learn_through)
    n_days = int(np.isfinite(panel.prices[learning]).any(axis=1).sum())
    if n_days < settings.minimum_training_days:
        raise ForecastError(
            f"zone {window.zone}: {n_days} days to learn from until {window.learn_through},"
            f" {settings.minimum_training_days} needed"
        )
