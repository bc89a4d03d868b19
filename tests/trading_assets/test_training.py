"""How a candidate is scored beside a champion that can no longer be read."""

import json
from datetime import date, timedelta

import numpy as np
import polars as pl

from resources.models.registry import VersionFacts
from resources.settings.environment import Environment
from resources.wiring import make_registry
from spot.features.known_prices import known_prices
from spot.features.matrix import build_features, build_panel
from spot.forecast.members import load_settings_mapping, make_forecaster
from spot.market.delivery import days_between
from spot.simulation.market import simulate
from workflows.training.window import TrainingData, TrainingWindow, score_candidate

ZONE, FIRST = "FR", date(2025, 3, 1)
LEARNT, LAST = FIRST + timedelta(days=59), FIRST + timedelta(days=66)


def test_a_champion_of_other_code_does_not_keep_the_zone_flat_for_ever(environment: Environment) -> None:
    raw = simulate(ZONE, FIRST, LAST, seed=1).tables
    panel = build_panel(
        build_features(raw, zone=ZONE, days=days_between(FIRST, LAST)), raw["day_ahead_prices"], zone=ZONE
    )
    files = dict(make_forecaster(load_settings_mapping({"kind": "naive"})).fit(panel.first(60)).to_files())
    unreadable = {
        **files,
        "settings.json": json.dumps({**json.loads(files["settings.json"]), "name": "of_other_code"}).encode(),
    }
    registry = make_registry(environment)
    versions = []
    for name, content in (("readable", files), ("unreadable", unreadable), ("candidate", files)):
        facts = VersionFacts(
            settings={"kind": "naive"}, metrics={}, fingerprint=name, lineage="simulated", trained_from=FIRST,
            trained_through=LEARNT, serves_from=LAST + timedelta(days=1), tags={},
        )  # fmt: skip
        versions.append(registry.register(ZONE, content, facts))
    readable, other, candidate = versions
    data = TrainingData(
        window=TrainingWindow(zone=ZONE, first_day=FIRST, learn_through=LEARNT, evaluate_through=LAST),
        rows=pl.DataFrame(),
        panel=panel,
        published=known_prices(raw["day_ahead_prices"], zone=ZONE, first_day=FIRST, last_day=LAST),
        data_version="training:0",
    )
    beside = score_candidate(registry, candidate, readable, data)
    assert beside.champion_version == readable.version
    assert np.array_equal(beside.champion, beside.candidate)
    alone = score_candidate(registry, candidate, other, data)
    assert alone.champion is None
    assert alone.champion_version is None
    assert np.array_equal(alone.candidate, beside.candidate)
    assert np.isfinite(alone.candidate).all()
