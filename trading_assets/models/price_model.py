"""The price model: a version of the zone's forecaster, trained on the training set and registered."""

from typing import Any

from dagster import AssetExecutionContext, DataVersion, MaterializeResult, ResourceParam

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.models.mlflow_run import finished
from resources.models.registry import ModelRegistry
from resources.models.training_order import TrainingOrder
from resources.settings.zones import Desk
from trading_assets.frame.declared import AssetResult, declared_asset
from trading_assets.frame.model_facts import version_facts
from trading_assets.frame.reads import training_windows_of
from workflows.training.price_model import train_price_model
from workflows.training.price_set import TABLE, read_price_set


@declared_asset(
    per="zone",
    group="models",
    kinds={"catboost", "mlflow"},
    reads=[TABLE, training_windows_of("training_set"), "promotion_decisions"],
    pool="training",
)
def price_model(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    clock: Clock,
    mlflow: ResourceParam[Any],
) -> AssetResult:
    """A version of the zone's price forecaster, registered in MLflow.

    With its settings, its data and the checksum of every file.

    The same settings, data and code again are the version that is there: nothing is trained twice.
    """
    zone, now = context.partition_key, clock.now()
    order = TrainingOrder.of_run(context.run.tags)
    data = read_price_set(zone, lake, desk, order)
    with finished(mlflow) as run_id:
        version, is_new = train_price_model(data, lake, desk, registry, order, now=now, run_id=run_id)
        mlflow.set_tags({"zone": zone, "model_version": version.version, "is_new_version": str(is_new)})
    facts = version_facts(version, data.recorded, is_new=is_new) | {"profile": desk.zone(zone).model}
    return MaterializeResult(metadata=facts, data_version=DataVersion(version.fingerprint))
