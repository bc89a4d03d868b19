"""Versions of models for tests: a naive model on made-up prices, and the twin of a version."""

from datetime import date

import numpy as np

from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion, VersionFacts
from spot.contracts.panel import DeliveryPanel
from spot.forecast.members import load_settings_mapping, make_forecaster

_DAYS = 60
FACTS = VersionFacts(
    settings={"kind": "naive"},
    metrics={"mae": 1.5},
    fingerprint="f1",
    lineage="simulated",
    trained_from=date(2025, 1, 1),
    trained_through=date(2025, 3, 1),
    serves_from=date(2025, 3, 2),
    tags={"data_version": "d1", "code_commit": "c1", "evaluation": "{}"},
)
"""What a registry notes of a version; a test replaces what it is about."""


def naive_model_files(zone: str, seed: int) -> dict[str, bytes]:
    """The files of a weekly naive model that learnt from 60 days of made-up prices."""
    panel = DeliveryPanel(
        zone=zone,
        days=np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-01-01") + _DAYS),
        n_periods=np.full(_DAYS, 24),
        resolution_minutes=np.full(_DAYS, 60),
        prices=np.random.default_rng(seed).normal(60, 15, (_DAYS, 24)),
        inputs={},
        holiday_fraction=np.zeros(_DAYS),
    )
    model = make_forecaster(load_settings_mapping({"kind": "naive", "rule": "weekly"}))
    return dict(model.fit(panel).to_files())


def register_naive(registry: ModelRegistry, zone: str, seed: int) -> ModelVersion:
    """Register the naive model of `naive_model_files`; another seed is another version."""
    facts = VersionFacts(
        settings={"kind": "naive"},
        metrics={},
        fingerprint=f"f{seed}",
        lineage="simulated",
        trained_from=date(2024, 1, 1),
        trained_through=date(2024, 2, 29),
        serves_from=date(2024, 3, 1),
        tags={"data_version": "training:x"},
    )
    return registry.register(zone, naive_model_files(zone, seed), facts)


def register_twin(registry: ModelRegistry, version: ModelVersion, **tags: str) -> ModelVersion:
    """Register the same model once more under another number: it forecasts the same."""
    facts = VersionFacts(
        settings=version.settings,
        metrics={},
        fingerprint="twin",
        lineage=version.lineage,
        trained_from=version.trained_from,
        trained_through=version.trained_through,
        serves_from=version.serves_from,
        tags={"data_version": "twin", **tags},
    )
    return registry.register(version.zone, registry.files(version), facts)
