"""The launcher of several hosts, against a broker in memory: whose run is lost, and whose is not."""

from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.launcher import WorkerStatus
from dagster._core.test_utils import create_run_for_test

from resources.instance import hosts
from resources.instance.hosts import HostsRunLauncher
from resources.instance.in_process import close_dead_runs
from resources.instance.launcher import DeskRunLauncher

TASK = "dagster-celery/task_id"


class _Workers:
    """What the workers that live answer when they are asked."""

    def __init__(self, working: dict[str, list[str]]) -> None:
        self.working, self.n_asked = working, 0

    def inspect(self, destination: list[str] | None = None, **_: Any) -> "_Workers":
        self.n_asked += 1
        self.asked = destination
        return self

    def active(self) -> dict[str, list[dict[str, str]]] | None:
        found = {
            name: [{"id": task} for task in tasks]
            for name, tasks in self.working.items()
            if self.asked is None or name in self.asked
        }
        return found or None


@pytest.fixture
def launcher(monkeypatch: pytest.MonkeyPatch) -> HostsRunLauncher:
    made = HostsRunLauncher(default_queue="heavy", broker="memory://", backend="cache+memory://")
    workers = _Workers({"desk@w1": ["at-work"]})
    monkeypatch.setattr(made.celery, "control", workers)
    for task, host in (
        ("at-work", "desk@w1"),
        ("let-go", "desk@w1"),
        ("gone", "desk@w2"),
        ("gone-too", "desk@w2"),
    ):
        made.celery.backend.store_result(task, {"hostname": host}, "STARTED")
    return made


def _run(task: str | None, status: DagsterRunStatus = DagsterRunStatus.STARTED) -> DagsterRun:
    tags = {} if task is None else {TASK: task}
    return DagsterRun(job_name="a_job", run_id=str(task), tags=tags, status=status)


@pytest.mark.parametrize(
    ("task", "status", "why"),
    [
        ("at-work", WorkerStatus.RUNNING, ""),
        ("let-go", WorkerStatus.FAILED, "the worker desk@w1 no longer works on it"),
        ("gone", WorkerStatus.FAILED, "the worker desk@w2 does not answer"),
        ("never-heard-of", WorkerStatus.FAILED, "no worker knows of it"),
        (None, WorkerStatus.RUNNING, None),
    ],
)
def test_a_run_is_lost_when_its_worker_no_longer_works_on_it(
    launcher: HostsRunLauncher, task: str | None, status: WorkerStatus, why: str | None
) -> None:
    found = launcher.check_run_worker_health(_run(task))
    assert (found.status, found.msg) == (status, why)


def test_a_worker_that_is_gone_is_asked_three_times_for_all_its_runs(launcher: HostsRunLauncher) -> None:
    for task in ("gone", "gone-too", "gone"):
        assert launcher.check_run_worker_health(_run(task)).status == WorkerStatus.FAILED
    assert launcher.celery.control.n_asked == hosts.QUESTIONS


def test_a_run_that_another_launcher_started_is_not_stopped_here(launcher: HostsRunLauncher) -> None:
    with DagsterInstance.ephemeral() as instance:
        launcher.register_instance(instance)
        assert not launcher.terminate(create_run_for_test(instance, "a_job").run_id)
        assert not launcher.terminate("no-such-run")


def test_a_run_whose_worker_died_before_its_first_step_is_closed(
    launcher: HostsRunLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DagsterInstance.ephemeral() as instance:
        desk = DeskRunLauncher(launcher)
        desk.register_instance(instance)
        monkeypatch.setattr(type(instance), "run_launcher", desk)
        made = {
            task: create_run_for_test(instance, "a_job", tags={TASK: task}, status=DagsterRunStatus.STARTING)
            for task in ("at-work", "gone", "still-at-the-broker")
        }
        assert close_dead_runs(instance) == 1
        statuses = {task: instance.get_run_by_id(run.run_id) for task, run in made.items()}
        failed = [task for task, run in statuses.items() if run and run.status == DagsterRunStatus.FAILURE]
        assert failed == ["gone"]
