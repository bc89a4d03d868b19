"""The price model: a version of the zone's forecaster, trained on the training set and registered."""

from typing import Any

from dagster import AssetExecutionContext, BackfillPolicy, MaterializeResult, ResourceParam, asset

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.models.mlflow_run import finished
from resources.models.registry import ModelRegistry
from resources.models.training_order import TrainingOrder
from resources.pictures.asset_metadata import OWNERS
from resources.settings.zones import Desk
from trading_assets.declared import AssetResult
from trading_assets.models.facts import version_facts
from trading_assets.partitions import zone_partitions
from workflows.training.price_model import train_price_model
from workflows.training.price_set import read_price_set


@asset(
    group_name="models",
    partitions_def=zone_partitions,
    backfill_policy=BackfillPolicy.multi_run(max_partitions_per_run=1),
    owners=OWNERS,
    kinds={"catboost", "mlflow"},
    deps=["training_set"],
    pool="training",
)
def price_model(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    training_order: TrainingOrder,
    clock: Clock,
    mlflow: ResourceParam[Any],
) -> AssetResult:
    """A version of the zone's price forecaster, registered in MLflow.

    With its settings, its data and the checksum of every file.

    The same settings, data and code again are the version that is there: nothing is trained twice.
    """
    zone, now = context.partition_key, clock.now()
    data = read_price_set(zone, lake, desk, training_order)
    with finished(mlflow) as run_id:
        version, is_new = train_price_model(
            data, lake, desk, registry, training_order, now=now, run_id=run_id
        )
        mlflow.set_tags({"zone": zone, "model_version": version.version, "is_new_version": str(is_new)})
    facts = version_facts(version, is_new=is_new) | {"training_set_version": data.recorded.table_version}
    return MaterializeResult(metadata={**facts, "profile": desk.zone(zone).model})
