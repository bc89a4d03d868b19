"""One calendar of holidays: named days of a zone's countries, read from the library in one place."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

import spot
from spot.market.delivery import days_between
from spot.market.holidays import day_kind, holiday_fraction, holidays_of, target_holidays
from spot.market.zones import ALL_ZONES

COUNTRIES = sorted({country for zone in ALL_ZONES.values() for country in zone.holiday_countries})


@pytest.mark.parametrize("country", COUNTRIES)
def test_no_calendar_lists_the_ordinary_sundays(country: str) -> None:
    for year in range(2010, 2031):
        sundays = [day for day in holidays_of(country, year) if day.weekday() == 6]
        assert len(sundays) <= 6, f"{country} {year}: the library lists every Sunday"


def test_named_sundays_are_holidays() -> None:
    easter, whit, ordinary = date(2025, 4, 20), date(2025, 6, 8), date(2025, 6, 15)
    assert holiday_fraction("SE_3", [easter, whit, ordinary]).tolist() == [1.0, 1.0, 0.0]
    assert holiday_fraction("DE_LU", [easter, date(2025, 4, 21)]).tolist() == [0.0, 1.0]


def test_the_fraction_counts_the_calendars_of_the_zone() -> None:
    swedish, midsummer, common = date(2015, 6, 6), date(2015, 6, 20), date(2015, 12, 25)
    assert holiday_fraction("EPF_NP", [swedish, midsummer, common]).tolist() == [0.25, 0.5, 1.0]


def test_the_kind_of_a_day() -> None:
    week = days_between(date(2025, 6, 2), date(2025, 6, 9))
    assert [day_kind("DE_LU", day) for day in week] == [0, 0, 0, 0, 0, 1, 2, 2]
    assert day_kind("FR", date(2025, 7, 14)) == 2
    assert day_kind("DE_LU", date(2025, 7, 14)) == 0


def test_target_days() -> None:
    assert date(2025, 5, 1) in target_holidays(2025)
    assert date(2025, 5, 1) + timedelta(days=1) not in target_holidays(2025)


def test_nothing_else_reads_the_library() -> None:
    root = Path(spot.__file__).parents[1]
    rooms = ("spot", "resources", "workflows", "trading_assets", "sensors", "desk", "benchmarks")
    readers = {
        path.relative_to(root).as_posix()
        for room in rooms
        for path in (root / room).rglob("*.py")
        if re.search(r"^\s*(import holidays|from holidays)", path.read_text(), flags=re.MULTILINE)
    }
    assert readers == {"spot/market/holidays.py"}
