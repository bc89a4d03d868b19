"""The model of the spread between the auction and a zone's second price.

Trained with the price model, served by version, checked by checksum.
"""

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
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.training_order import TrainingOrder
from resources.models.version import SPREAD_FAMILY, VersionFacts
from resources.pictures.asset_metadata import OWNERS
from resources.settings.code_version import spread_code_version
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.arrays import Floats
from spot.contracts.raw_tables import PRICE_TABLES
from spot.errors import ForecastError
from spot.strategy.spread.model import CatBoostSpread, CatBoostSpreadSettings
from spot.strategy.spread.sources import daily_pinball_losses
from trading_assets.declared import AssetResult
from trading_assets.partitions import of_zone, zone_partitions
from workflows.forecasting.served_spread import spread_lineage, spread_strategy
from workflows.lifecycle.spread_promotion import judge_spread
from workflows.training.origin import origin_tags
from workflows.training.recorded_window import RecordedWindow, versions_of
from workflows.training.spread import (
    MIN_DAYS,
    WINDOW_DAYS,
    moment_at,
    spread_data_version,
    spread_fingerprint,
)
from workflows.training.window import TrainingWindow, training_window


@asset(
    group_name="models",
    partitions_def=zone_partitions,
    backfill_policy=BackfillPolicy.multi_run(max_partitions_per_run=1),
    owners=OWNERS,
    kinds={"catboost", "mlflow"},
    deps=[
        of_zone("day_ahead_features"),
        of_zone("day_ahead_prices"),
        of_zone("intraday_prices"),
        of_zone("imbalance_prices"),
    ],
    pool="training",
)
def spread_model(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    training_order: TrainingOrder,
    clock: Clock,
    alerts: Alerts,
) -> AssetResult:
    """Quantiles of second price minus day-ahead price (CatBoost MultiQuantile).

    Learnt from what was known at each gate.

    A version serves if, on days it never saw, it is not clearly worse than past quantiles nor significantly
    worse than the model that serves; each decision is a row of `promotion_decisions`. A zone without a second
    price has none, and is then flat.
    """
    zone = context.partition_key
    strategy = spread_strategy(desk, zone)
    if strategy is None:
        return MaterializeResult(metadata={"version": None, "reason": "no strategy of the zone asks for one"})
    window, spreads, now = (
        training_window(zone, lake, desk, training_order, clock),
        registry.of_family(SPREAD_FAMILY),
        clock.now(),
    )
    model, lineage = (
        CatBoostSpread(CatBoostSpreadSettings(seed=desk.zone(zone).seed)),
        spread_lineage(desk.zone(zone), strategy),
    )
    judged_at = moment_at(window, lake, desk, strategy, now=now)
    inputs, truth = judged_at.earlier(window.learn_through + timedelta(days=1)).training_rows(WINDOW_DAYS)
    n_days = inputs["delivery_day"].n_unique() if inputs.height else 0
    if n_days < MIN_DAYS:
        reason = (
            f"{n_days} days with a second price ({strategy.settled_against}) up to {window.learn_through},"
            f" {MIN_DAYS} are needed"
        )
        return MaterializeResult(metadata={"version": None, "reason": reason})
    identity = spread_fingerprint(inputs, truth, lineage=lineage, window=window, model=model.settings)
    version = spreads.find(zone, identity)
    if version is None:
        try:
            model.fit(inputs, truth)
        except ForecastError as error:
            return MaterializeResult(metadata={"version": None, "reason": str(error)})
        recorded = RecordedWindow(
            model=SPREAD_FAMILY,
            window=window,
            as_of_utc=judged_at.gate_utc,
            lineage=lineage,
            data_version=spread_data_version(inputs, truth),
            table_name="day_ahead_features",
            table_version=lake.version("day_ahead_features"),
            read_versions=versions_of(lake, PRICE_TABLES),
        )
        tags = origin_tags(
            recorded,
            training_order,
            seed=model.settings.seed,
            code_version=spread_code_version(),
            now=now,
        )
        losses = daily_pinball_losses(model, judged_at, window.evaluation_days)
        metrics = {"n_training_days": float(n_days), **_means(losses)}
        version = spreads.register(
            zone, model.to_files(), _facts(model, window, lineage, identity, metrics, tags)
        )
    if version.stage == "candidate":  # new, or a run was killed between the two writes
        version = judge_spread(
            version, judged_at, window.evaluation_days, spreads, lake, desk, alerts, now=now
        )
    facts: dict[str, Any] = {
        **version.metrics,
        "model": version.name,
        "version": version.version,
        "stage": version.stage,
        "lineage": lineage,
    }
    return MaterializeResult(
        metadata={
            **facts,
            "trained_through": str(version.trained_through),
            "serves_from": str(version.serves_from),
        }
    )


def _means(losses: Floats) -> dict[str, float]:
    """Mean pinball losses on the days that could be judged; none where there is no such day."""
    judged = losses[np.isfinite(losses).all(axis=1)]
    return (
        dict(
            zip(("pinball_loss", "pinball_loss_of_past_quantiles"), judged.mean(axis=0).tolist(), strict=True)
        )
        if len(judged)
        else {}
    )


def _facts(
    model: CatBoostSpread,
    window: TrainingWindow,
    lineage: str,
    identity: str,
    metrics: dict[str, float],
    tags: dict[str, str],
) -> VersionFacts:
    return VersionFacts(
        settings=model.settings.model_dump(),
        metrics=metrics,
        fingerprint=identity,
        lineage=lineage,
        trained_from=window.first_day,
        trained_through=window.learn_through,
        serves_from=window.serves_from,
        tags=tags,
    )


@asset_check(
    asset=spread_model,
    name="spread_model_serves",
    description="Where a strategy asks for a model of the spread, one serves; else it is flat.",
)
def spread_model_serves(
    context: AssetCheckExecutionContext, registry: ModelRegistry, desk: Desk
) -> AssetCheckResult:
    """Warns: a zone without a second price has none, and trades its other strategies."""
    zone = context.partition_key
    strategy = spread_strategy(desk, zone)
    if strategy is None:
        return AssetCheckResult(passed=True, metadata={"version": "not asked for"})
    spreads = registry.of_family(SPREAD_FAMILY)
    serving = spreads.champion(zone)
    if serving is None or serving.lineage != spread_lineage(desk.zone(zone), strategy):
        return AssetCheckResult(
            passed=False,
            severity=AssetCheckSeverity.WARN,
            description=f"{zone}: settlement_spread is flat, no model serves",
        )
    spreads.files(serving)
    return AssetCheckResult(
        passed=True, metadata={"version": serving.version, "serves_from": str(serving.serves_from)}
    )
