"""A version of a zone's price model, trained on the stored training set."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of
from resources.models.registry import ModelRegistry
from resources.models.training_order import TrainingOrder
from resources.models.version import JUDGED_INPUTS_TAG, PRICE_FAMILY, ModelVersion, VersionFacts
from resources.plugins.members import new_forecaster
from resources.settings.code_version import model_code_version
from resources.settings.model_profiles import model_profile
from resources.settings.zones import Desk, ZoneSettings
from spot.forecast.days.judged_inputs import JudgedInputs
from workflows.training.ledger_numbers import newest_number
from workflows.training.origin import origin_tags
from workflows.training.price_set import TrainingData


def train_price_model(
    data: TrainingData,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    order: TrainingOrder,
    *,
    now: datetime,
    run_id: str,
) -> tuple[ModelVersion, bool]:
    """The version that learns from `data`, and whether it is new.

    For the same settings, data and code it is the existing version, so nothing is trained twice. A new
    version gets a number that the ledger does not know.
    """
    zone = data.window.zone
    settings = desk.zone(zone)
    document = model_profile(desk, settings.model)
    identity = price_fingerprint(data, document, settings)
    known = registry.find(zone, identity)
    if known is not None:
        return known, False
    model = new_forecaster(document).fit(data.learning)
    origin = origin_tags(
        data.recorded, order, seed=settings.seed, code_version=model_code_version(document), now=now
    )
    facts = VersionFacts(
        settings=document,
        metrics={"n_training_days": float(len(data.learning)), **_worth_metrics(model.judged_inputs)},
        fingerprint=identity,
        lineage=data.recorded.lineage,
        trained_from=data.window.first_day,
        trained_through=data.window.learn_through,
        serves_from=data.window.serves_from,
        tags={**origin, "profile": settings.model, **_judged_tag(model.judged_inputs)},
    )
    after = newest_number(lake, zone, PRICE_FAMILY)
    return registry.register(zone, model.to_files(), facts, run_id=run_id, after=after), True


def _worth_metrics(judged: Sequence[JudgedInputs]) -> dict[str, float]:
    """Metric of the first name of each judged group: by how many percent the error was lower with it."""
    return {
        f"error_lower_percent.{one.names[0]}": one.lower_percent
        for one in judged
        if math.isfinite(one.lower_percent)
    }


def _judged_tag(judged: Sequence[JudgedInputs]) -> dict[str, str]:
    """The tag that says which optional inputs were tried, and what came of it; none where there were none."""
    rows = [
        {
            "inputs": list(one.names),
            "is_kept": one.is_kept,
            "lower_percent": round(one.lower_percent, 3) if math.isfinite(one.lower_percent) else None,
        }
        for one in judged
    ]
    return {JUDGED_INPUTS_TAG: json.dumps(rows)} if rows else {}


def price_fingerprint(data: TrainingData, model_settings: Mapping[str, Any], settings: ZoneSettings) -> str:
    """Identity of a version: settings, seed, the bytes it learnt from, and the code that learnt."""
    window = data.window
    parts = [
        json.dumps(model_settings, sort_keys=True, default=str),
        str(settings.seed),
        lineage_of(settings),
        data.data_version,
        *(str(day) for day in (window.first_day, window.learn_through, window.evaluate_through)),
        model_code_version(model_settings),
    ]
    return sha256("|".join(parts).encode()).hexdigest()[:32]
