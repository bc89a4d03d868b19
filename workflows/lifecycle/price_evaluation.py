"""A candidate of the price model on days that it never saw.

It is compared with the champion and the weekly naive forecast.
"""

from datetime import date

import numpy as np

from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion
from resources.plugins.members import restored_forecaster
from resources.settings.policies import promotion_settings
from resources.settings.zones import Desk
from spot.arrays import Floats
from spot.errors import ModelIntegrityError
from spot.features.known_prices import KnownPrices
from spot.lifecycle.sanity import SanityVerdict, assess_sanity
from spot.scores.naive import weekly_naive_errors
from spot.walk.forecasts import daily_absolute_errors, walk_forward
from workflows.lifecycle.evaluation import Evaluation
from workflows.training.price_set import TrainingData


def evaluate_price_model(
    candidate: ModelVersion,
    rival: ModelVersion | None,
    data: TrainingData,
    published: KnownPrices,
    registry: ModelRegistry,
    desk: Desk,
) -> Evaluation:
    """Walk the candidate and its rival over the evaluation days, and check the candidate as stored.

    A rival whose files are damaged, or that is of another version of the code, forecasts nothing. The
    candidate is then judged like a first one. Otherwise the zone would stay flat for ever, waiting for a
    comparison that cannot be made.
    """
    days, theirs = data.window.evaluation_days, None
    if rival is not None:
        try:
            theirs = _errors(registry, rival, data, published, days)
        except ModelIntegrityError:
            rival = None
    return Evaluation(
        days=days,
        candidate=_errors(registry, candidate, data, published, days),
        champion=theirs,
        naive=weekly_naive_errors(data.panel, days),
        champion_version=None if rival is None else rival.version,
        sanity=_sanity(candidate, data, registry, desk),
    )


def _errors(
    registry: ModelRegistry,
    version: ModelVersion,
    data: TrainingData,
    published: KnownPrices,
    days: tuple[date, ...],
) -> Floats:
    forecaster, _ = registry.load(version.zone, version.version)
    walked = walk_forward(forecaster, data.panel, days, published=published)
    losses = daily_absolute_errors(walked, data.panel)
    # The rival's error on a day that it learnt from says nothing.
    losses[[day <= version.trained_through for day in days]] = np.nan
    return losses


def _sanity(
    candidate: ModelVersion, data: TrainingData, registry: ModelRegistry, desk: Desk
) -> SanityVerdict:
    return assess_sanity(
        registry.files(candidate),
        data.panel,
        from_files=restored_forecaster,
        trained_from=candidate.trained_from,
        trained_through=candidate.trained_through,
        data_version=candidate.tags.get("data_version", ""),
        settings=promotion_settings(desk).sanity,
    )
