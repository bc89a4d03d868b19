"""What the UI shows of a training set, a version, its evaluation and the champion. Formatting only."""

from collections.abc import Sequence
from typing import Any

import polars as pl
from dagster import MaterializeResult, MetadataValue

from resources.lake.lake import WriteReport
from resources.models.version import ModelVersion
from resources.pictures.asset_metadata import picture, preview, written
from resources.pictures.comparison import cumulated_gain, error_by_hour
from spot.lifecycle.comparison import comparison_in_words
from trading_assets.frame.declared import AssetResult
from workflows.lifecycle.evaluation import Evaluation, Measure
from workflows.lifecycle.shadow import ShadowComparison
from workflows.training.recorded_window import RecordedWindow

_COMPARED = (
    "version_a", "version_b", "first_day", "last_day", "n_days",
    "mae_a_eur_per_mwh", "mae_b_eur_per_mwh", "error_p_value", "pnl_a_eur", "pnl_b_eur", "money_p_value",
)  # fmt: skip


def window_facts(recorded: RecordedWindow) -> dict[str, Any]:
    """The days of a training set and the data behind it."""
    window = recorded.window
    return {
        "learn_from": str(window.first_day),
        "learn_through": str(window.learn_through),
        "evaluate_through": str(window.evaluate_through),
        "lineage": recorded.lineage,
        "data_version": recorded.data_version,
    }


def version_facts(version: ModelVersion, recorded: RecordedWindow, *, is_new: bool) -> dict[str, Any]:
    """The version that a training run made or found, and its training set."""
    return {
        "model": version.name,
        "version": version.version,
        "is_new": is_new,
        "lineage": version.lineage,
        "trained_through": str(version.trained_through),
        "serves_from": str(version.serves_from),
        "data_version": version.tags.get("data_version", "unknown"),
        "training_set_version": recorded.table_version,
        "cause": version.tags.get("cause", "unknown"),
        "mlflow_run_id": version.run_id,
        **{f"tried {inputs}": verdict for inputs, verdict in version.judged_inputs},
    }


def evaluation_facts(
    candidate: ModelVersion,
    rival: ModelVersion | None,
    evaluation: Evaluation,
    measure: Measure,
    drawn: bytes,
) -> dict[str, Any]:
    """Losses, sanity checks and picture of a candidate; a rival that could not be read is named."""
    rows = [
        f"| {check.name} | {'passed' if check.passed else '**failed**'} | {check.detail} |"
        for check in evaluation.sanity.checks
    ]
    facts: dict[str, Any] = {
        "version": candidate.version,
        **{f"{measure.name}_{who}_eur_per_mwh": round(loss, 3) for who, loss in evaluation.means().items()},
        "evaluated_days": f"{evaluation.days[0]} to {evaluation.days[-1]}",
        "champion_version": evaluation.champion_version,
        "sanity": MetadataValue.md("\n".join(["| check | result | detail |", "|---|---|---|", *rows])),
        "walk_forward_errors": picture(drawn, "walk-forward errors by day"),
    }
    if rival is not None and evaluation.champion_version is None:
        facts["champion_unreadable"] = f"version {rival.version} cannot be read: judged as a first one"
    return facts


def champion_facts(serving: ModelVersion | None, decisions: pl.DataFrame) -> AssetResult:
    """The version that serves, and the new decisions."""
    facts: dict[str, Any] = {"version": None}
    if serving is not None:
        facts = {
            "version": serving.version,
            "serves_from": str(serving.serves_from),
            "lineage": serving.lineage,
        }
    shown = preview(decisions.select("action", "candidate_version", "reasons"))
    return MaterializeResult(metadata={**facts, "n_decisions": decisions.height, "decisions": shown})


def comparison_facts(
    found: Sequence[ShadowComparison], rows: pl.DataFrame, report: WriteReport | None
) -> dict[str, Any]:
    """Totals, months and pictures of challengers compared with the champion."""
    total = rows.filter(pl.col("slice") == "total").select(_COMPARED)
    months = rows.filter(pl.col("slice") == "month").drop("zone", "slice")
    facts: dict[str, Any] = {"total": preview(total), "by_month": preview(months, 12)}
    facts |= {f"version_{one.version}": comparison_in_words(one.rows) for one in found}
    for one in found[-1:]:
        hours = error_by_hour(one.rows, is_simulated=one.is_simulated)
        gain = cumulated_gain(one.daily, is_simulated=one.is_simulated)
        facts["error_by_hour"] = picture(hours, f"error by hour of version {one.version} and the champion")
        facts["gain"] = picture(gain, f"gain of version {one.version} over the champion")
    return {**written(rows, report), **facts, "n_challengers": len(found)}
