"""Zone codes are valid and zones name each other consistently."""

from zoneinfo import ZoneInfo

import pytest

from spot.errors import ConfigurationError
from spot.market.holidays import holidays_of
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
        assert holidays_of(country, 2025)


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
    assert str(refused.value).endswith("names stand in spot/market/zones.py")
    assert len(str(refused.value)) < 200, "a person reads one line, not every name there is"
