"""A run that the daemon launched is closed when its process is gone, and left alone while it lives."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus, job, op
from dagster._core.events import EngineEventData
from dagster._daemon.monitoring.run_monitoring import monitor_started_run

from resources.instance import workers
from resources.instance.in_process import close_dead_runs
from resources.instance.workers import has_worker, launching

WORKER = """
import time
from dagster import DagsterInstance, execute_job, job, op, reconstructable
from resources.instance.one_process import one_process
@op
def works(context):
    print(context.run_id, flush=True)
    time.sleep(600)
@job(executor_def=one_process)
def a_job():
    works()
if __name__ == "__main__":
    from worker import a_job
    with DagsterInstance.get() as instance:
        execute_job(reconstructable(a_job), instance)
"""
SETTINGS = (
    "run_launcher: {module: resources.instance.launcher, class: DeskRunLauncher, config: {}}\n"
    "run_retries: {enabled: true, max_retries: 2}\ntelemetry: {enabled: false}\n"
)


@op
def nothing() -> None:
    """Nothing."""


@job
def a_job() -> None:
    """One step."""
    nothing()


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """The instance of a desk, with one slot in the pool `training`."""
    (tmp_path / "dagster.yaml").write_text(SETTINGS, encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with DagsterInstance.get() as made:
        made.event_log_storage.set_concurrency_slots("training", 1)
        yield made


@pytest.fixture
def worker(instance: DagsterInstance, tmp_path: Path, project_root: Path) -> Iterator[subprocess.Popen[str]]:
    """A process in the midst of its run, with the desk's own executor."""
    (tmp_path / "worker.py").write_text(WORKER, encoding="utf-8")
    words, paths = [sys.executable, str(tmp_path / "worker.py")], f"{project_root}:{tmp_path}"
    environment = {"PYTHONPATH": paths, "DAGSTER_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as started:
        assert started.stdout is not None
        assert len(started.stdout.readline().strip()) == len("01234567-0123-0123-0123-0123456789ab")
        yield started
        started.kill()


def starting(instance: DagsterInstance) -> DagsterRun:
    """A run that a daemon has begun to launch."""
    made = instance.create_run_for_job(a_job)
    event = DagsterEvent(event_type_value=DagsterEventType.PIPELINE_STARTING.value, job_name="a_job")
    instance.report_dagster_event(event, made.run_id)
    return made


def status_of(instance: DagsterInstance, run: DagsterRun) -> DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def test_a_killed_worker_is_seen_by_its_lock_its_run_fails_and_its_slot_is_free(
    instance: DagsterInstance, worker: subprocess.Popen[str]
) -> None:
    (record,) = instance.get_run_records()
    run = record.dagster_run
    assert instance.event_log_storage.claim_concurrency_slot("training", run.run_id, "works").is_claimed
    assert has_worker(instance, run)
    monitor_started_run(instance, None, record, logging.getLogger("monitor"))  # type: ignore[arg-type]
    assert close_dead_runs(instance) == 0
    assert status_of(instance, run) == DagsterRunStatus.STARTED
    worker.kill()
    worker.wait()
    assert close_dead_runs(instance) == 1
    assert status_of(instance, run) == DagsterRunStatus.FAILURE
    assert instance.event_log_storage.get_concurrency_info("training").active_slot_count == 0
    after = instance.get_run_by_id(run.run_id)
    assert after is not None
    assert after.tags["dagster/will_retry"] == "true"
    assert close_dead_runs(instance) == 0
    assert not list(Path(instance.root_directory, "workers").iterdir())


def test_the_monitoring_of_the_daemon_fails_the_run_of_a_killed_worker(
    instance: DagsterInstance, worker: subprocess.Popen[str]
) -> None:
    worker.kill()
    worker.wait()
    (record,) = instance.get_run_records()
    monitor_started_run(instance, None, record, logging.getLogger("monitor"))  # type: ignore[arg-type]
    assert status_of(instance, record.dagster_run) == DagsterRunStatus.FAILURE


def test_a_run_that_is_being_launched_is_left_alone_and_closed_when_nothing_came_of_it(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = starting(instance)
    monkeypatch.setattr(workers, "_SECONDS_TO_REPORT", 0.0)
    assert has_worker(instance, run) is None
    assert close_dead_runs(instance) == 0
    with launching(instance, run.run_id):
        assert has_worker(instance, run)
        assert close_dead_runs(instance) == 0
    assert close_dead_runs(instance) == 1
    assert status_of(instance, run) == DagsterRunStatus.FAILURE


def test_a_run_that_was_launched_just_now_is_given_time_to_report(instance: DagsterInstance) -> None:
    run = starting(instance)
    with launching(instance, run.run_id):
        pass
    assert has_worker(instance, run)


def test_between_launch_and_first_step_the_number_of_the_process_answers(instance: DagsterInstance) -> None:
    run = starting(instance)
    with launching(instance, run.run_id):
        pass
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        instance.report_engine_event("Started process", run, EngineEventData.in_process(child.pid))
        assert has_worker(instance, run)
    assert has_worker(instance, run) is False


def test_slots_of_runs_that_are_over_or_unknown_are_freed_and_of_living_runs_kept(
    instance: DagsterInstance,
) -> None:
    storage = instance.event_log_storage
    storage.set_concurrency_slots("providers", 3)
    over, living = instance.create_run_for_job(a_job), starting(instance)
    instance.report_run_failed(over)
    for run_id in (over.run_id, "0" * 8, living.run_id):
        assert storage.claim_concurrency_slot("providers", run_id, "step").is_claimed
    close_dead_runs(instance)
    assert storage.get_concurrency_info("providers").active_run_ids == {living.run_id}
