"""The training set of the spread model: made and written once, read by training and by judging."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import polars as pl

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import read_features, read_raw_tables
from resources.models.training_order import TrainingOrder
from resources.models.version import SPREAD_FAMILY
from resources.settings.zones import Desk
from spot.arrays import Floats
from spot.contracts.raw_tables import SETTLING_TABLES
from spot.contracts.spread_tables import SPREAD_TRAINING_SET
from spot.market.gates import gate_closure_utc
from spot.strategy.interface import Strategy
from spot.strategy.spread.sources import LOOKBACK_DAYS, SpreadAtGate
from spot.strategy.spread.training_rows import learning_rows, spread_training_rows
from spot.walk.forecasts import fingerprint_of_rows
from workflows.forecasting.served_spread import spread_lineage, spread_strategy
from workflows.training.recorded_window import (
    RecordedWindow,
    WrittenSet,
    read_rows,
    require_window,
    versions_of,
    write_set,
)
from workflows.training.window import TrainingWindow, training_window

TABLE = SPREAD_TRAINING_SET.name
READS = ("day_ahead_features", *SETTLING_TABLES)
WINDOW_DAYS = 365
"""Days that a model of the spread learns from: every season once. Chosen by hand; not tuned."""
MIN_DAYS = 60
"""Fewest days with a spread from which it is trained. Chosen by hand; not tuned."""


@dataclass(frozen=True, slots=True)
class NoSet:
    """Why a zone has no training set of the spread."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadData:
    """A training set as it was read."""

    recorded: RecordedWindow
    rows: pl.DataFrame

    @property
    def window(self) -> TrainingWindow:
        """Its days."""
        return self.recorded.window

    @property
    def learning(self) -> tuple[pl.DataFrame, Floats]:
        """Inputs and spreads (N,) that are learnt from."""
        return learning_rows(self.rows, self.window.learn_through)


def write_spread_set(
    zone: str, lake: Lake, desk: Desk, order: TrainingOrder, clock: Clock
) -> WrittenSet | NoSet:
    """Make what a model of the zone's spread learns from and is judged on, and write it.

    A zone without a strategy that needs it, or with too few second prices, has no set and no model.
    """
    strategy = spread_strategy(desk, zone)
    if strategy is None:
        return NoSet("no strategy of the zone needs a model of the spread")
    window = training_window(zone, lake, desk, order, clock)
    versions = versions_of(lake, READS)
    moment = _moment_at(window, lake, desk, strategy, clock)
    rows = spread_training_rows(
        moment,
        learn_through=window.learn_through,
        evaluation_days=window.evaluation_days,
        window_days=WINDOW_DAYS,
    )
    n_days = learning_rows(rows, window.learn_through)[0]["delivery_day"].n_unique()
    if n_days < MIN_DAYS:
        return NoSet(
            f"{n_days} days with a second price ({strategy.settled_against}) up to {window.learn_through},"
            f" {MIN_DAYS} are needed"
        )
    to_record = RecordedWindow(
        window=window,
        model=SPREAD_FAMILY,
        table_name=TABLE,
        as_of_utc=moment.gate_utc,
        lineage=spread_lineage(desk.zone(zone), strategy),
        data_version=_fingerprint(rows, window),
        read_versions=versions,
    )
    return write_set(lake, rows, to_record)


def spread_window(zone: str, lake: Lake, desk: Desk, order: TrainingOrder | None = None) -> RecordedWindow:
    """The record of the zone's training set of the spread.

    Raises:
        ForecastError: no strategy needs one, or as `require_window`.
    """
    strategy = spread_strategy(desk, zone)
    lineage = "" if strategy is None else spread_lineage(desk.zone(zone), strategy)
    return require_window(lake, zone, SPREAD_FAMILY, lineage=lineage, order=order)


def read_spread_set(zone: str, lake: Lake, desk: Desk, order: TrainingOrder | None = None) -> SpreadData:
    """The zone's training set as `write_spread_set` wrote it.

    Raises:
        ForecastError: there is none that fits the settings and the order.
        ContractError: its rows are not those that were written.
    """
    recorded = spread_window(zone, lake, desk, order)
    rows = read_rows(lake, recorded, lambda found: _fingerprint(found, recorded.window))
    return SpreadData(recorded=recorded, rows=rows)


def _moment_at(
    window: TrainingWindow, lake: Lake, desk: Desk, strategy: Strategy, clock: Clock
) -> SpreadAtGate:
    """The gate of the first served day, or now before it, and the tables up to the last judged day."""
    settings, zone, day = desk.zone(window.zone), window.zone, window.serves_from
    oldest = max(window.first_day, window.learn_through - timedelta(days=WINDOW_DAYS))
    first, last = oldest - timedelta(days=LOOKBACK_DAYS), window.evaluate_through
    raw = read_raw_tables(lake, zone, settings, first_day=first, last_day=last, tables=SETTLING_TABLES)
    features = read_features(lake, zone, settings, first_day=first, last_day=last)
    gate = min(clock.now(), gate_closure_utc(zone, day))
    return SpreadAtGate(zone, day, gate, raw, features, strategy.settled_against)


def _fingerprint(rows: pl.DataFrame, window: TrainingWindow) -> str:
    """Fingerprint of every number, and its name, from which a model of the spread learns."""
    inputs, spreads = learning_rows(rows, window.learn_through)
    learnt = inputs.with_columns(spread=pl.Series(spreads, dtype=pl.Float64))
    names = [name for name in learnt.columns if learnt.schema[name].is_numeric()]
    named = sha256("|".join([fingerprint_of_rows(learnt, names), *names]).encode()).hexdigest()[:32]
    return f"spread:{named}"
