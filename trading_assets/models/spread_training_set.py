"""The training set of the spread model: made and written once, read by training and by judging."""

from collections.abc import Iterator

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
from workflows.training.spread_set import READS, TABLE, NoSet, write_spread_set


@declared_asset(
    per="zone",
    group="spread_models",
    kinds={"polars", "deltalake"},
    table=TABLE,
    writes=[TRAINING_WINDOWS.name],
    reads=[of_zone(table) for table in READS],
    is_optional=True,
)
def spread_training_set(
    context: AssetExecutionContext, lake: Lake, desk: Desk, clock: Clock
) -> Iterator[AssetResult]:
    """What was known at each gate, and the spread that followed: second price minus day-ahead price.

    Nothing is made, and no model follows, in a zone whose strategies need none or whose second price is too
    young.
    """
    order = TrainingOrder.of_run(context.run.tags)
    made = write_spread_set(context.partition_key, lake, desk, order, clock)
    if isinstance(made, NoSet):
        context.log.warning("no training set of the spread in %s: %s", context.partition_key, made.reason)
        return
    facts = {**written(made.rows, made.report), **window_facts(made.recorded), "cause": order.cause}
    yield MaterializeResult(metadata=facts)
