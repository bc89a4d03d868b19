"""The evaluation of a candidate of the price model on days that it never saw, and its check."""

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    BackfillPolicy,
    MaterializeResult,
    asset,
    asset_check,
)

from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.training_order import TrainingOrder
from resources.pictures.asset_metadata import OWNERS, picture
from resources.settings.zones import Desk
from trading_assets.declared import AssetResult
from trading_assets.models.facts import evaluation_facts
from trading_assets.partitions import of_zone, zone_partitions
from workflows.lifecycle.evaluation import keep_evaluation, loss_ratio
from workflows.lifecycle.price_evaluation import evaluate_price_model, find_candidate
from workflows.training.price_set import price_window, publications, read_price_set


@asset(
    group_name="models",
    partitions_def=zone_partitions,
    backfill_policy=BackfillPolicy.multi_run(max_partitions_per_run=1),
    owners=OWNERS,
    kinds={"polars", "mlflow"},
    deps=["price_model", "training_set", of_zone("day_ahead_prices")],
    pool="training",
)
def model_evaluation(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    training_order: TrainingOrder,
) -> AssetResult:
    """The candidate on days it never saw.

    Walked day by day beside the champion and the weekly naive forecast, and put through its sanity checks.
    """
    data = read_price_set(context.partition_key, lake, desk, training_order)
    candidate = find_candidate(registry, data.recorded)
    rival = registry.champion_before(candidate.zone, candidate)
    published = publications(data, lake, desk)
    evaluation = evaluate_price_model(candidate, rival, data, published, registry, desk)
    if rival is not None and evaluation.champion_version is None:
        context.log.warning(
            "champion %s cannot be read: %s is judged alone", rival.version, candidate.version
        )
    drawn = keep_evaluation(registry, candidate, evaluation)
    shown = {"walk_forward_errors": picture(drawn, "walk-forward errors by day")}
    return MaterializeResult(metadata={"version": candidate.version, **evaluation_facts(evaluation), **shown})


@asset_check(
    asset=model_evaluation,
    name="candidate_beats_the_naive_forecast",
    description="Walk-forward error below that of the weekly naive forecast.",
)
def candidate_beats_the_naive_forecast(
    context: AssetCheckExecutionContext, lake: Lake, desk: Desk, registry: ModelRegistry
) -> AssetCheckResult:
    """Warns: promotion decides on its own evidence."""
    ratio = loss_ratio(find_candidate(registry, price_window(context.partition_key, lake, desk)))
    return AssetCheckResult(
        passed=ratio is not None and ratio < 1.0,
        severity=AssetCheckSeverity.WARN,
        metadata={} if ratio is None else {"rmae": ratio},
    )
