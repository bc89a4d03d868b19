"""What the UI shows of a training set, of a version and of its evaluation. Formatting only."""

from typing import Any

from dagster import MetadataValue

from resources.models.version import ModelVersion
from workflows.lifecycle.evaluation import Evaluation
from workflows.training.recorded_window import RecordedWindow


def window_facts(recorded: RecordedWindow) -> dict[str, Any]:
    """The days of a training set and the data behind it."""
    window = recorded.window
    return {
        "learn_from": str(window.first_day),
        "learn_through": str(window.learn_through),
        "evaluate_through": str(window.evaluate_through),
        "lineage": recorded.lineage,
        "data_version": recorded.data_version,
        **{f"read_version_of_{name}": version for name, version in recorded.read_versions.items()},
    }


def version_facts(version: ModelVersion, *, is_new: bool) -> dict[str, Any]:
    """A version that a training run made, or found because it was there already."""
    return {
        "model": version.name,
        "version": version.version,
        "is_new": is_new,
        "lineage": version.lineage,
        "trained_through": str(version.trained_through),
        "serves_from": str(version.serves_from),
        "data_version": version.tags.get("data_version", "unknown"),
        "cause": version.tags.get("cause", "unknown"),
        "mlflow_run_id": version.run_id,
    }


def evaluation_facts(evaluation: Evaluation) -> dict[str, Any]:
    """Errors and sanity checks of a candidate."""
    rows = [
        f"| {check.name} | {'passed' if check.passed else '**failed**'} | {check.detail} |"
        for check in evaluation.sanity.checks
    ]
    return {
        **{f"mae_{who}_eur_per_mwh": round(value, 3) for who, value in evaluation.means().items()},
        "evaluated_days": f"{evaluation.days[0]} to {evaluation.days[-1]}",
        "champion_version": evaluation.champion_version,
        "sanity": MetadataValue.md("\n".join(["| check | result | detail |", "|---|---|---|", *rows])),
    }
