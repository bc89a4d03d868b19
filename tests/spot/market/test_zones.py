"""Zone codes are valid and zones name each other consistently."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from spot.errors import ConfigurationError
from spot.market.delivery import day_ahead_mtu_minutes, day_bounds_utc, n_periods
from spot.market.gates import gate_closure_utc
from spot.market.holidays import holidays_of
from spot.market.price_limits import local_price_limits
from spot.market.zones import ALL_ZONES, BENCHMARK_ZONES, ZONES, BiddingZone, find_zone

_EIC_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-"


def eic_check_character(code: str) -> str:
    """Check character of the first 15 characters.

    ENTSO-E, "Energy Identification Codes, reference manual", annex on the check character.
    """
    total = sum(_EIC_ALPHABET.index(character) * (16 - place) for place, character in enumerate(code[:15]))
    return _EIC_ALPHABET[36 - (total - 1) % 37]


@pytest.mark.parametrize("zone", ZONES.values(), ids=lambda zone: zone.name)
def test_eic_has_its_check_character(zone: BiddingZone) -> None:
    assert len(zone.eic) == 16
    assert zone.eic[15] == eic_check_character(zone.eic)


def test_the_check_sees_a_wrong_letter() -> None:
    assert eic_check_character("10YCZ-CEPS-----N") == "N"
    assert eic_check_character("10YCZ-CEPX-----N") != "N"


def test_eic_codes_are_unique() -> None:
    assert len({zone.eic for zone in ZONES.values()}) == len(ZONES)


@pytest.mark.parametrize("zone", ALL_ZONES.values(), ids=lambda zone: zone.name)
def test_time_zone_and_holiday_calendars_exist(zone: BiddingZone) -> None:
    ZoneInfo(zone.market_time_zone)
    assert zone.holiday_countries
    for country in zone.holiday_countries:
        assert holidays_of(country, 2021)  # Ukraine has suspended its holidays since


@pytest.mark.parametrize("zone", ZONES.values(), ids=lambda zone: zone.name)
def test_neighbours_are_zones_and_name_each_other(zone: BiddingZone) -> None:
    for name in zone.neighbours:
        assert zone.name in find_zone(name).neighbours


def test_benchmark_markets_are_no_bidding_zones() -> None:
    assert not set(BENCHMARK_ZONES) & set(ZONES)
    assert all(zone.is_benchmark and not zone.is_coupled for zone in BENCHMARK_ZONES.values())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("de-lu", "did you mean DE_LU? "),
        ("PJM", "did you mean PJM_WESTERN_HUB or "),
        ("ATLANTIS", ""),
        ("", ""),
    ],
)
def test_an_unknown_zone_is_refused_with_those_like_it(name: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        find_zone(name)
    assert str(refused.value).startswith(f"unknown bidding zone {name!r}: {hint}")
    assert "names stand in spot/market/zones.csv; own_zones in zones.yaml" in str(refused.value)
    assert len(str(refused.value)) < 200, "a person reads one line, not every name there is"


# fmt: off
MARKET = [
    "AT", "BE", "BG", "CH", "CZ", "DE_LU", "DK_1", "DK_2", "EE", "ES", "FI", "FR", "GB", "GR", "HR",
    "HU", "IE_SEM", "IT_CALA", "IT_CNOR", "IT_CSUD", "IT_NORD", "IT_SARD", "IT_SICI", "IT_SUD", "LT",
    "LV", "NL", "NO_1", "NO_2", "NO_3", "NO_4", "NO_5", "PL", "PT", "RO", "SE_1", "SE_2", "SE_3",
    "SE_4", "SI", "SK", "AL", "BA", "MD", "ME", "MK", "RS", "UA", "XK",
]
# fmt: on


@pytest.mark.parametrize("name", MARKET)
def test_every_zone_of_the_market_has_its_day_gate_unit_limits_and_currency(name: str) -> None:
    zone, day = find_zone(name), date(2026, 2, 3)
    assert zone.source
    minutes = 15 if zone.is_coupled else 30 if name == "GB" else 60
    assert day_ahead_mtu_minutes(name, day) == minutes
    assert n_periods(name, day) == 24 * 60 // minutes
    gate = gate_closure_utc(name, day)
    assert day_bounds_utc(name, day)[0] - timedelta(hours=18) < gate < day_bounds_utc(name, day)[0]
    assert local_price_limits(name, day).minimum < 0.0
    assert zone.currency in ("EUR", "GBP", "UAH", "MDL")


def test_a_zone_that_was_split_has_a_last_day() -> None:
    old = find_zone("DE_AT_LU")
    assert old.last_day == date(2018, 9, 30)
    assert gate_closure_utc("DE_AT_LU", date(2018, 9, 30)).date() == date(2018, 9, 29)
    with pytest.raises(ConfigurationError, match="ended with delivery on 2018-09-30: split"):
        gate_closure_utc("DE_AT_LU", date(2018, 10, 1))


@pytest.mark.parametrize(
    ("name", "first", "last", "coupled"),
    [
        ("DE_AT_LU", None, date(2018, 9, 30), (date(2014, 2, 4), date(2018, 9, 30))),
        ("DE_LU", date(2018, 10, 1), None, (date(2018, 10, 1), None)),
        ("AT", date(2018, 10, 1), None, (date(2018, 10, 1), None)),
        ("IT_ROSN", None, date(2020, 12, 31), (date(2015, 2, 24), date(2020, 12, 31))),
        ("IT_CALA", date(2021, 1, 1), None, (date(2021, 1, 1), None)),
        ("GB", None, None, (date(2014, 2, 4), date(2020, 12, 31))),
        ("IE_SEM", date(2018, 10, 1), None, (date(2018, 10, 1), date(2020, 12, 31))),
        ("CH", None, None, (None, None)),
    ],
)
def test_the_life_of_a_zone_is_dated(
    name: str, first: date | None, last: date | None, coupled: tuple[date | None, date | None]
) -> None:
    zone = find_zone(name)
    assert (zone.first_day, zone.last_day, (zone.coupled_from, zone.coupled_to)) == (first, last, coupled)


def test_only_zones_that_left_or_never_joined_are_outside() -> None:
    outside = {name for name, zone in ZONES.items() if not zone.is_coupled}
    assert outside == {"CH", "GB", "IE_SEM", "AL", "BA", "MD", "ME", "MK", "RS", "UA", "XK"}
