"""The evaluation of a candidate of the price model on days that it never saw, and its check."""

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
from resources.settings.zones import Desk
from trading_assets.frame.declared import AssetResult, declared_asset, declared_check
from trading_assets.frame.model_facts import evaluation_facts
from trading_assets.frame.reads import PRICE_MODELS, Read, of_zone, training_windows_of
from workflows.lifecycle.evaluation import find_candidate, keep_evaluation, loss_ratio
from workflows.lifecycle.families import PRICE
from workflows.lifecycle.price_evaluation import evaluate_price_model
from workflows.training.price_set import TABLE, price_window, publications, read_price_set

_WINDOWS = training_windows_of("training_set")


@declared_asset(
    per="zone",
    group="models",
    kinds={"polars", "mlflow"},
    reads=[TABLE, _WINDOWS, of_zone("day_ahead_prices"), Read(PRICE_MODELS, nodes=("price_model",))],
    pool="training",
)
def model_evaluation(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
) -> AssetResult:
    """The candidate on days it never saw.

    It walks day by day, compared with the champion and the weekly naive forecast, and passes its sanity
    checks.
    """
    data = read_price_set(context.partition_key, lake, desk, TrainingOrder.of_run(context.run.tags))
    candidate = find_candidate(registry, data.recorded)
    rival = registry.champion_before(candidate.zone, candidate)
    published = publications(data, lake, desk)
    evaluation = evaluate_price_model(candidate, rival, data, published, registry, desk)
    drawn = keep_evaluation(registry, candidate, evaluation, PRICE.measure)
    return MaterializeResult(metadata=evaluation_facts(candidate, rival, evaluation, PRICE.measure, drawn))


@declared_check(
    asset="model_evaluation",
    description="Walk-forward error below that of the weekly naive forecast.",
    reads=[_WINDOWS, Read(PRICE_MODELS, nodes=("model_evaluation",))],
)
def candidate_beats_the_naive_forecast(
    context: AssetCheckExecutionContext, lake: Lake, desk: Desk, registry: ModelRegistry
) -> AssetCheckResult:
    """Warns only: promotion decides on its own evidence."""
    ratio = loss_ratio(find_candidate(registry, price_window(context.partition_key, lake, desk)))
    return AssetCheckResult(
        passed=ratio is not None and ratio < 1.0,
        severity=AssetCheckSeverity.WARN,
        metadata={} if ratio is None else {"rmae": ratio},
    )
