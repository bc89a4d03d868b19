"""A ledger of five months and two registered versions of a zone, without a run of the graph."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from resources.lake.lake import Lake
from resources.lake.zone_tables import replace_span
from resources.models.registry import ModelRegistry
from resources.models.version import VersionFacts
from spot.features.matrix import HISTORY_DAYS, build_features, build_panel
from spot.forecast.members import load_settings_mapping, make_forecaster
from spot.market.delivery import ZoneDays, days_between
from spot.simulation.market import simulate

ZONE, FIRST, LAST = "DE_LU", date(2025, 1, 1), date(2025, 5, 31)
LEARNT = (date(2025, 3, 31), date(2025, 4, 30))
"""Newest day that versions 1 and 2 learnt from. Version 2 serves, and 1 served before it."""


def make_two_versions(folder: Path) -> None:
    """Fill a home whose registry exists."""
    lake = Lake(uri=str(folder / "lake"))
    raw = simulate(ZONE, FIRST, LAST, seed=1).tables
    for table, rows in raw.items():
        lake.append(table, rows, source="simulated")
    days = days_between(FIRST + timedelta(days=HISTORY_DAYS + 1), LAST)
    features = build_features(raw, zone=ZONE, days=days)
    replace_span(lake, "day_ahead_features", features, ZoneDays(ZONE, days[0], LAST))
    panel = build_panel(features, raw["day_ahead_prices"], zone=ZONE)
    registry = ModelRegistry(
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", artifact_folder=str(folder / "models")
    )
    for number, learnt in enumerate(LEARNT, start=1):
        model = make_forecaster(load_settings_mapping({"kind": "naive", "rule": "mixed"}))
        n_learnt = int((panel.days <= np.datetime64(learnt)).sum())
        facts = VersionFacts(
            settings={"kind": "naive", "rule": "mixed"},
            metrics={},
            fingerprint=f"f{number}",
            lineage="simulated",
            trained_from=days[0],
            trained_through=learnt,
            serves_from=learnt + timedelta(days=1),
            tags={},
        )
        made = registry.register(ZONE, model.fit(panel.first(n_learnt)).to_files(), facts)
        registry.promote(ZONE, made.version)
