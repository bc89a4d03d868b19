"""A command that waits for a slot says for which pool and whose run holds it; a dead holder lets go."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterInstance, DagsterRun, job, op

from resources.instance.in_process import IN_PROCESS_TAG, living_process
from resources.instance.waiting import waits_are_told


@op(pool="training")
def train() -> None:
    """Takes the only slot of its pool."""


@job
def zone_retrained() -> None:
    """One step."""
    train()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """An instance with one slot in the pool `training`."""
    with DagsterInstance.local_temp(str(tmp_path)) as made:
        made.event_log_storage.set_concurrency_slots("training", 1)
        yield made


def holder(instance: DagsterInstance, host: str) -> DagsterRun:
    """A run of a command on `host` that is under way and holds the slot."""
    tags = {IN_PROCESS_TAG: f"{host} gone.lock", "dagster/partition": "FR"}
    run = instance.create_run_for_job(zone_retrained, tags=tags)
    event = DagsterEvent(event_type_value=DagsterEventType.PIPELINE_STARTING.value, job_name=run.job_name)
    instance.report_dagster_event(event, run.run_id)
    assert instance.event_log_storage.claim_concurrency_slot("training", run.run_id, "train").is_claimed
    return run


def test_a_wait_is_told_with_pool_and_holder_and_ends_with_the_slot(instance: DagsterInstance) -> None:
    run, said = holder(instance, "another-host"), []

    def say(line: str) -> None:
        said.append(line)
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)

    process = living_process(instance)
    own = process.tags[IN_PROCESS_TAG]
    with waits_are_told(instance, own, say, first_seconds=0.3, next_seconds=60):
        done = zone_retrained.execute_in_process(instance=instance, tags=dict(process.tags))
    assert done.success
    held = f"zone_retrained of FR, run {run.run_id[:8]} of a command on another-host"
    assert said == [f"train waits for a slot of the pool training (1): held by {held}"]


def test_a_command_does_not_wait_for_a_run_that_died_meanwhile(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = living_process(instance)
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    holder(instance, "here")
    said: list[str] = []
    own, began = process.tags[IN_PROCESS_TAG], time.monotonic()
    with waits_are_told(instance, own, said.append, first_seconds=0.3, next_seconds=60):
        assert zone_retrained.execute_in_process(instance=instance, tags=dict(process.tags)).success
    assert time.monotonic() - began < 30
    assert said == []


def test_a_run_that_need_not_wait_says_nothing(instance: DagsterInstance) -> None:
    said: list[str] = []
    process = living_process(instance)
    with waits_are_told(instance, process.tags[IN_PROCESS_TAG], said.append, first_seconds=0.0):
        assert zone_retrained.execute_in_process(instance=instance, tags=dict(process.tags)).success
    assert said == []
