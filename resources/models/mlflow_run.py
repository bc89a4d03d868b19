"""MLflow runs through dagster-mlflow.

There is one MLflow run per training run of the graph, with its status set explicitly.

dagster-mlflow starts the run when the resource is initialised and may leave a failed one FINISHED. `finished`
sets how it ended.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster import InitResourceContext, ResourceDefinition

from resources.models.mlflow_store import EXPERIMENT
from resources.models.registry import ModelRegistry
from resources.settings.process import variable

_ADDRESS = "MLFLOW_TRACKING_URI"


def mlflow_run(tracking_uri: str, artifact_folder: str) -> ResourceDefinition:
    """The resource `mlflow` over a store at `tracking_uri`. A run cannot configure it.

    The first process makes the store; the others wait.
    """
    return ResourceDefinition(
        lambda context: _run_in(context, tracking_uri, artifact_folder),
        config_schema={},
        description="dagster-mlflow's `mlflow_tracking` over a store that exists.",
    )


@contextmanager
def _run_in(context: InitResourceContext, tracking_uri: str, artifact_folder: str) -> Iterator[Any]:
    """Importing dagster-mlflow takes seconds, so only a run that trains does."""
    import mlflow
    from dagster_mlflow import mlflow_tracking

    ModelRegistry(tracking_uri=tracking_uri, artifact_folder=artifact_folder).prepare()
    inner = context.replace_config(
        {"experiment_name": EXPERIMENT, "mlflow_tracking_uri": tracking_uri, "env": {}}
    )
    make: Any = mlflow_tracking.resource_fn  # Dagster types it without its argument
    _end_left_open(mlflow)  # what an earlier run of this process left open would take this one's place
    before = variable(_ADDRESS) or None
    try:
        yield from make(inner)
    finally:
        _end_left_open(mlflow)
        # MLflow sets the variable for its children. Another desk in this process must not take it over.
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type]  # None forgets the address


def _end_left_open(mlflow: Any) -> None:
    """End runs that were left open: they failed, because their step never finished or never began."""
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
