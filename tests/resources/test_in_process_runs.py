"""Runs of a command are left alone while its process lives, and closed when it is gone.

Under every launcher.
"""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus, DefaultRunLauncher, job, op
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._daemon.monitoring.run_monitoring import monitor_started_run

from resources.instance.in_process import IN_PROCESS_TAG, close_dead_runs, is_alive, living_process
from resources.instance.launcher import DeskRunLauncher

COMMAND = """
import sys, time
from dagster import DagsterInstance, job, op
from resources.instance.in_process import living_process
@op
def works():
    print("working", flush=True)
    time.sleep(600)
@job
def a_job():
    works()
with DagsterInstance.get() as instance:
    process = living_process(instance)
    a_job.execute_in_process(instance=instance, tags=dict(process.tags))
"""


class KnowsNothing(DefaultRunLauncher):
    """Like launchers of containers: a run that it has not started is not found."""

    supports_check_run_worker_health = True

    def check_run_worker_health(self, run: Any) -> CheckRunHealthResult:
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "no such container")


@op
def nothing() -> None:
    """Nothing."""


@job
def a_job() -> None:
    """One step."""
    nothing()


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """An instance whose own launcher finds none of the runs of commands."""
    (tmp_path / "dagster.yaml").write_text(
        "run_launcher:\n  module: resources.instance.launcher\n  class: DeskRunLauncher\n"
        f"  config: {{launcher: {{module: {__name__}, class: KnowsNothing}}}}\n"
        "telemetry: {enabled: false}\n"
    )
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with DagsterInstance.get() as made:
        yield made


@pytest.fixture
def command(instance: DagsterInstance, project_root: Path) -> Iterator[subprocess.Popen[str]]:
    """A command in the midst of its run."""
    words = [sys.executable, "-c", COMMAND]
    with subprocess.Popen(words, cwd=project_root, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "working\n"
        yield started
        started.kill()


def monitor(instance: DagsterInstance) -> DagsterRunStatus:
    """One look of Dagster's own monitoring at the only run."""
    (record,) = instance.get_run_records()
    monitor_started_run(instance, None, record, logging.getLogger("monitor"))  # type: ignore[arg-type]
    (after,) = instance.get_runs()
    return after.status


def test_monitoring_leaves_the_run_of_a_living_command_alone_and_fails_that_of_a_killed_one(
    instance: DagsterInstance, command: subprocess.Popen[str]
) -> None:
    assert monitor(instance) == DagsterRunStatus.STARTED
    assert close_dead_runs(instance) == 0
    command.kill()
    command.wait()
    assert monitor(instance) == DagsterRunStatus.FAILURE


def test_the_next_command_closes_what_a_killed_one_left_and_frees_its_slots(
    instance: DagsterInstance, command: subprocess.Popen[str]
) -> None:
    (run,) = instance.get_runs()
    instance.event_log_storage.set_concurrency_slots("training", 1)
    claim = instance.event_log_storage.claim_concurrency_slot("training", run.run_id, "works")
    assert claim.is_claimed
    command.kill()
    command.wait()
    living_process(instance).lock.release()
    (after,) = instance.get_runs()
    assert after.status == DagsterRunStatus.FAILURE
    assert instance.event_log_storage.get_concurrency_info("training").active_slot_count == 0
    failure = instance.all_logs(run.run_id)[-1].message
    assert "the same command continues" in failure


def test_a_command_has_neither_a_limit_of_time_nor_a_second_try(instance: DagsterInstance) -> None:
    process = living_process(instance)
    a_job.execute_in_process(instance=instance, tags=dict(process.tags))
    (run,) = instance.get_runs()
    assert run.tags["dagster/max_runtime"] == run.tags["dagster/max_retries"] == "0"
    assert is_alive(instance, run)
    process.lock.release()
    assert is_alive(instance, run) is False


def test_other_runs_are_the_launchers_and_other_hosts_are_not_judged(instance: DagsterInstance) -> None:
    assert isinstance(instance.run_launcher, DeskRunLauncher)
    launched = instance.create_run_for_job(a_job)
    assert is_alive(instance, launched) is None
    assert instance.run_launcher.check_run_worker_health(launched).status == WorkerStatus.NOT_FOUND
    far = instance.create_run_for_job(a_job, tags={IN_PROCESS_TAG: "another-host 0123.lock"})
    assert instance.run_launcher.check_run_worker_health(far).status == WorkerStatus.RUNNING
    named = instance.create_run_for_job(a_job, tags={IN_PROCESS_TAG: "another-host ../../etc/passwd"})
    assert is_alive(instance, named)


def test_without_another_launcher_runs_start_as_dagster_does_by_default(tmp_path: Path) -> None:
    settings = {"module": "resources.instance.launcher", "class": "DeskRunLauncher", "config": {}}
    with DagsterInstance.local_temp(str(tmp_path), overrides={"run_launcher": settings}) as made:
        launched = made.create_run_for_job(a_job)
        assert made.run_launcher.check_run_worker_health(launched).status == WorkerStatus.RUNNING
        assert not made.run_launcher.supports_resume_run
        assert not made.run_launcher.terminate(launched.run_id)
