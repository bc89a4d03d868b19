"""The champion of the price model: the version that serves, and the check that there is one."""

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of
from resources.models.registry import ModelRegistry
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from trading_assets.frame.declared import AssetResult, declared_asset, declared_check
from trading_assets.frame.model_facts import champion_facts
from trading_assets.frame.reads import PRICE_MODELS, Read, of_zone
from workflows.lifecycle.families import PRICE
from workflows.lifecycle.promotion import review_zone, tell_if_nobody_serves
from workflows.lifecycle.retrain_requests import why_no_version_yet


@declared_asset(
    per="zone",
    group="models",
    kinds={"mlflow"},
    reads=[
        Read(PRICE_MODELS, nodes=("model_evaluation",)),
        of_zone("day_ahead_prices"),
        "promotion_decisions",
    ],
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

    The alias moves only on evidence. A candidate must be sane and not worse; a challenger must be
    significantly better.

    Each decision is a row of `promotion_decisions`. On the same evidence it decides the same again.
    """
    zone, now = context.partition_key, clock.now()
    decisions = review_zone(PRICE, zone, lake, desk, registry, alerts, now)
    serving = tell_if_nobody_serves(zone, registry, alerts, now)
    return champion_facts(serving, decisions)


@declared_check(
    asset="champion",
    description="A version serves. Without one no position is taken.",
    reads=[Read(PRICE_MODELS, nodes=("champion",)), of_zone("day_ahead_features")],
)
def champion_exists(
    context: AssetCheckExecutionContext, lake: Lake, registry: ModelRegistry, desk: Desk
) -> AssetCheckResult:
    """Whether the alias names a version that can be loaded and matches its checksums.

    It warns before the first training. It fails where versions are there and none serves.
    """
    zone = context.partition_key
    settings, serving = desk.zone(zone), registry.champion(zone)
    if serving is None:
        return _nobody_serves(
            zone, "" if registry.versions(zone) else why_no_version_yet(lake, zone, settings)
        )
    registry.files(serving)
    is_own = serving.lineage == lineage_of(settings)
    return AssetCheckResult(passed=True, metadata={"version": serving.version, "is_own_lineage": is_own})


def _nobody_serves(zone: str, why_not_yet: str) -> AssetCheckResult:
    """A fault, unless there is a reason why no version can serve yet."""
    return AssetCheckResult(
        passed=False,
        severity=AssetCheckSeverity.WARN if why_not_yet else AssetCheckSeverity.ERROR,
        description=why_not_yet or f"zone {zone} has no champion",
    )
