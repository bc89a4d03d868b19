"""The training set of the price model: made and written once, read by training and by judging."""

from dagster import AssetExecutionContext, MaterializeResult

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.models.training_order import TrainingOrder
from resources.pictures.asset_metadata import written
from resources.settings.zones import Desk
from spot.contracts.feature_tables import TRAINING_WINDOWS
from trading_assets.frame.declared import AssetResult, declared_asset
from trading_assets.frame.model_facts import window_facts
from trading_assets.frame.reads import of_zone
from workflows.training.price_set import READS, TABLE, write_price_set


@declared_asset(
    per="zone",
    group="models",
    kinds={"polars", "deltalake"},
    table=TABLE,
    writes=[TRAINING_WINDOWS.name],
    reads=[of_zone(table) for table in READS],
)
def training_set(context: AssetExecutionContext, lake: Lake, desk: Desk, clock: Clock) -> AssetResult:
    """Inputs and the price that the auction then gave.

    They cover the days from which a version learns and the newer days that judge it. Everything is as known
    at the gate of the first day that the version may forecast.
    """
    order = TrainingOrder.of_run(context.run.tags)
    made = write_price_set(context.partition_key, lake, desk, order, clock)
    facts = {**written(made.rows, made.report), **window_facts(made.recorded), "cause": order.cause}
    return MaterializeResult(metadata=facts)
