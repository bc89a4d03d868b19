"""The spread model: quantiles of second price minus day-ahead price.

It is trained on its training set and registered.
"""

from dagster import AssetExecutionContext, DataVersion, MaterializeResult

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.training_order import TrainingOrder
from resources.settings.zones import Desk
from trading_assets.frame.declared import AssetResult, declared_asset
from trading_assets.frame.model_facts import version_facts
from trading_assets.frame.reads import training_windows_of
from workflows.training.spread_model import train_spread_model
from workflows.training.spread_set import TABLE, read_spread_set


@declared_asset(
    per="zone",
    group="spread_models",
    kinds={"catboost", "mlflow"},
    reads=[TABLE, training_windows_of("spread_training_set"), "promotion_decisions"],
    pool="training",
)
def spread_model(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    clock: Clock,
) -> AssetResult:
    """A version of the zone's spread model (CatBoost MultiQuantile), registered like one of the price model.

    For the same settings, data and code it is the existing version, so nothing is trained twice.
    """
    order = TrainingOrder.of_run(context.run.tags)
    data = read_spread_set(context.partition_key, lake, desk, order)
    version, is_new = train_spread_model(data, lake, desk, registry, order, now=clock.now())
    facts = version_facts(version, data.recorded, is_new=is_new)
    return MaterializeResult(metadata=facts, data_version=DataVersion(version.fingerprint))
