"""A version of a zone's spread model, trained on the stored training set."""

import json
from datetime import datetime
from hashlib import sha256

from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.training_order import TrainingOrder
from resources.models.version import SPREAD_FAMILY, ModelVersion, VersionFacts
from resources.settings.code_version import spread_code_version
from resources.settings.zones import Desk
from spot.strategy.spread.model import CatBoostSpread, CatBoostSpreadSettings
from workflows.training.ledger_numbers import newest_number
from workflows.training.origin import origin_tags
from workflows.training.spread_set import SpreadData


def train_spread_model(
    data: SpreadData, lake: Lake, desk: Desk, registry: ModelRegistry, order: TrainingOrder, *, now: datetime
) -> tuple[ModelVersion, bool]:
    """The version that learns from `data`, and whether it is new.

    For the same settings, data and code it is the existing version, so nothing is trained twice. A new
    version gets a number that the ledger does not know.

    Raises:
        ForecastError: there are too few rows to learn from.
    """
    zone, spreads = data.window.zone, registry.of_family(SPREAD_FAMILY)
    model = CatBoostSpread(CatBoostSpreadSettings(seed=desk.zone(zone).seed))
    identity = spread_fingerprint(data, model.settings)
    known = spreads.find(zone, identity)
    if known is not None:
        return known, False
    inputs, outcomes = data.learning
    model.fit(inputs, outcomes)
    seed, code_version = model.settings.seed, spread_code_version()
    facts = VersionFacts(
        settings=model.settings.model_dump(),
        metrics={"n_training_days": float(inputs["delivery_day"].n_unique())},
        fingerprint=identity,
        lineage=data.recorded.lineage,
        trained_from=data.window.first_day,
        trained_through=data.window.learn_through,
        serves_from=data.window.serves_from,
        tags=origin_tags(data.recorded, order, seed=seed, code_version=code_version, now=now),
    )
    after = newest_number(lake, zone, SPREAD_FAMILY)
    return spreads.register(zone, model.to_files(), facts, after=after), True


def spread_fingerprint(data: SpreadData, settings: CatBoostSpreadSettings) -> str:
    """Identity of a version: settings, the bytes it learnt from, and the code that learnt."""
    window = data.window
    parts = [
        json.dumps(settings.model_dump(), sort_keys=True),
        data.recorded.lineage,
        data.recorded.data_version,
        *(str(day) for day in (window.first_day, window.learn_through, window.evaluate_through)),
        spread_code_version(),
    ]
    return sha256("|".join(parts).encode()).hexdigest()[:32]
