"""The evaluation of a candidate of the spread model on days that it never saw, and its check."""

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    MaterializeResult,
)

from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.training_order import TrainingOrder
from resources.models.version import SPREAD_FAMILY
from resources.settings.zones import Desk
from spot.lifecycle.spread_candidates import MAX_LOSS_RATIO
from trading_assets.frame.declared import AssetResult, declared_asset, declared_check
from trading_assets.frame.model_facts import evaluation_facts
from trading_assets.frame.reads import SPREAD_MODELS, Read, training_windows_of
from workflows.lifecycle.evaluation import find_candidate, keep_evaluation, loss_ratio
from workflows.lifecycle.families import SPREAD
from workflows.lifecycle.spread_evaluation import evaluate_spread_model
from workflows.training.spread_set import TABLE, read_spread_set, spread_window

_WINDOWS = training_windows_of("spread_training_set")


@declared_asset(
    per="zone",
    group="spread_models",
    kinds={"polars", "mlflow"},
    reads=[TABLE, _WINDOWS, Read(SPREAD_MODELS, nodes=("spread_model",))],
    pool="training",
)
def spread_evaluation(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
) -> AssetResult:
    """The candidate's pinball loss on days it never saw, and its sanity checks.

    It is compared with the champion's and that of past quantiles.
    """
    spreads = registry.of_family(SPREAD_FAMILY)
    data = read_spread_set(context.partition_key, lake, desk, TrainingOrder.of_run(context.run.tags))
    candidate = find_candidate(spreads, data.recorded)
    rival = spreads.champion_before(candidate.zone, candidate)
    evaluation = evaluate_spread_model(candidate, rival, data, registry, desk)
    drawn = keep_evaluation(spreads, candidate, evaluation, SPREAD.measure)
    return MaterializeResult(metadata=evaluation_facts(candidate, rival, evaluation, SPREAD.measure, drawn))


@declared_check(
    asset="spread_evaluation",
    description="Pinball loss on untouched days not clearly above that of past quantiles.",
    reads=[_WINDOWS, Read(SPREAD_MODELS, nodes=("spread_evaluation",))],
)
def candidate_keeps_up_with_past_quantiles(
    context: AssetCheckExecutionContext, lake: Lake, desk: Desk, registry: ModelRegistry
) -> AssetCheckResult:
    """Warns only: promotion decides on its own evidence."""
    recorded = spread_window(context.partition_key, lake, desk)
    ratio = loss_ratio(find_candidate(registry.of_family(SPREAD_FAMILY), recorded))
    return AssetCheckResult(
        passed=ratio is not None and ratio <= MAX_LOSS_RATIO,
        severity=AssetCheckSeverity.WARN,
        metadata={} if ratio is None else {"loss_over_past_quantiles": ratio},
    )
