"""Runs of a desk on several hosts: launched, and what became of them. For `deploy/test/hosts_day.py`."""

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.storage.tags import WILL_RETRY_TAG
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_graphql.schema import create_schema

from resources.instance.workers import HOST_TAG

LAUNCH = """mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""


class Runs:
    """The runs of the desk in `home`, whose daemon has written where its code is."""

    def __init__(self, home: Path) -> None:
        self._workspace = WorkspaceFileTarget(paths=[str(home / "dagster" / "workspace.yaml")])
        self.instance = DagsterInstance.from_config(str(home / "dagster"))
        self._schema = create_schema()

    def launch(self, job: str, zone: str, day: date | None, first_day: date | None) -> str:
        """Launch a job for a zone, and a range of days where there is one; the id of its run."""
        tags = {"dagster/partition": zone} if day is None else _tags_of(zone, day, first_day or day)
        place = {"repositoryLocationName": "spotdesk", "repositoryName": "__repository__", "jobName": job}
        metadata = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        params = {"selector": place, "mode": "default", "runConfigData": {}, "executionMetadata": metadata}
        answer = self._ask(LAUNCH, {"params": params})["launchRun"]
        if "run" not in answer:
            raise RuntimeError(f"{job} of {zone} was not launched: {answer}")
        return str(answer["run"]["runId"])

    def last_of(self, run_id: str) -> DagsterRun:
        """A run, or the newest that was started in its place."""
        again = self.instance.get_runs(RunsFilter(tags={"dagster/root_run_id": run_id}), limit=1)
        run = again[0] if again else self.instance.get_run_by_id(run_id)
        if run is None:
            raise RuntimeError(f"there is no run {run_id}")
        # Dagster writes the failure first, and then whether it starts the run again.
        if run.status == DagsterRunStatus.FAILURE and run.tags.get(WILL_RETRY_TAG) != "false":
            return run.with_status(DagsterRunStatus.QUEUED)
        return run

    def is_failed(self, run_id: str) -> bool:
        """Whether this very run has failed."""
        run = self.instance.get_run_by_id(run_id)
        return run is not None and run.status == DagsterRunStatus.FAILURE

    def host_of(self, run: DagsterRun) -> str:
        """The host that works, or has worked, on a run."""
        found = self.instance.get_run_by_id(run.run_id)
        return "" if found is None else found.tags.get(HOST_TAG, "")

    def first_at(self, ids: Sequence[str], step: str) -> DagsterRun | None:
        """The first of the runs that works on a step."""
        for run_id in ids:
            begun = self.instance.all_logs(run_id, of_type=DagsterEventType.STEP_START)
            if any(entry.step_key == step for entry in begun):
                return self.instance.get_run_by_id(run_id)
        return None

    def _ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        with WorkspaceProcessContext(self.instance, self._workspace) as context:
            asked = self._schema.execute_async(
                query, variables=variables, context=context.create_request_context()
            )
            answer = asyncio.run(asked)
        if answer.errors:
            raise RuntimeError(str(answer.errors))
        return dict(answer.data)


def _tags_of(zone: str, day: date, first_day: date) -> dict[str, str]:
    return {
        "dagster/partition": f"{day}|{zone}",
        "dagster/partition/delivery_day": str(day),
        "dagster/partition/zone": zone,
        "spotdesk/first_day": str(first_day),
    }
