"""Delivery arithmetic holds for every zone and day, clock changes included."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot.errors import ConfigurationError, ContractError
from spot.market.delivery import (
    FIRST_QUARTER_HOUR_DAY,
    RESOLUTIONS_MINUTES,
    day_ahead_mtu_minutes,
    day_bounds_utc,
    days_between,
    delivery_day_of,
    delivery_starts_utc,
    n_periods,
)
from spot.market.zones import ALL_ZONES, BENCHMARK_ZONES, ZONES

any_zone = st.sampled_from(sorted(ALL_ZONES))
any_day = st.dates(min_value=date(2005, 1, 1), max_value=date(2035, 12, 31))
any_instant = st.integers(min_value=1_100_000_000, max_value=2_050_000_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)


@given(any_zone, any_day, st.sampled_from(RESOLUTIONS_MINUTES))
def test_periods_tile_the_day_without_gap_or_overlap(zone: str, day: date, minutes: int) -> None:
    starts = delivery_starts_utc(zone, day, minutes)
    start, end = day_bounds_utc(zone, day)
    assert starts[0] == start
    assert starts[-1] + timedelta(minutes=minutes) == end
    assert all(later - earlier == timedelta(minutes=minutes) for earlier, later in itertools.pairwise(starts))
    assert len(starts) == n_periods(zone, day, minutes)
    assert all(instant.utcoffset() == timedelta(0) for instant in starts)


@given(any_zone, any_day)
def test_days_follow_each_other_and_last_23_24_or_25_hours(zone: str, day: date) -> None:
    start, end = day_bounds_utc(zone, day)
    assert end == day_bounds_utc(zone, day + timedelta(days=1))[0]
    assert end - start in {
        timedelta(hours=hours) for hours in ((24,) if zone in BENCHMARK_ZONES else (23, 24, 25))
    }


@given(any_zone, any_instant)
def test_an_instant_lies_in_the_day_that_contains_it(zone: str, instant: datetime) -> None:
    start, end = day_bounds_utc(zone, delivery_day_of(zone, instant))
    assert start <= instant < end


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("DE_LU", date(2025, 3, 30), 23),
        ("DE_LU", date(2024, 10, 27), 25),
        ("DE_LU", date(2025, 10, 26), 100),
        ("DE_LU", date(2026, 3, 29), 92),
        ("DE_LU", date(2025, 9, 30), 24),
        ("DE_LU", date(2025, 10, 1), 96),
        ("CH", date(2025, 10, 26), 25),
        ("GB", date(2025, 3, 30), 46),
        ("GB", date(2025, 10, 26), 50),
        ("GB", date(2025, 6, 1), 48),
        ("EPF_NP", date(2018, 3, 25), 24),
        ("EPF_PJM", date(2018, 11, 4), 24),
    ],
)
def test_known_numbers_of_periods(zone: str, day: date, expected: int) -> None:
    assert n_periods(zone, day) == expected


def test_portugal_counts_central_european_days() -> None:
    assert day_bounds_utc("PT", date(2025, 1, 15))[0] == datetime(2025, 1, 14, 23, tzinfo=UTC)


@given(st.sampled_from(sorted(zone.name for zone in ZONES.values() if zone.is_coupled)), any_day)
def test_coupled_zones_switch_to_quarter_hours_on_one_day(zone: str, day: date) -> None:
    assert day_ahead_mtu_minutes(zone, day) == (15 if day >= FIRST_QUARTER_HOUR_DAY else 60)


def test_wrong_questions_are_refused() -> None:
    with pytest.raises(ContractError, match="5 minutes"):
        n_periods("DE_LU", date(2025, 1, 1), 5)
    with pytest.raises(ContractError, match="no time zone"):
        delivery_day_of("DE_LU", datetime(2025, 1, 1))  # noqa: DTZ001 - naive on purpose
    with pytest.raises(ConfigurationError, match="unknown bidding zone 'ATLANTIS'"):
        day_bounds_utc("ATLANTIS", date(2025, 1, 1))


@given(any_day, st.integers(min_value=-5, max_value=400))
def test_days_between_counts_both_ends(first_day: date, n_more: int) -> None:
    days = days_between(first_day, first_day + timedelta(days=n_more))
    assert len(days) == max(n_more + 1, 0)
    assert list(days) == sorted(set(days))
