"""One retrain per zone and cause, tried again, never lost; whatever the number of sensors that fire."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot.contracts.words import RequestStatus
from spot.errors import ConfigurationError
from spot.lifecycle.retraining import (
    RetrainCause,
    RetrainDecision,
    RetrainRequest,
    decide_retrains,
    launch_key,
    mark,
)
from spot.monitoring.settings import MonitoringSettings, RetrainingSettings

SETTINGS = RetrainingSettings()
NOW = datetime(2026, 1, 1, 13, tzinfo=UTC)


def cause(zone: str = "BE", kind: str = "drift", at: datetime = NOW) -> RetrainCause:
    return RetrainCause(zone=zone, kind=kind, detail="price|mean over its threshold", observed_at_utc=at)  # type: ignore[arg-type]


def decide(
    history: Iterable[RetrainRequest],
    causes: list[RetrainCause],
    now: datetime = NOW,
    **more: set[str],
) -> RetrainDecision:
    return decide_retrains(history, causes, now=now, settings=SETTINGS, **more)


def test_ten_thousand_events_in_a_day_give_one_request_per_zone() -> None:
    events = [cause(zone, at=NOW + timedelta(seconds=8 * i)) for i in range(5_000) for zone in ("BE", "FR")]
    history: list[RetrainRequest] = []
    for start in range(0, len(events), 1_000):
        part = events[start : start + 1_000]
        decision = decide(history, part, now=part[-1].observed_at_utc)
        history += [mark(r, "succeeded", now=part[-1].observed_at_utc) for r in decision.changed]
    assert sorted(r.zone for r in history) == ["BE", "FR"]
    at_once = decide([], events)
    assert [r.request_id for r in at_once.launch] == ["BE-drift-00001", "FR-drift-00001"]
    assert len(at_once.suppressed) == 9_998


def test_two_sensors_on_the_same_history_write_the_same_row() -> None:
    assert decide([], [cause()]).changed == decide([], [cause()]).changed


def test_each_cause_has_its_own_cool_down() -> None:
    done = mark(decide([], [cause()]).launch[0], "succeeded", now=NOW + timedelta(hours=1))
    later = NOW + timedelta(days=3)
    assert not decide([done], [cause(at=later)], now=later).launch
    assert [r.cause for r in decide([done], [cause(kind="performance", at=later)], now=later).launch] == [
        "performance"
    ]
    much_later = NOW + timedelta(days=15)
    assert [r.request_id for r in decide([done], [cause(at=much_later)], now=much_later).launch] == [
        "BE-drift-00002"
    ]


def test_a_person_is_never_held_back_by_a_cool_down() -> None:
    done = mark(decide([], [cause(kind="person")]).launch[0], "succeeded", now=NOW)
    assert decide([done], [cause(kind="person")], now=NOW + timedelta(minutes=1)).launch


def test_a_failed_run_is_tried_again_under_a_new_run_key_and_then_given_up_with_an_alert() -> None:
    request, now, keys = decide([], [cause()]).launch[0], NOW, []
    for _ in range(SETTINGS.maximum_attempts):
        keys.append(launch_key(request))
        request = mark(request, "failed", now=now, run_id="r")
        assert not decide([request], [], now=now).launch
        now += timedelta(hours=1)
        decision = decide([request], [cause(at=now)], now=now)
        if decision.launch:
            (request,) = decision.launch
    assert len(set(keys)) == SETTINGS.maximum_attempts
    (given_up,) = decision.abandoned
    assert given_up.status == "abandoned"
    assert not decide([given_up], [], now=now + timedelta(days=30)).changed


def test_killed_runs_and_requests_that_nobody_launched_are_not_lost() -> None:
    request = decide([], [cause()]).launch[0]
    running = mark(request, "running", now=NOW, run_id="r1")
    assert not decide([running], [], now=NOW + timedelta(hours=2)).launch
    assert decide([running], [], now=NOW + timedelta(hours=4)).launch[0].n_attempts == 2
    assert decide([request], [], now=NOW + timedelta(hours=1)).launch[0].request_id == request.request_id


def test_a_request_that_a_person_queued_is_launched_at_the_next_look_and_loses_no_attempt() -> None:
    queued = replace(decide([], [cause(kind="person")]).launch[0], n_attempts=0)
    (launched,) = decide([queued], [], now=NOW + timedelta(seconds=30)).launch
    assert (launched.request_id, launched.n_attempts) == (queued.request_id, 1)
    assert not decide([launched], [], now=NOW + timedelta(minutes=2)).launch


def test_bad_data_retrains_nothing_but_a_person_may() -> None:
    kinds = ("drift", "performance", "estimated_performance")
    decision = decide([], [cause(kind=kind) for kind in kinds], zones_with_bad_data={"BE"})
    assert not decision.launch
    assert all(s.reason.startswith("bad data") for s in decision.suppressed)
    assert decide([], [cause(kind="person")], zones_with_bad_data={"BE"}).launch
    assert decide([], [cause("FR")], zones_with_bad_data={"BE"}).launch


def test_old_rows_of_a_request_do_not_count() -> None:
    request = decide([], [cause()]).launch[0]
    done = mark(request, "succeeded", now=NOW + timedelta(hours=1))
    assert not decide([done, request], [], now=NOW + timedelta(days=1)).launch


def test_settings_that_say_nothing_about_a_cause_stop() -> None:
    with pytest.raises(ConfigurationError, match="performance"):
        decide_retrains([], [], now=NOW, settings=RetrainingSettings(cool_down_hours={"drift": 1.0}))
    with pytest.raises(ConfigurationError, match="time zone"):
        decide([], [], now=NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="drfit"):
        MonitoringSettings.model_validate({"drfit": {}})


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["drift", "performance", "schedule", "code"]),
            st.sampled_from(["failed", "succeeded", "running"]),
            st.integers(0, 600),
        ),
        max_size=40,
    )
)
def test_never_two_of_a_cause_within_its_cool_down_and_nothing_is_lost(
    steps: list[tuple[str, RequestStatus, int]],
) -> None:
    table: dict[str, RetrainRequest] = {}
    now = NOW
    for kind, outcome, minutes in steps:
        now += timedelta(minutes=minutes)
        decision = decide(table.values(), [cause(kind=kind, at=now), cause(kind="drift", at=now)], now=now)
        table |= {r.request_id: r for r in decision.changed}
        assert sum(r.status in ("requested", "running", "failed") for r in table.values()) <= 1
        for request in decision.launch:
            table[request.request_id] = mark(request, outcome, now=now)
    for one in table.values():
        for other in table.values():
            if one is not other and one.cause == other.cause:
                apart = abs(one.requested_at_utc - other.requested_at_utc)
                assert apart >= timedelta(hours=SETTINGS.cool_down_hours[one.cause])
    for _ in range(2 * SETTINGS.maximum_attempts):
        now += timedelta(days=1)
        table |= {
            r.request_id: replace(r, status="failed") if r.status == "requested" else r
            for r in decide(table.values(), [], now=now).changed
        }
    assert all(r.status in ("succeeded", "abandoned") for r in table.values())
