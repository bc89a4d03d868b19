"""A candidate of the spread model on unseen days, compared with the champion and past quantiles."""

import numpy as np

from resources.models.registry import ModelRegistry
from resources.models.version import SPREAD_FAMILY, ModelVersion
from resources.settings.policies import promotion_settings
from resources.settings.zones import Desk
from spot.arrays import Floats
from spot.errors import ModelIntegrityError
from spot.lifecycle.sanity import SanityVerdict
from spot.lifecycle.spread_sanity import assess_spread_sanity
from spot.strategy.spread.model import CatBoostSpread
from spot.strategy.spread.training_rows import daily_pinball_losses
from workflows.lifecycle.evaluation import Evaluation
from workflows.training.spread_set import SpreadData


def evaluate_spread_model(
    candidate: ModelVersion,
    rival: ModelVersion | None,
    data: SpreadData,
    registry: ModelRegistry,
    desk: Desk,
) -> Evaluation:
    """Daily pinball losses on the evaluation days, and sanity of the candidate as stored.

    Each loss is as of its own gate.

    A rival whose files are damaged, or that cannot read these inputs, makes no forecast. The candidate is
    then judged like a first one. Otherwise the strategy would stay flat for ever, waiting for a comparison
    that cannot be made.

    Raises:
        ModelIntegrityError: the candidate's own files are damaged.
    """
    spreads, days = registry.of_family(SPREAD_FAMILY), data.window.evaluation_days
    ours = daily_pinball_losses(CatBoostSpread.from_files(spreads.files(candidate)), data.rows, days)
    theirs = None if rival is None else _losses_of(rival, spreads, data)
    return Evaluation(
        days=days,
        candidate=ours[:, 0],
        champion=theirs,
        naive=ours[:, 1],
        champion_version=None if rival is None or theirs is None else rival.version,
        sanity=_sanity(candidate, data, spreads, desk),
    )


def _losses_of(rival: ModelVersion, spreads: ModelRegistry, data: SpreadData) -> Floats | None:
    """(D,) losses of the serving model, NaN on days that it learnt from; None where it cannot be read."""
    days = data.window.evaluation_days
    try:
        model = CatBoostSpread.from_files(spreads.files(rival))
    except ModelIntegrityError:
        return None
    losses = daily_pinball_losses(model, data.rows, days)[:, 0]
    if not np.isfinite(losses).any():
        return None
    losses[[day <= rival.trained_through for day in days]] = np.nan
    return losses


def _sanity(candidate: ModelVersion, data: SpreadData, spreads: ModelRegistry, desk: Desk) -> SanityVerdict:
    return assess_spread_sanity(
        spreads.files(candidate),
        data.rows,
        data.window.evaluation_days,
        from_files=CatBoostSpread.from_files,
        learn_through=candidate.trained_through,
        data_version=candidate.tags.get("data_version", ""),
        settings=promotion_settings(desk).sanity,
    )
