"""The champion of the price model: the version that serves, and the check that there is one."""

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

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of
from resources.models.registry import ModelRegistry
from resources.pictures.asset_metadata import OWNERS, preview
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from trading_assets.declared import AssetResult
from trading_assets.partitions import zone_partitions
from workflows.lifecycle.promotion import review_zone


@asset(
    group_name="models",
    partitions_def=zone_partitions,
    backfill_policy=BackfillPolicy.multi_run(max_partitions_per_run=1),
    owners=OWNERS,
    kinds={"mlflow"},
    deps=["model_evaluation"],
)
def champion(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    clock: Clock,
    alerts: Alerts,
) -> AssetResult:
    """The version that serves.

    The alias moves only on evidence: a candidate must be sane and not worse, a challenger significantly
    better.

    Each decision is a row of `promotion_decisions`. Asked again on the same evidence, it decides the same.
    """
    zone = context.partition_key
    decisions = review_zone(zone, lake, desk, registry, alerts, clock.now())
    serving = registry.champion(zone)
    if serving is None:
        text = f"zone {zone} has no champion: no position is taken"
        alerts.send(
            "no_champion",
            text,
            zone=zone,
            severity="critical",
            now=clock.now(),
            episode=f"{clock.now():%Y-%m-%d}",
        )
    facts = (
        {"version": None}
        if serving is None
        else {"version": serving.version, "serves_from": str(serving.serves_from), "lineage": serving.lineage}
    )
    return MaterializeResult(
        metadata={
            **facts,
            "n_decisions": decisions.height,
            "decisions": preview(decisions.select("action", "candidate_version", "reasons")),
        }
    )


@asset_check(
    asset=champion,
    name="champion_exists",
    description="Some version serves: without one no position is taken.",
)
def champion_exists(
    context: AssetCheckExecutionContext, registry: ModelRegistry, desk: Desk
) -> AssetCheckResult:
    """Whether the alias names a version that can be loaded, checksums included."""
    zone = context.partition_key
    serving = registry.champion(zone)
    if serving is None:
        return AssetCheckResult(
            passed=False, severity=AssetCheckSeverity.ERROR, description=f"zone {zone} has no champion"
        )
    registry.files(serving)
    return AssetCheckResult(
        passed=True,
        metadata={
            "version": serving.version,
            "is_own_lineage": serving.lineage == lineage_of(desk.zone(zone)),
        },
    )
