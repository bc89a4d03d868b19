"""Each schedule asks for the right day, on clock-change days too."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from dagster import RunRequest, build_schedule_context

from resources.settings.zones import DeskSettings, ZoneSettings
from sensors.schedules import gate_time, results_time, schedules_of
from spot.market.gates import gate_closure_utc

SCHEDULES = {
    made.name: made
    for made in schedules_of(
        DeskSettings(
            zones={"FR": ZoneSettings(), "GB": ZoneSettings(), "SK": ZoneSettings(is_scheduled=False)}
        )
    )
}
BRUSSELS = ZoneInfo("Europe/Brussels")


def run_request(name: str, at: datetime) -> RunRequest:
    with build_schedule_context(scheduled_execution_time=at) as context:
        request = SCHEDULES[name](context)
    assert isinstance(request, RunRequest)
    return request


def test_only_zones_that_are_looked_after_have_schedules() -> None:
    assert {name.split("_")[-1] for name in SCHEDULES} == {"FR", "GB"}
    assert len(SCHEDULES) == 6


@pytest.mark.parametrize(
    ("local", "day"),
    [
        ("2025-03-29T11:15", "2025-03-30"),
        ("2025-03-30T11:15", "2025-03-31"),
        ("2025-10-25T11:15", "2025-10-26"),
        ("2025-12-31T11:15", "2026-01-01"),
    ],
)
def test_the_gate_run_is_for_tomorrow_and_before_its_gate(local: str, day: str) -> None:
    at = datetime.fromisoformat(local).replace(tzinfo=BRUSSELS)
    request = run_request("before_day_ahead_gate_FR", at)
    assert request.partition_key == f"{day}|FR"
    gate = gate_closure_utc("FR", datetime.fromisoformat(day).date())
    assert (gate - at.astimezone(UTC)).total_seconds() == 45 * 60


def test_hours_follow_each_zones_own_gate() -> None:
    assert str(gate_time("FR", 45)) == "11:15:00"
    assert str(gate_time("GB", 45)) == "09:05:00"
    assert SCHEDULES["before_day_ahead_gate_GB"].execution_timezone == "Europe/London"


def test_results_are_looked_for_when_the_market_publishes_them() -> None:
    assert str(results_time("FR")) == "13:15:00"
    assert str(results_time("PJM_WESTERN_HUB")) == "13:45:00"
    hub = schedules_of(DeskSettings(zones={"ERCOT_NORTH_HUB": ZoneSettings()}))
    assert {made.execution_timezone for made in hub} == {"America/Chicago"}
    assert next(made for made in hub if made.name.startswith("before")).cron_schedule == "15 9 * * *"


def test_delivered_days_are_judged_with_the_fortnight_before_them() -> None:
    request = run_request("after_delivery_FR", datetime(2025, 3, 31, 14, 30, tzinfo=BRUSSELS))
    assert request.partition_key == "2025-03-30|FR"
    assert request.tags["spotdesk/first_day"] == "2025-03-17"
    assert (
        run_request(
            "after_day_ahead_results_FR", datetime(2025, 3, 30, 13, 15, tzinfo=BRUSSELS)
        ).partition_key
        == "2025-03-31|FR"
    )
