"""A cause becomes exactly one request, and a failed run is tried again.

A request that cannot be met ends in an alert.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import polars as pl
import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunRequest

from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.training_order import TrainingOrder
from resources.models.version import ModelVersion
from resources.settings.code_version import model_code_version
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from sensors.retraining import requests_of_zone
from tests.sensors.conftest import NOW, TODAY, ZONE, OneVersion, write_drift, write_quality
from tests.support.narrow import some


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def tick(instance: DagsterInstance, lake: Lake, desk: Desk, alerts: Alerts) -> Callable[..., Any]:
    """One evaluation of the sensor, `minutes` after NOW."""

    def evaluate(minutes: float, registry: OneVersion | None = None) -> list[RunRequest]:
        young = cast("ModelRegistry", registry or OneVersion(TODAY - timedelta(days=10)))
        return requests_of_zone(instance, ZONE, lake, desk, young, alerts, NOW + timedelta(minutes=minutes))

    return evaluate


def end_run(instance: DagsterInstance, request: RunRequest, status: DagsterRunStatus) -> None:
    tags = {**request.tags, "dagster/run_key": some(request.run_key)}
    instance.add_run(DagsterRun(job_name="zone_retrained", status=status, tags=tags))


def status_of(lake: Lake) -> list[tuple[str, str, int]]:
    return [
        (row["cause"], row["status"], row["n_attempts"])
        for row in lake.read("retrain_requests").sort("request_id").iter_rows(named=True)
    ]


def test_drift_asks_once_however_often_the_sensor_looks(
    lake: Lake, tick: Callable[..., Any], instance: DagsterInstance
) -> None:
    write_drift(lake, TODAY, "alert")
    (request,) = tick(0)
    assert request.partition_key == ZONE
    assert TrainingOrder.of_run(request.tags).cause == "drift"
    assert status_of(lake) == [("drift", "requested", 1)]
    end_run(instance, request, DagsterRunStatus.SUCCESS)
    assert all(tick(minutes) == [] for minutes in (1, 2, 60, 60 * 24, 60 * 24 * 7))
    assert status_of(lake) == [("drift", "succeeded", 1)]


def test_after_the_cool_down_drift_that_is_still_there_asks_again(
    lake: Lake, tick: Callable[..., Any], instance: DagsterInstance
) -> None:
    write_drift(lake, TODAY, "alert")
    (first,) = tick(0)
    end_run(instance, first, DagsterRunStatus.SUCCESS)
    tick(1)
    write_drift(lake, TODAY + timedelta(days=15), "alert")
    (second,) = tick(15 * 24 * 60)
    assert second.run_key != first.run_key


def test_a_failed_run_is_tried_again_under_a_new_key_and_then_given_up_with_an_alert(
    lake: Lake, tick: Callable[..., Any], instance: DagsterInstance
) -> None:
    write_drift(lake, TODAY, "alert")
    (request,) = tick(0)
    keys, minutes = [request.run_key], 0
    for _ in range(2):
        end_run(instance, request, DagsterRunStatus.FAILURE)
        assert tick(minutes + 1) == []  # seen as failed, waiting for its next attempt
        minutes += 20
        (request,) = tick(minutes)
        keys.append(request.run_key)
    assert len(set(keys)) == 3
    end_run(instance, request, DagsterRunStatus.FAILURE)
    tick(minutes + 1)
    assert tick(minutes + 30) == []
    assert status_of(lake) == [("drift", "abandoned", 3)]
    alerts = lake.read("alerts")
    assert alerts["kind"].to_list() == ["retrain_abandoned"]
    assert alerts["severity"].to_list() == ["critical"]


def test_a_request_whose_run_was_never_launched_is_launched_again(
    lake: Lake, tick: Callable[..., Any]
) -> None:
    write_drift(lake, TODAY, "alert")
    (first,) = tick(0)
    (again,) = tick(20)
    assert again.tags == first.tags
    assert again.run_key != first.run_key


def test_bad_data_retrains_nothing(lake: Lake, tick: Callable[..., Any]) -> None:
    write_drift(lake, TODAY, "alert")
    write_quality(lake, TODAY, "alert")
    assert tick(0) == []
    assert status_of(lake) == []


@pytest.mark.parametrize(("days", "expected"), [(90, 0), (92, 1)])
def test_an_old_model_is_retrained(lake: Lake, tick: Callable[..., Any], days: int, expected: int) -> None:
    requests = tick(0, OneVersion(TODAY - timedelta(days=days)))
    assert len(requests) == expected


def test_no_version_yet_asks_for_the_first_and_too_little_data_asks_for_nothing(
    lake: Lake, tick: Callable[..., Any]
) -> None:
    (request,) = tick(0, OneVersion(None))
    assert "no version yet" in TrainingOrder.of_run(request.tags).detail
    lake.replace(
        "day_ahead_features",
        lake.read("day_ahead_features").clear(),
        zone=ZONE,
        first_day=TODAY - timedelta(days=99),
        last_day=TODAY,
    )
    lake.upsert("retrain_requests", lake.read("retrain_requests").with_columns(status=pl.lit("succeeded")))
    assert tick(60 * 24 * 30, OneVersion(None)) == []


def test_a_run_that_was_killed_without_a_word_is_tried_again_and_never_lost(
    lake: Lake, tick: Callable[..., Any], instance: DagsterInstance
) -> None:
    write_drift(lake, TODAY, "alert")
    (request,) = tick(0)
    end_run(instance, request, DagsterRunStatus.STARTED)  # its process died: nobody ever writes how it ended
    assert tick(1) == []
    assert status_of(lake) == [("drift", "running", 1)]
    assert tick(179) == []
    (again,) = tick(182)  # maximum_run_hours: 3
    assert again.run_key != request.run_key
    assert status_of(lake) == [("drift", "requested", 2)]
    end_run(instance, again, DagsterRunStatus.CANCELED)
    tick(183)
    (last,) = tick(200)
    end_run(instance, last, DagsterRunStatus.STARTED)
    tick(201)
    assert tick(400) == []
    assert status_of(lake) == [("drift", "abandoned", 3)]
    assert lake.read("alerts")["kind"].to_list() == ["retrain_abandoned"]


def test_a_day_of_drift_on_many_ticks_gives_one_retrain_whether_it_ends_well_or_badly(
    lake: Lake, tick: Callable[..., Any], instance: DagsterInstance
) -> None:
    write_drift(lake, TODAY, "alert")
    launched = []
    for minute in range(0, 24 * 60, 40):
        for request in tick(minute):
            launched.append(request)
            end_run(
                instance,
                request,
                DagsterRunStatus.FAILURE if len(launched) == 1 else DagsterRunStatus.SUCCESS,
            )
    assert [request.tags for request in launched] == [
        launched[0].tags
    ] * 2  # one request, whose second attempt ended well
    assert status_of(lake) == [("drift", "succeeded", 2)]


class OtherCode(OneVersion):
    """Its version was trained by code that says which it was."""

    def __init__(self, code_version: str) -> None:
        super().__init__(TODAY - timedelta(days=10))
        self.code_version = code_version

    def versions(self, zone: str) -> list[ModelVersion]:
        return [
            replace(
                version, settings={"kind": "engine"}, tags={**version.tags, "code_version": self.code_version}
            )
            for version in super().versions(zone)
        ]


def test_new_code_is_a_cause_and_the_same_code_is_none(lake: Lake, tick: Callable[..., Any]) -> None:
    assert tick(0, OtherCode(model_code_version({"kind": "engine"}))) == []
    (request,) = tick(1, OtherCode("0123456789abcdef"))
    order = TrainingOrder.of_run(request.tags)
    assert order.cause == "code"
    assert "0123456789abcdef" in order.detail
    assert tick(2, OtherCode("0123456789abcdef")) == []
