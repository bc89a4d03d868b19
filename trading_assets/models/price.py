"""Models: from a training set to the version that serves.

Partitioned by zone; one run of these four assets is one retraining.
"""

import json
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    BackfillPolicy,
    MaterializeResult,
    MetadataValue,
    asset,
    asset_check,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of
from resources.models.mlflow_run import finished
from resources.models.registry import ModelRegistry, VersionFacts
from resources.models.training_order import TrainingOrder
from resources.pictures.asset_metadata import OWNERS, picture, preview, table_metadata, written
from resources.pictures.comparison import cumulated_gain, error_by_hour
from resources.settings.code_version import model_code_version
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.contracts.monitoring_tables import MODEL_COMPARISONS
from spot.forecast.members import load_settings_mapping, make_forecaster
from spot.lifecycle.comparison import PAIR, comparison_in_words
from trading_assets.partitions import of_zone, zone_partitions
from workflows.lifecycle.evaluation import Evaluation, assess_candidate, evaluation_picture
from workflows.lifecycle.promotion import review_zone
from workflows.lifecycle.shadow import shadow_comparisons
from workflows.training.window import (
    find_candidate,
    fingerprint,
    origin_tags,
    score_candidate,
    table_versions,
    training_data,
)

GROUP = "models"
_TABLE = "training_set"
_COMPARISONS = MODEL_COMPARISONS.name
_COMPARED = (
    "version_a", "version_b", "first_day", "last_day", "n_days",
    "mae_a_eur_per_mwh", "mae_b_eur_per_mwh", "error_p_value", "pnl_a_eur", "pnl_b_eur", "money_p_value",
)  # fmt: skip


@asset(
    group_name=GROUP,
    partitions_def=zone_partitions,
    backfill_policy=BackfillPolicy.multi_run(max_partitions_per_run=1),
    owners=OWNERS,
    kinds={"polars", "deltalake"},
    metadata=table_metadata(_TABLE),
    deps=[of_zone("day_ahead_features"), of_zone("day_ahead_prices")],
)
def training_set(
    context: AssetExecutionContext, lake: Lake, desk: Desk, training_order: TrainingOrder, clock: Clock
) -> MaterializeResult:  # type: ignore[type-arg]
    """Inputs beside the price that the auction then gave, for the days a version learns from and the newer days that judge it.

    Everything is as known at the gate of the first day that the version may forecast.
    """
    data = training_data(context.partition_key, lake, desk, training_order, clock)
    window = data.window
    lake.replace(_TABLE, data.rows, zone=window.zone, first_day=date(2000, 1, 1), last_day=date(2100, 1, 1))
    facts = {
        "learn_from": str(window.first_day),
        "learn_through": str(window.learn_through),
        "evaluate_through": str(window.evaluate_through),
    }
    return MaterializeResult(
        metadata={
            **written(data.rows),
            **facts,
            "data_version": data.data_version,
            "cause": training_order.cause,
        }
    )


@asset(
    group_name=GROUP,
    partitions_def=zone_partitions,
    backfill_policy=BackfillPolicy.multi_run(max_partitions_per_run=1),
    owners=OWNERS,
    kinds={"catboost", "mlflow"},
    deps=["training_set"],
    required_resource_keys={"lake", "desk", "registry", "training_order", "clock", "mlflow"},
    pool="training",
)
def price_model(context: AssetExecutionContext) -> MaterializeResult:  # type: ignore[type-arg]
    """A version of the zone's price forecaster, registered in MLflow with its settings, its data and the checksum of every file.

    The same settings, data and code again are the version that is there: nothing is trained twice.
    """
    have, zone = context.resources, context.partition_key
    settings = have.desk.zone(zone)
    data = training_data(zone, have.lake, have.desk, have.training_order, have.clock)
    document = have.desk.document("models", settings.model)
    identity = fingerprint(data, document, settings)
    with finished(have.mlflow) as run_id:
        version = have.registry.find(zone, identity)
        is_new = version is None
        if version is None:
            model = make_forecaster(load_settings_mapping(document)).fit(data.learning)
            facts = VersionFacts(
                settings=document,
                metrics={"n_training_days": float(len(data.learning))},
                fingerprint=identity,
                lineage=lineage_of(settings),
                trained_from=data.window.first_day,
                trained_through=data.window.learn_through,
                serves_from=data.window.serves_from,
                tags={
                    **origin_tags(
                        data.window,
                        have.training_order,
                        seed=settings.seed,
                        data_version=data.data_version,
                        as_of_utc=have.clock.now(),
                    ),
                    "table_versions": table_versions(have.lake, ("day_ahead_features", "day_ahead_prices")),
                    "code_version": model_code_version(),
                    "profile": settings.model,
                },
            )
            version = have.registry.register(zone, model.to_files(), facts, run_id=run_id)
        have.mlflow.set_tags({"zone": zone, "model_version": version.version, "is_new_version": str(is_new)})
    return MaterializeResult(
        metadata={
            "model": version.name,
            "version": version.version,
            "is_new": is_new,
            "profile": settings.model,
            "trained_through": str(version.trained_through),
            "data_version": data.data_version,
            "cause": have.training_order.cause,
            "mlflow_run_id": version.run_id,
        }
    )


