"""The model of the spread between the auction and a zone's second price: trained with the price model, served by version, checked by checksum."""

from datetime import timedelta
from typing import Any

import numpy as np
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
from resources.desk_settings import Desk
from resources.lake import Lake
from resources.registry import SPREAD_FAMILY, ModelRegistry, VersionFacts
from resources.training_order import TrainingOrder
from spot.backtest.spread_sources import pinball_losses
from spot.errors import ForecastError
from spot.strategy.spread_model import CatBoostSpread, CatBoostSpreadSettings
from trading_assets.display import OWNERS
from trading_assets.partitions import of_zone, zone_partitions
from trading_assets.spread_training import (
    MIN_DAYS,
    WINDOW_DAYS,
    loss_ratio,
    moment_at,
    spread_fingerprint,
    spread_lineage,
    spread_strategy,
)
from trading_assets.training import TrainingWindow, training_window

MAX_LOSS_RATIO = 1.1
"""A model whose pinball loss on days it never saw is above this share of that of past quantiles does not serve."""


@asset(
    group_name="models",
    partitions_def=zone_partitions,
    backfill_policy=BackfillPolicy.multi_run(max_partitions_per_run=1),
    owners=OWNERS,
    kinds={"catboost", "mlflow"},
    deps=[of_zone("day_ahead_features"), of_zone("day_ahead_prices"), of_zone("intraday_prices"), of_zone("imbalance_prices")],
    pool="training",
)
def spread_model(
    context: AssetExecutionContext, lake: Lake, desk: Desk, registry: ModelRegistry, training_order: TrainingOrder, clock: Clock
) -> MaterializeResult:  # type: ignore[type-arg]
    """Quantiles of second price minus day-ahead price (CatBoost MultiQuantile), learnt from what was known at each gate.

    A version serves once it is not clearly worse than past quantiles on days it never saw. A zone without a second price has none, and is then flat.
    """
    zone = context.partition_key
    strategy = spread_strategy(desk, zone)
    if strategy is None:
        return MaterializeResult(metadata={"version": "none", "reason": "no strategy of the zone asks for one"})
    window, spreads, now = training_window(zone, lake, desk, training_order, clock), registry.of_family(SPREAD_FAMILY), clock.now()
    model, lineage = CatBoostSpread(CatBoostSpreadSettings(seed=desk.zone(zone).seed)), spread_lineage(desk.zone(zone), strategy)
    judged_at = moment_at(window, lake, desk, strategy, now=now)
    inputs, truth = judged_at.earlier(window.learn_through + timedelta(days=1)).lesson(WINDOW_DAYS)
    n_days = inputs["delivery_day"].n_unique() if inputs.height else 0
    if n_days < MIN_DAYS:
        reason = f"{n_days} days with a second price ({strategy.settled_against}) up to {window.learn_through}, {MIN_DAYS} are needed"
        return MaterializeResult(metadata={"version": "none", "reason": reason})
    identity = spread_fingerprint(inputs, truth, lineage=lineage, window=window, model=model.settings)
    version = spreads.find(zone, identity)
    if version is None:
        try:
            model.fit(inputs, truth)
        except ForecastError as error:
            return MaterializeResult(metadata={"version": "none", "reason": str(error)})
        losses = pinball_losses(model, judged_at, window.evaluation_days)
        version = spreads.register(zone, model.to_files(), _facts(model, window, lineage, identity, losses, n_days))
    if version.stage == "candidate":  # new, or a run was killed between the two writes
        losses = (version.metrics.get("pinball_loss", np.nan), version.metrics.get("pinball_loss_of_past_quantiles", np.nan))
        is_fit = not loss_ratio(losses) > MAX_LOSS_RATIO
        version = spreads.promote(zone, version.version) if is_fit else spreads.set_stage(zone, version.version, "rejected")
    facts: dict[str, Any] = {**version.metrics, "model": version.name, "version": version.version, "stage": version.stage, "lineage": lineage}
    return MaterializeResult(metadata={**facts, "trained_through": str(version.trained_through), "serves_from": str(version.serves_from)})


def _facts(model: CatBoostSpread, window: TrainingWindow, lineage: str, identity: str, losses: tuple[float, float], n_days: int) -> VersionFacts:
    figures = {"n_training_days": float(n_days), "pinball_loss": losses[0], "pinball_loss_of_past_quantiles": losses[1]}
    return VersionFacts(
        settings=model.settings.model_dump(),
        metrics={name: value for name, value in figures.items() if np.isfinite(value)},
        fingerprint=identity,
        lineage=lineage,
        trained_from=window.first_day,
        trained_through=window.learn_through,
        serves_from=window.serves_from,
        tags={"evaluated_through": str(window.evaluate_through)},
    )


@asset_check(
    asset=spread_model, name="spread_model_serves", description="Where a strategy asks for a model of the spread, one serves; else it is flat."
)
def spread_model_serves(context: AssetCheckExecutionContext, registry: ModelRegistry, desk: Desk) -> AssetCheckResult:
    """Warns: a zone without a second price has none, and trades its other strategies."""
    zone = context.partition_key
    strategy = spread_strategy(desk, zone)
    if strategy is None:
        return AssetCheckResult(passed=True, metadata={"version": "not asked for"})
    spreads = registry.of_family(SPREAD_FAMILY)
    serving = spreads.champion(zone)
    if serving is None or serving.lineage != spread_lineage(desk.zone(zone), strategy):
        return AssetCheckResult(passed=False, severity=AssetCheckSeverity.WARN, description=f"{zone}: settlement_spread is flat, no model serves")
    spreads.files(serving)
    return AssetCheckResult(passed=True, metadata={"version": serving.version, "serves_from": str(serving.serves_from)})
