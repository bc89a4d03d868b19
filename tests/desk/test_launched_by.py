"""A run that somebody launches in the guarded UI carries who it was, and nobody launches as another."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRun
from dagster._core.execution.plan.resume_retry import ReexecutionStrategy
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.types import ASGIApp

from desk.demo.quick_sqlite import quick_sqlite
from desk.guard.guard import guarded
from desk.guard.settings import GuardSettings
from desk.guard.viewer import DeskWorkspace
from resources.home.make import make_home
from resources.identity.person import system_user
from resources.identity.roles import Identity, Role
from resources.identity.sessions import COOKIE, Sessions
from resources.identity.users import UserStore
from resources.instance.prepare import prepare_dagster_home
from resources.settings.environment import read_environment
from tests.support.dagster_ui import LAUNCH, ask, served
from tests.support.guarded_ui import PASSWORD

_CODE = """
from dagster import Definitions, StaticPartitionsDefinition, job, op

@op
def nothing() -> None: ...

@job(partitions_def=StaticPartitionsDefinition(["FR"]))
def work(): nothing()

defs = Definitions(jobs=[work])
"""
_BACKFILL = """mutation Fill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_AGAIN = """mutation Again($run: String!) { launchRunReexecution(
  reexecutionParams: {parentRunId: $run, strategy: ALL_STEPS}) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_FORGED = [{"key": "user", "value": "ada"}, {"key": "spotdesk/known_by", "value": "password"}]
_SELECTOR = {"repositoryLocationName": "spotdesk", "repositoryName": "__repository__"}
_RUN = {"selector": {**_SELECTOR, "pipelineName": "work"}, "mode": "default"}


class Desk:
    """The UI of a desk with one job, whose runs stay in the queue."""

    def __init__(self, home: Path, workspace: DeskWorkspace) -> None:
        self.home, self._workspace = home, workspace
        self._app = create_app_from_workspace_process_context(workspace)

    @property
    def instance(self) -> DagsterInstance:
        return self._workspace.instance

    def ask(self, query: str, variables: Mapping[str, Any], who: str = "", *, guard: bool = True) -> Any:
        """The answer to a mutation of `who`; nobody logs in where it is empty."""
        app: ASGIApp = self._app
        if guard:
            app = guarded(app, GuardSettings(home=self.home, needs_login=bool(who)))
        headers = {"Content-Type": "application/json"}
        if who:
            role = UserStore(self.home).users()[who].role
            headers["Cookie"] = f"{COOKIE}={Sessions(self.home).begin(Identity(who, role, 'password'))}"
        with served(app) as port:
            headers["Origin"] = f"http://127.0.0.1:{port}"
            body = json.dumps({"query": query, "variables": variables})
            status, text = ask(port, "/graphql", method="POST", headers=headers, body=body)
        assert status == 200, text
        (answer,) = json.loads(text)["data"].values()
        return answer

    def launched(self, who: str = "", *, guard: bool = True) -> DagsterRun:
        """A run that `who` launches, with the name of somebody else among its tags."""
        run = {**_RUN, "executionMetadata": {"tags": _FORGED}}
        answer = self.ask(LAUNCH, {"params": run}, who, guard=guard)
        return self.run(answer["run"]["runId"])

    def submitted_by_the_daemon(self, like: DagsterRun) -> DagsterRun:
        """The same run, as the daemon makes and queues it: without a request."""
        request = self._workspace.create_request_context()
        location = request.get_code_location("spotdesk")
        run = self.instance.create_reexecuted_run(
            parent_run=like,
            request_context=request,
            code_location=location,
            remote_job=location.get_repository("__repository__").get_full_job("work"),
            strategy=ReexecutionStrategy.ALL_STEPS,
        )
        return self.instance.submit_run(run.run_id, workspace=request)

    def run(self, run_id: str) -> DagsterRun:
        found = self.instance.get_run_by_id(run_id)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("launched")
    make_home(folder / "desk")
    UserStore(folder / "desk").add("tom", Role.TRADER, PASSWORD)
    UserStore(folder / "desk").add("ada", Role.ADMIN, PASSWORD)
    (folder / "code.py").write_text(_CODE)
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(python_file=str(folder / "code.py")), location_name="spotdesk"
    )
    settings = str(prepare_dagster_home(read_environment(folder / "desk")))
    with (
        quick_sqlite(),
        DagsterInstance.from_config(settings) as instance,
        DeskWorkspace(instance, InProcessWorkspaceLoadTarget(origin)) as workspace,
    ):
        yield Desk(folder / "desk", workspace)


def test_a_run_carries_who_launched_it_and_not_the_name_that_was_sent(desk: Desk) -> None:
    run = desk.launched("tom")
    assert run.status.value == "QUEUED"
    assert (run.tags["user"], run.tags["spotdesk/known_by"]) == ("tom", "password")


def test_without_a_login_it_is_the_user_of_this_machine(desk: Desk) -> None:
    assert desk.launched().tags["user"] == system_user()
    assert desk.launched().tags["spotdesk/known_by"] == "loopback"


def test_a_run_that_is_launched_again_is_of_whoever_did_it(desk: Desk) -> None:
    first = desk.launched("ada")
    again = desk.run(desk.ask(_AGAIN, {"run": first.run_id}, "tom")["run"]["runId"])
    assert again.parent_run_id == first.run_id
    assert again.tags["user"] == "tom"


def test_a_backfill_carries_who_asked_for_it(desk: Desk) -> None:
    selector = {"partitionSetName": "work_partition_set", "repositorySelector": _SELECTOR}
    asked = {"selector": selector, "partitionNames": ["FR"], "tags": _FORGED}
    answer = desk.ask(_BACKFILL, {"params": asked}, "tom")
    found = desk.instance.get_backfill(answer["backfillId"])
    assert found is not None
    assert (found.tags or {})["user"] == "tom"


def test_past_the_guard_no_name_is_believed(desk: Desk) -> None:
    assert "not through the guard" in desk.launched(guard=False).tags["user"]


def test_a_run_of_a_schedule_has_no_person(desk: Desk) -> None:
    tagged = desk.submitted_by_the_daemon(desk.launched("tom"))
    assert tagged.status.value == "QUEUED"
    assert not {"user", "spotdesk/known_by"} & tagged.tags.keys()