@asset(
    group_name=GROUP,
    partitions_def=zone_partitions,
    backfill_policy=BackfillPolicy.multi_run(max_partitions_per_run=1),
    owners=OWNERS,
    kinds={"polars", "mlflow"},
    deps=["price_model", "training_set"],
    pool="training",
)
def model_evaluation(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    training_order: TrainingOrder,
    clock: Clock,
) -> MaterializeResult:  # type: ignore[type-arg]
    """The candidate on days it never saw.

    Walked day by day beside the champion and the weekly naive forecast, and put through its sanity checks.
    """
    zone = context.partition_key
    data = training_data(zone, lake, desk, training_order, clock)
    candidate = find_candidate(zone, registry, desk, data.window)
    rival = registry.champion_before(zone, candidate)
    scores = score_candidate(registry, candidate, rival, data)
    if rival is not None and scores.champion_version is None:
        context.log.warning(
            "champion %s of %s cannot be read: version %s is judged as a first one",
            rival.version,
            zone,
            candidate.version,
        )
    evaluation = assess_candidate(registry, candidate, data, scores, desk)
    registry.set_tag(zone, candidate.version, "evaluation", evaluation.to_json())
    registry.log_metrics(
        candidate, {f"walk_forward_mae_{who}": value for who, value in evaluation.means().items()}
    )
    drawn = evaluation_picture(evaluation, candidate)
    registry.log_picture(candidate, "walk_forward_errors", drawn)
    shown = {"walk_forward_errors": picture(drawn, "walk-forward errors by day")}
    return MaterializeResult(
        metadata={"version": candidate.version, **evaluation_metadata(evaluation), **shown}
    )


@asset(
    group_name=GROUP,
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
) -> MaterializeResult:  # type: ignore[type-arg]
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
        {"version": "none"}
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


@asset(
    group_name="models",
    partitions_def=zone_partitions,
    backfill_policy=BackfillPolicy.multi_run(max_partitions_per_run=1),
    owners=OWNERS,
    kinds={"polars", "deltalake"},
    metadata=table_metadata(_COMPARISONS),
    deps=["champion"],
)
def model_comparison(
    context: AssetExecutionContext, lake: Lake, desk: Desk, clock: Clock
) -> MaterializeResult:  # type: ignore[type-arg]
    """Error and money of each challenger (A) and of whoever was champion (B) on the same shadow days, by hour and month, with significance.

    `spotdesk compare` makes the same view of any two versions on days of one's choice.
    """
    zone = context.partition_key
    found = shadow_comparisons(zone, lake, desk, clock)
    rows = pl.concat([MODEL_COMPARISONS.empty(), *(comparison.rows for comparison in found)])
    report = lake.upsert(_COMPARISONS, rows, by=PAIR) if rows.height else None
    total = rows.filter(pl.col("slice") == "total").select(_COMPARED)
    facts: dict[str, Any] = {
        "total": preview(total),
        "by_month": preview(rows.filter(pl.col("slice") == "month").drop("zone", "slice"), 12),
    }
    facts |= {f"version_{comparison.version}": comparison_in_words(comparison.rows) for comparison in found}
    drawn: dict[str, Any] = {}
    for comparison in found[-1:]:
        name, simulated = comparison.version, comparison.is_simulated
        drawn["error_by_hour"] = picture(
            error_by_hour(comparison.rows, is_simulated=simulated),
            f"error by hour of version {name} and the champion",
        )
        drawn["gain"] = picture(
            cumulated_gain(comparison.daily, is_simulated=simulated),
            f"what version {name} gained on the champion",
        )
    return MaterializeResult(
        metadata={**written(rows, report), **facts, **drawn, "n_challengers": len(found)}
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


@asset_check(
    asset=model_evaluation,
    name="candidate_beats_the_naive_forecast",
    description="Walk-forward error below that of the weekly naive forecast.",
)
def candidate_beats_the_naive_forecast(
    context: AssetCheckExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    training_order: TrainingOrder,
    clock: Clock,
) -> AssetCheckResult:
    """Warns: promotion decides on its own evidence."""
    zone = context.partition_key
    data = training_data(zone, lake, desk, training_order, clock)
    stored = json.loads(find_candidate(zone, registry, desk, data.window).tags.get("evaluation", "{}"))
    ours, naive = (np.array(stored.get(who, [np.nan]), dtype=np.float64) for who in ("candidate", "naive"))
    ratio = (
        float(np.nanmean(ours) / np.nanmean(naive))
        if np.isfinite(ours).any() and np.isfinite(naive).any()
        else float("nan")
    )
    return AssetCheckResult(
        passed=ratio < 1.0,
        severity=AssetCheckSeverity.WARN,
        metadata={"rmae": ratio} if np.isfinite(ratio) else {},
    )


def evaluation_metadata(evaluation: Evaluation) -> dict[str, Any]:
    """What the UI shows of it."""
    rows = [
        f"| {check.name} | {'passed' if check.passed else '**failed**'} | {check.detail} |"
        for check in evaluation.sanity.checks
    ]
    return {
        **{f"mae_{who}_eur_per_mwh": round(value, 3) for who, value in evaluation.means().items()},
        "evaluated_days": f"{evaluation.days[0]} to {evaluation.days[-1]}",
        "champion_version": evaluation.champion_version or "none",
        "sanity": MetadataValue.md("\n".join(["| check | result | detail |", "|---|---|---|", *rows])),
    }
