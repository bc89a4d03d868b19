"""What moved the forecast behind the signals of one day, computed from the version that made it."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_features, read_raw, read_raw_tables
from resources.models.registry import ModelRegistry
from resources.models.version import SPREAD_FAMILY
from resources.settings.zones import Desk, ZoneSettings
from spot.contracts.lineage import DataSource
from spot.contracts.raw_tables import SETTLING_TABLES
from spot.contracts.signal_tables import SIGNAL_REASONS
from spot.errors import ForecastError, ModelIntegrityError, ModelNotFoundError
from spot.features.matrix import build_panel
from spot.forecast.explain import explain
from spot.strategy.reasons import signal_reasons, spread_reasons
from spot.strategy.spread.model import CatBoostSpread
from spot.strategy.spread.sources import SpreadAtGate
from spot.walk.inputs import HISTORY_DAYS
from workflows.forecasting.warm_models import give_back, take_forecaster

_SHOWN_DAYS = 3
"""Similar past days that a reason names."""


def reasons_of_day(zone: str, day: date, lake: Lake, desk: Desk, registry: ModelRegistry) -> pl.DataFrame:
    """Rows of `signal_reasons` for the champion's signals of the day.

    None for signals whose model cannot be explained, or that have no model.
    """
    signals = lake.read("signals", zones=[zone], first_day=day, last_day=day).filter(
        pl.col("role") == "champion", pl.col("model_version").is_not_null()
    )
    if signals.is_empty():
        return SIGNAL_REASONS.empty()
    # The signals name their data. A run may have named another source than zones.yaml does.
    source = DataSource.parse(signals["source"][0]).main
    settings = desk.zone(zone).model_copy(update={"source": source})
    moved = signals.filter(pl.col("strategy_model_version").is_not_null())
    others = signals.join(moved, on="signal_id", how="anti", maintain_order="left")
    return pl.concat(
        [
            _reasons_of_price(others, lake, settings, registry),
            _reasons_of_spread(moved, lake, settings, registry),
        ]
    )


def _reasons_of_price(
    signals: pl.DataFrame, lake: Lake, settings: ZoneSettings, registry: ModelRegistry
) -> pl.DataFrame:
    """Rows for signals of one zone and day that are based on the forecast of the price.

    Empty where that cannot be explained.
    """
    if signals.is_empty():
        return SIGNAL_REASONS.empty()
    zone, day, name = signals.select("zone", "delivery_day", "model_version").row(0)
    try:
        version = registry.version(zone, str(name))
        first = min(version.trained_through + timedelta(days=1), day - timedelta(days=21))
        features = read_features(lake, zone, settings, first_day=first, last_day=day)
        prices = read_raw(lake, "day_ahead_prices", zone, settings, first_day=first, last_day=day)
        if features.filter(pl.col("delivery_day") == day).is_empty():
            return SIGNAL_REASONS.empty()
        panel = build_panel(features, prices, zone=zone)
        row = int(np.flatnonzero(panel.days == np.datetime64(day))[0])
        later = panel.rows(
            slice(
                int(np.searchsorted(panel.days, np.datetime64(version.trained_through), side="right")), None
            )
        )
        forecaster = take_forecaster(registry, version, later, day)
        made = explain(forecaster, panel.known_at_gate(row))
        give_back(registry, version, later, forecaster, [day])
    except (ModelNotFoundError, ForecastError):
        return SIGNAL_REASONS.empty()
    alike = [
        (similar.day, similar.likeness, similar.mean_price_eur_per_mwh)
        for similar in made.similar_days[:_SHOWN_DAYS]
    ]
    return signal_reasons(signals, made.contributions_eur_per_mwh, alike)


def _reasons_of_spread(
    signals: pl.DataFrame, lake: Lake, settings: ZoneSettings, registry: ModelRegistry
) -> pl.DataFrame:
    """Rows for signals of one zone and day that are based on a model of the spread.

    They show what moved the spread, because that is what these signals trade.
    """
    if signals.is_empty():
        return SIGNAL_REASONS.empty()
    zone, day, against, as_of = signals.select("zone", "delivery_day", "settled_against", "as_of_utc").row(0)
    spreads = registry.of_family(SPREAD_FAMILY)
    raw = read_raw_tables(
        lake,
        zone,
        settings,
        first_day=day - timedelta(days=HISTORY_DAYS),
        last_day=day,
        tables=SETTLING_TABLES,
    )
    features = read_features(lake, zone, settings, first_day=day, last_day=day)
    try:
        model = CatBoostSpread.from_files(
            spreads.files(spreads.version(zone, str(signals["strategy_model_version"][0])))
        )
        moved = model.contributions(SpreadAtGate(zone, day, as_of, raw, features, against).serving_row())
    except (ModelNotFoundError, ModelIntegrityError, ForecastError):
        return SIGNAL_REASONS.empty()
    return spread_reasons(signals, moved)
