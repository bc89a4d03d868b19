"""A training run leaves nothing of its desk behind in the process."""

from pathlib import Path
from typing import Any

import mlflow
import pytest
from dagster import OpExecutionContext, job, op

from resources.models.mlflow_run import mlflow_run
from resources.settings.environment import read_environment
from resources.settings.process import variables

ADDRESS = "MLFLOW_TRACKING_URI"


@op(required_resource_keys={"mlflow"})
def trains(context: OpExecutionContext) -> None:
    assert context.resources.mlflow.active_run() is not None


@op(required_resource_keys={"mlflow"})
def breaks(_context: OpExecutionContext) -> None:
    raise RuntimeError("a fault")


@pytest.mark.parametrize("work", [trains, breaks])
@pytest.mark.parametrize("before", [None, "http://registry.example"])
def test_the_next_desk_of_the_process_has_its_own_registry(
    prepared_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None, work: Any
) -> None:
    if before is None:
        monkeypatch.delenv(ADDRESS, raising=False)
    else:
        monkeypatch.setenv(ADDRESS, before)
    store = f"sqlite:///{prepared_home / 'mlflow.db'}"

    @job(resource_defs={"mlflow": mlflow_run(store, str(tmp_path / "models"))})
    def training() -> None:
        work()

    assert training.execute_in_process(raise_on_error=False).success == (work is trains)
    assert variables().get(ADDRESS) == before
    assert mlflow.active_run() is None
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "other"))
    own = read_environment().tracking_uri
    assert own == (before or f"sqlite:///{tmp_path / 'other' / 'mlflow.db'}")
