"""Zones that stand in no list of this project, described in `own_zones` of a desk's `zones.yaml`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from pydantic import Field, ValidationError, field_validator

from resources.settings.yaml_file import read_yaml
from spot.contracts.live_tables import CURRENCIES
from spot.errors import ConfigurationError
from spot.market.holidays import has_calendar
from spot.market.zones import CENTRAL_EUROPE, BiddingZone, describe_zone
from spot.strict_settings import StrictSettings
from spot.wrong_settings import WrongSetting, WrongSettingsError, find_wrong, nearest

OWN_ZONES = "own_zones"


class OwnZone(StrictSettings):
    """One zone of the desk's own description."""

    countries: tuple[str, ...] = Field(min_length=1)
    """ISO codes of the countries whose public holidays count, for example [CY]."""
    time_zone: str = CENTRAL_EUROPE
    """The time zone in which its delivery days are counted."""
    currency: str = "EUR"
    """Currency of its day-ahead auction, as ISO 4217 names it."""
    is_coupled: bool = False
    """Whether it takes part in the coupled European auction: gate at 12:00, quarter hours since 2025-10-01.
    Otherwise the gate is taken as 09:00 local time of the day before, and the auction as hourly.
    """
    eic: str = Field(default="", pattern=r"^([0-9A-Z-]{16})?$")
    """Its code at ENTSO-E, where that source is to be asked."""

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is no time zone such as Europe/Athens")
        return value

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        if value not in ("EUR", *CURRENCIES):
            raise ValueError(f"{value!r} has no reference rate, {nearest(value, ('EUR', *CURRENCIES))}")
        return value

    @field_validator("countries")
    @classmethod
    def _known_countries(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for country in value:
            if not has_calendar(country):
                raise ValueError(f"{country!r} is no ISO code of a country whose holidays are known")
        return value

    def zone(self, name: str) -> BiddingZone:
        """The zone as the market knows it."""
        return BiddingZone(
            name=name,
            eic=self.eic,
            market_time_zone=self.time_zone,
            currency=self.currency,
            holiday_countries=self.countries,
            is_coupled=self.is_coupled,
            source="own_zones of zones.yaml",
        )


def describe_own_zones(document: Mapping[str, Any]) -> list[WrongSetting]:
    """Make the zones of `own_zones` known to this process; what is wrong with them.

    Called before the zones of the desk are checked, because those may be among them.
    """
    found = document.get(OWN_ZONES) or {}
    if not isinstance(found, Mapping):
        return [WrongSetting((OWN_ZONES,), "expected a mapping (name: value)")]
    wrong: list[WrongSetting] = []
    for name, own in found.items():
        place = (OWN_ZONES, str(name))
        try:
            describe_zone(OwnZone.model_validate(own or {}).zone(str(name)))
        except ValidationError as error:
            wrong += find_wrong(error, OwnZone, place)
        except ConfigurationError as error:
            wrong.append(WrongSetting(place, str(error)))
    return wrong


def know_own_zones(zones_file: Path) -> None:
    """The same for the file of a desk; nothing where there is no file, or none are described.

    Raises:
        WrongSettingsError: a description is wrong; the message names the line.
        ConfigurationError: the file cannot be read.
    """
    if not zones_file.is_file() or OWN_ZONES.encode() not in zones_file.read_bytes():
        return
    file = read_yaml(zones_file)
    with file.naming_lines():
        if wrong := describe_own_zones(file.content):
            raise WrongSettingsError(str(zones_file), wrong)
