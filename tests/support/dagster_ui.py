"""The real Dagster webserver of a desk on loopback, with the graph of the desk in this process.

Runs that it launches are executed at once, so a test sees what they did when the answer is there.
"""

import json
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import uvicorn
from dagster import DagsterInstance
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget

from desk.demo.quick_sqlite import quick_sqlite

ROOT = Path(__file__).resolve().parents[2]
LOCATION = "spotdesk"
LAUNCH = """mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename
  ... on LaunchRunSuccess { run { runId status } }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on PythonError { message } } }"""
_INSTANCE = """
telemetry: {enabled: false}
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
run_launcher: {module: dagster._core.launcher.sync_in_memory_run_launcher, class: SyncInMemoryRunLauncher}
"""


@contextmanager
def workspace_of_desk(home: Path) -> Iterator[WorkspaceProcessContext]:
    """The workspace of the desk that SPOTDESK_HOME names, with an instance below `home`."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text(_INSTANCE, encoding="utf-8")
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(python_file=str(ROOT / "definitions.py"), working_directory=str(ROOT)),
        location_name=LOCATION,
    )
    with (
        quick_sqlite(),
        DagsterInstance.from_config(str(folder)) as instance,
        WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as workspace,
    ):
        yield workspace


@contextmanager
def served(app: Any) -> Iterator[int]:
    """The app on a free port of loopback; the port."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def ask(
    port: int,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | str | None = None,
) -> tuple[int, str]:
    """Status and text of an answer. Headers are sent as given, so that a foreign Host can be."""
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


def launch_parameters(
    job: str, zone: str, day: date, run_config: Mapping[str, Any], assets: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Variables of `LAUNCH`: a run of `job` for a zone and day, under `run_config`."""
    tags = {
        "dagster/partition": f"{day}|{zone}",
        "dagster/partition/delivery_day": str(day),
        "dagster/partition/zone": zone,
    }
    return {
        "params": {
            "selector": {
                "repositoryLocationName": LOCATION,
                "repositoryName": "__repository__",
                "pipelineName": job,
                **({"assetSelection": [{"path": [name]} for name in assets]} if assets else {}),
            },
            "runConfigData": run_config,
            "mode": "default",
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
    }


def as_get(query: str, variables: Mapping[str, Any]) -> str:
    """The path of a GET request that any web page can make a browser send."""
    return "/graphql?" + urllib.parse.urlencode({"query": query, "variables": json.dumps(variables)})
