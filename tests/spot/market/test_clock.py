"""The local clock: every period has its slot, and clock changes skip or double exactly one hour."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot.errors import ContractError
from spot.market.clock import (
    CLOCK_QUARTERS,
    by_quarter_hour,
    clock_quarters,
    clock_slots,
    local_time,
    period_clock,
    period_quarters,
    skipped_slots,
    slot_of,
    slots_of,
    weekdays,
)
from spot.market.delivery import RESOLUTIONS_MINUTES, delivery_day_of, delivery_starts_utc
from spot.market.zones import ALL_ZONES, BENCHMARK_ZONES, find_zone

any_zone = st.sampled_from(sorted(ALL_ZONES))
any_day = st.dates(min_value=date(2005, 1, 1), max_value=date(2035, 12, 31))
SPRING, AUTUMN = date(2025, 3, 30), date(2025, 10, 26)


@given(any_zone, any_day, st.sampled_from(RESOLUTIONS_MINUTES))
def test_a_slot_is_the_local_time_of_its_period(zone: str, day: date, minutes: int) -> None:
    time_zone = ZoneInfo(find_zone(zone).market_time_zone)
    starts = delivery_starts_utc(zone, day, minutes)
    local = [start.astimezone(time_zone) for start in starts]
    expected = [(clock.hour * 60 + clock.minute) // minutes for clock in local]
    assert clock_slots(zone, day, minutes).tolist() == expected
    assert slots_of(zone, starts, minutes).tolist() == expected
    frame = pl.DataFrame({"delivery_start_utc": pl.Series(starts, dtype=pl.Datetime("us", "UTC"))})
    assert frame.select(slot_of(zone, minutes)).to_series().to_list() == expected
    assert frame.select(local_time(zone).dt.hour()).to_series().to_list() == [clock.hour for clock in local]
    hours, quarters = period_clock(zone, day, len(starts), minutes)
    assert (hours * 4 + quarters).tolist() == [slot * minutes // 15 for slot in expected]


@given(any_zone, any_day)
def test_a_day_has_each_slot_once_but_for_one_hour(zone: str, day: date) -> None:
    counts = np.bincount(clock_quarters(zone, day), minlength=CLOCK_QUARTERS)
    odd = np.flatnonzero(counts != 1)
    assert len(odd) in ((0,) if zone in BENCHMARK_ZONES else (0, 4))
    if len(odd):
        assert len(np.unique(odd // 4)) == 1
        assert len(np.unique(counts[odd])) == 1
        assert counts[odd[0]] in (0, 2)
    assert skipped_slots(zone, day, 15).tolist() == np.flatnonzero(counts == 0).tolist()


@pytest.mark.parametrize(
    ("zone", "day", "hour"),
    [("DE_LU", SPRING, 2), ("GB", SPRING, 1), ("PJM_WESTERN_HUB", date(2025, 3, 9), 2)],
)
def test_the_hour_that_spring_skips(zone: str, day: date, hour: int) -> None:
    assert skipped_slots(zone, day, 60).tolist() == [hour]
    assert skipped_slots(zone, day, 30).tolist() == [2 * hour, 2 * hour + 1]
    assert not len(skipped_slots(zone, day + timedelta(days=1), 60))


def test_naive_local_days_of_24_hours_have_their_clock_on_any_day() -> None:
    hours, quarters = period_clock("DE_LU", SPRING, 48, 30)
    assert hours.tolist() == [hour for hour in range(24) for _ in range(2)]
    assert quarters.tolist() == [0, 2] * 24
    assert period_quarters("DE_LU", AUTUMN, 25, 60)[2:4].tolist() == [[8, 9, 10, 11]] * 2


def test_what_does_not_fit_the_day_is_refused() -> None:
    with pytest.raises(ContractError, match="the day has 23"):
        period_clock("DE_LU", SPRING, 25, 60)
    with pytest.raises(ContractError, match="resolution of 20 minutes"):
        clock_slots("DE_LU", SPRING, 20)


def test_weekdays_count_from_monday() -> None:
    days = np.arange("1969-12-01", "2030-01-01", dtype="datetime64[D]")
    assert weekdays(days).tolist() == [day.weekday() for day in days.astype(object)]


def test_the_clock_is_shared_and_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        clock_quarters("DE_LU", SPRING)[0] = 5


def test_rows_are_repeated_for_each_quarter_hour_they_cover() -> None:
    start = datetime(2025, 10, 26, 0, 0, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "delivery_start_utc": [start, start + timedelta(hours=1)],
            "resolution_minutes": [60, 15],
            "value": [1.0, 2.0],
        },
        schema_overrides={"delivery_start_utc": pl.Datetime("us", "UTC"), "resolution_minutes": pl.Int32},
    )
    quarters = by_quarter_hour(frame)
    assert quarters["value"].to_list() == [1.0] * 4 + [2.0]
    assert quarters["quarter_utc"].to_list() == [start + timedelta(minutes=15 * i) for i in range(5)]
    assert {delivery_day_of("DE_LU", quarter) for quarter in quarters["quarter_utc"]} == {AUTUMN}
    assert by_quarter_hour(frame.clear()).is_empty()
