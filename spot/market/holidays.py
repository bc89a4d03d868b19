"""The one door to public holidays: the calendars of a zone's countries, and the kind of a day.

Source: the open `holidays` package, by ISO country code. A Sunday is a holiday only where it has a name, such
as Easter Sunday or Whit Sunday. The weekday already says that a Sunday is a day of rest.
"""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Final

import holidays
import numpy as np

from spot.arrays import Floats
from spot.market.zones import find_zone

WORKING_DAY: Final = 0
SATURDAY: Final = 1
SUNDAY_OR_HOLIDAY: Final = 2
"""Codes of the kinds of day, in the order of falling demand."""


@lru_cache(maxsize=4096)
def holidays_of(country: str, year: int) -> frozenset[date]:
    """Public holidays of a country, by its ISO code, in a year."""
    return frozenset(holidays.country_holidays(country, years=year))


def has_calendar(country: str) -> bool:
    """Whether the holidays of the country with this ISO code are known."""
    return country in holidays.list_supported_countries()


@lru_cache(maxsize=256)
def target_holidays(year: int) -> frozenset[date]:
    """Days of a year without reference rates of the ECB: the holidays of the TARGET system."""
    return frozenset(holidays.financial_holidays("ECB", years=year))


def holiday_fraction(zone: str, days: Sequence[date]) -> Floats:
    """(D,) share of the zone's holiday calendars on which each day is a public holiday, 0 to 1.

    0 where the zone names no calendar.
    """
    countries = find_zone(zone).holiday_countries
    if not countries:
        return np.zeros(len(days))
    return np.array(
        [
            sum(day in holidays_of(country, day.year) for country in countries) / len(countries)
            for day in days
        ],
        dtype=np.float64,
    )


@lru_cache(maxsize=65536)
def day_kind(zone: str, day: date) -> int:
    """`WORKING_DAY`, `SATURDAY` or `SUNDAY_OR_HOLIDAY`; a holiday of any country of the zone counts."""
    countries = find_zone(zone).holiday_countries
    if day.weekday() == 6 or any(day in holidays_of(country, day.year) for country in countries):
        return SUNDAY_OR_HOLIDAY
    return SATURDAY if day.weekday() == 5 else WORKING_DAY
