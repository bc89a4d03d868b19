"""MLflow runs through dagster-mlflow.

One MLflow run per training run of the graph, its status set on purpose.

dagster-mlflow starts the run when the resource is initialised and may leave a failed one FINISHED; `finished`
says how it ended.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster import InitResourceContext, resource

from resources.models.mlflow_store import EXPERIMENT
from resources.models.registry import ModelRegistry


@resource(
    config_schema={"mlflow_tracking_uri": str, "artifact_folder": str},
    description=(
        "dagster-mlflow's `mlflow_tracking` over a store that exists: the first process makes it, the others"
        " wait."
    ),
)
def mlflow_run(context: InitResourceContext) -> Iterator[Any]:
    """The resource `mlflow` of dagster-mlflow; importing it takes seconds, so only a run that trains does."""
    import mlflow
    from dagster_mlflow import mlflow_tracking

    config = context.resource_config
    ModelRegistry(
        tracking_uri=config["mlflow_tracking_uri"], artifact_folder=config["artifact_folder"]
    ).prepare()
    inner = context.replace_config(
        {"experiment_name": EXPERIMENT, "mlflow_tracking_uri": config["mlflow_tracking_uri"], "env": {}}
    )
    make: Any = mlflow_tracking.resource_fn  # Dagster types it without its argument
    _end_left_open(mlflow)  # what an earlier run of this process left open would take this one's place
    try:
        yield from make(inner)
    finally:
        _end_left_open(mlflow)


def _end_left_open(mlflow: Any) -> None:
    """An open run that nobody called finished has failed: its step never came to its end, or never began."""
    if mlflow.active_run() is not None:
        mlflow.end_run("FAILED")


@contextmanager
def finished(mlflow: Any) -> Iterator[str]:
    """The id of the active MLflow run; it ends FINISHED after the block and FAILED when the block raises."""
    status = "FAILED"
    try:
        yield str(mlflow.active_run().info.run_id)
        status = "FINISHED"
    finally:
        mlflow.end_run(status)
