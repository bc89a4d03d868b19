"""The profile of each simulated zone: size, plant mix and weather.

The table is data: `profiles.csv` has a row for each zone. The figures are round numbers in the shape of the
real zones, chosen by hand. They are not a model of the zones.

Capacities are shares of the zone's mean load, so a zone stays in balance when its size is changed.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

from spot.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneProfile:
    """What distinguishes one zone from another. Shares are capacity divided by mean load."""

    region: str
    """Weather is shared within a region."""
    latitude: float
    longitude: float
    mean_load_mw: float
    heating: float
    """Relative rise of load per 10 K below 15 degrees."""
    cooling: float
    """Relative rise of load per 10 K above 22 degrees."""
    wind_onshore: float
    wind_offshore: float
    solar: float
    mix: tuple[float, ...]
    """Nuclear, lignite, hydro and biomass, coal, gas, peakers: parts of the dispatchable plants, per cent."""
    storage: float
    interconnection: float
    inflexible: float
    """Generation that runs at any price. Below it, prices are negative. Set so that 1 to 6 % of hours are
    negative.
    """
    dispatchable: float
    """Plants that follow the price. Beyond them, power is scarce. Set so that about 0.2 % of hours are
    scarce.
    """

    @property
    def typical_residual(self) -> float:
        """Load less wind and solar of an average hour. A zone imports above it and exports below it."""
        return 1.0 - 0.27 * self.wind_onshore - 0.40 * self.wind_offshore - 0.12 * self.solar


def _from_row(row: Mapping[str, str]) -> ZoneProfile:
    """A profile of `profiles.csv`: its columns are the fields above, `mix` has a number for each plant."""
    region, mix = row["region"], tuple(float(share) for share in row["mix"].split())
    numbers = {name: float(text) for name, text in row.items() if name not in ("zone", "region", "mix")}
    return ZoneProfile(region=region, mix=mix, **numbers)


def _listed() -> Iterator[tuple[str, ZoneProfile]]:
    text = files(__package__).joinpath("profiles.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        yield row["zone"], _from_row(row)


PROFILES: dict[str, ZoneProfile] = dict(_listed())


def find_profile(zone: str) -> ZoneProfile:
    """The profile of a bidding zone.

    Raises:
        ConfigurationError: the zone has no simulated market.
    """
    try:
        return PROFILES[zone]
    except KeyError:
        raise ConfigurationError(
            f"no simulated market for zone {zone!r}: known are {', '.join(sorted(PROFILES))}"
        ) from None
