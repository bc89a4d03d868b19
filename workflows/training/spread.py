"""Models of the spread between the auction and a zone's second price.

What one learns from, and which one serves a day. No asset is defined here.
"""

import json
from datetime import datetime, timedelta
from hashlib import sha256

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_features, read_raw_tables
from resources.settings.code_version import spread_code_version
from resources.settings.zones import Desk
from spot.arrays import Floats
from spot.contracts.raw_tables import PRICE_TABLES
from spot.market.gates import gate_closure_utc
from spot.strategy.interface import Strategy
from spot.strategy.spread.model import CatBoostSpreadSettings
from spot.strategy.spread.sources import LOOKBACK_DAYS, SpreadAtGate
from spot.walk.forecasts import fingerprint_of_rows
from workflows.training.window import TrainingWindow

WINDOW_DAYS = 365
MIN_DAYS = 60


def moment_at(
    window: TrainingWindow, lake: Lake, desk: Desk, strategy: Strategy, *, now: datetime
) -> SpreadAtGate:
    """What is known of the days that a model learns from and is judged on.

    At the gate of the first day that is served, or now where that is earlier.
    """
    settings, zone, day = desk.zone(window.zone), window.zone, window.serves_from
    first = max(window.first_day, window.learn_through - timedelta(days=WINDOW_DAYS)) - timedelta(
        days=LOOKBACK_DAYS
    )
    raw = read_raw_tables(
        lake, zone, settings, first_day=first, last_day=window.evaluate_through, tables=PRICE_TABLES
    )
    features = read_features(lake, zone, settings, first_day=first, last_day=window.evaluate_through)
    return SpreadAtGate(
        zone, day, min(now, gate_closure_utc(zone, day)), raw, features, strategy.settled_against
    )


def spread_fingerprint(
    inputs: pl.DataFrame,
    spreads: Floats,
    *,
    lineage: str,
    window: TrainingWindow,
    model: CatBoostSpreadSettings,
) -> str:
    """Identity of a version: settings, the bytes it learnt from, and the code that learnt."""
    days = [str(day) for day in (window.first_day, window.learn_through, window.evaluate_through)]
    parts = [
        json.dumps(model.model_dump(), sort_keys=True),
        lineage,
        spread_data_version(inputs, spreads),
        *days,
        spread_code_version(),
    ]
    return sha256("|".join(parts).encode()).hexdigest()[:32]


def spread_data_version(inputs: pl.DataFrame, spreads: Floats) -> str:
    """Fingerprint of every number, and of their names, that a model of the spread learns from."""
    rows = inputs.with_columns(spread=pl.Series(spreads, dtype=pl.Float64))
    names = [name for name in rows.columns if rows.schema[name].is_numeric()]
    named = sha256("|".join([fingerprint_of_rows(rows, names), *names]).encode()).hexdigest()[:32]
    return f"spread:{named}"
