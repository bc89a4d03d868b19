"""What a schedule or sensor asked for is asked for again when its run was lost, not when a step failed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRun, RunRequest, job, op
from dagster._core.events import JobFailureData, RunFailureReason

from resources.wall_clock import utc_now
from sensors.lost_runs import AGAIN_TAG, asked_again, wait_before_attempt
from sensors.upkeep import next_attempt
from spot.market.delivery import delivery_day_of
from trading_assets.partitions import FIRST_DAY_TAG, partition_key

ZONE = "FR"
STEP, DEATH = RunFailureReason.STEP_FAILURE, RunFailureReason.UNEXPECTED_TERMINATION


@op
def nothing() -> None:
    """Nothing."""


def named(name: str) -> Any:
    """A job of one step."""

    @job(name=name)
    def made() -> None:
        nothing()

    return made


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    """An instance that keeps nothing."""
    with DagsterInstance.ephemeral() as made:
        yield made


def failed(
    instance: DagsterInstance, name: str, key: str | None, why: RunFailureReason | None, **tags: str
) -> DagsterRun:
    """A run of a schedule that has just failed."""
    own = {name: value for name, value in {"dagster/schedule_name": "a_schedule", **tags}.items() if value}
    run = instance.create_run_for_job(
        named(name), tags=own if key is None else {**own, "dagster/partition": key}
    )
    instance.report_run_failed(run, "gone", JobFailureData(error=None, failure_reason=why))
    return run


def later(minutes: float) -> datetime:
    return utc_now() + timedelta(minutes=minutes)


def asked(instance: DagsterInstance, minutes: float) -> list[RunRequest]:
    return list(asked_again(instance, later(minutes)))


def test_a_lost_run_is_asked_for_again_with_its_partition_and_tags_after_a_minute(
    instance: DagsterInstance,
) -> None:
    key = partition_key(ZONE, date(2025, 6, 10))
    lost = failed(instance, "delivered_days_settled", key, DEATH, **{FIRST_DAY_TAG: "2025-05-28"})
    assert asked(instance, 0) == []
    (request,) = asked(instance, 1.1)
    assert (request.job_name, request.partition_key) == ("delivered_days_settled", key)
    assert request.tags == {FIRST_DAY_TAG: "2025-05-28", AGAIN_TAG: "1"}
    assert request.run_key == f"again-{lost.run_id}"
    assert asked(instance, 60 * 25) == []  # a day later nobody waits for it


def test_a_run_whose_code_did_not_load_is_asked_for_again(instance: DagsterInstance) -> None:
    failed(instance, "database_published", None, None)
    (request,) = asked(instance, 1.1)
    assert request.partition_key is None


def test_what_failed_by_a_step_or_was_started_by_a_person_or_is_started_again_stays(
    instance: DagsterInstance,
) -> None:
    key = partition_key(ZONE, date(2025, 6, 10))
    failed(instance, "delivered_days_settled", key, STEP)
    failed(instance, "auction_results_loaded", key, DEATH, **{"dagster/schedule_name": ""})
    failed(instance, "raw_captured", key, DEATH, **{"dagster/will_retry": "true"})
    failed(instance, "zone_retrained", ZONE, DEATH)  # has a sensor that sees it
    assert asked(instance, 5) == []


def test_each_try_waits_longer_and_only_the_newest_is_asked_for(instance: DagsterInstance) -> None:
    key = partition_key(ZONE, date(2025, 6, 10))
    failed(instance, "raw_captured", key, DEATH)
    newest = failed(instance, "raw_captured", key, DEATH, **{AGAIN_TAG: "3"})
    assert asked(instance, 7.5) == []
    (request,) = asked(instance, 8.1)
    assert request.run_key == f"again-{newest.run_id}"
    assert request.tags[AGAIN_TAG] == "4"


def test_signals_are_asked_for_until_their_gate_closes(instance: DagsterInstance) -> None:
    open_day = delivery_day_of(ZONE, utc_now()) + timedelta(days=2)
    failed(instance, "signals_ready", partition_key(ZONE, open_day), DEATH)
    failed(instance, "signals_ready", partition_key(ZONE, open_day - timedelta(days=3)), DEATH)
    (request,) = asked(instance, 2)
    assert request.partition_key == partition_key(ZONE, open_day)


@pytest.mark.parametrize("key", ["2025-0x-10|FR", "2025-06-10|F?", "", "|", "2099-06-10"])
def test_a_damaged_record_of_a_run_asks_for_nothing_and_keeps_no_other_from_it(
    instance: DagsterInstance, key: str
) -> None:
    open_day = delivery_day_of(ZONE, utc_now()) + timedelta(days=2)
    failed(instance, "signals_ready", partition_key(ZONE, open_day), DEATH)
    failed(instance, "signals_ready", key, DEATH)
    (request,) = asked(instance, 2)
    assert request.partition_key == partition_key(ZONE, open_day)


def test_the_waits_double_to_a_quarter_of_an_hour() -> None:
    minutes = [wait_before_attempt(n) / timedelta(minutes=1) for n in range(1, 8)]
    assert minutes == [1, 2, 4, 8, 15, 15, 15]
    assert wait_before_attempt(10**6) == timedelta(minutes=15)


def test_a_first_history_that_was_lost_is_tried_again_on_the_same_day(instance: DagsterInstance) -> None:
    day = date(2025, 6, 10)
    key = partition_key(ZONE, day)
    assert next_attempt(instance, ZONE, day, later(0)) == 0
    failed(instance, "history_loaded", key, DEATH)
    assert next_attempt(instance, ZONE, day, later(0)) is None
    assert next_attempt(instance, ZONE, day, later(1.1)) == 1
    failed(instance, "history_loaded", key, STEP)
    assert next_attempt(instance, ZONE, day, later(1.1)) is None
    assert next_attempt(instance, ZONE, day, later(2.1)) == 2
    instance.create_run_for_job(named("history_loaded"), tags={"dagster/partition": key})
    assert next_attempt(instance, ZONE, day, datetime(2099, 1, 1, tzinfo=UTC)) is None
