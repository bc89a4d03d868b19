"""The champion of the spread model: the version that serves, and the check that there is one."""

from collections.abc import Iterator

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.version import SPREAD_FAMILY
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.contracts.raw_tables import SETTLING_TABLES
from trading_assets.frame.declared import AssetResult, declared_asset, declared_check
from trading_assets.frame.model_facts import champion_facts
from trading_assets.frame.reads import SPREAD_MODELS, Read, of_zone
from workflows.lifecycle.families import SPREAD
from workflows.lifecycle.promotion import review_zone


@declared_asset(
    per="zone",
    group="spread_models",
    kinds={"mlflow"},
    reads=[
        Read(SPREAD_MODELS, nodes=("spread_evaluation",)),
        *(of_zone(name) for name in SETTLING_TABLES),
        "promotion_decisions",
    ],
    is_optional=True,
)
def spread_champion(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    clock: Clock,
    alerts: Alerts,
) -> Iterator[AssetResult]:
    """The version of the spread model that serves; a strategy that asks for one is flat without it.

    The first one serves when nothing speaks against it, a later one only when it has won in the shadow:
    better in error, and not worse in money. Each decision is a row of `promotion_decisions`. Nothing is made
    in a zone whose strategies ask for none.
    """
    zone, spreads = context.partition_key, registry.of_family(SPREAD_FAMILY)
    if SPREAD.lineage(desk, zone) is None:
        return
    decisions = review_zone(SPREAD, zone, lake, desk, spreads, alerts, clock.now())
    yield champion_facts(spreads.champion(zone), decisions)


@declared_check(
    asset="spread_champion",
    description="Where a strategy asks for a model of the spread, one serves; else it is flat.",
    reads=[Read(SPREAD_MODELS, nodes=("spread_champion",))],
)
def spread_model_serves(
    context: AssetCheckExecutionContext, registry: ModelRegistry, desk: Desk
) -> AssetCheckResult:
    """Warns: a zone without one trades its other strategies."""
    zone, spreads = context.partition_key, registry.of_family(SPREAD_FAMILY)
    lineage, serving = SPREAD.lineage(desk, zone), spreads.champion(zone)
    if lineage is None:
        return AssetCheckResult(passed=True, metadata={"version": "not asked for"})
    if serving is None or serving.lineage != lineage:
        text = f"{zone}: the strategy that trades the spread is flat, no model serves"
        return AssetCheckResult(passed=False, severity=AssetCheckSeverity.WARN, description=text)
    spreads.files(serving)
    facts = {"version": serving.version, "serves_from": str(serving.serves_from)}
    return AssetCheckResult(passed=True, metadata=facts)
