"""The profile of each simulated zone: size, plant mix and weather.

The figures are round numbers in the shape of the real zones, chosen by hand. They are not a model of the
zones.

Capacities are shares of the zone's mean load, so a zone stays in balance when its size is changed.
"""

from dataclasses import dataclass

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


Pair = tuple[float, float]
Triple = tuple[float, float, float]


def _profile(
    region: str,
    place: Pair,
    load: Triple,
    green: Triple,
    mix: tuple[float, ...],
    flexible: Pair,
    balance: Pair,
) -> ZoneProfile:
    return ZoneProfile(
        region=region, latitude=place[0], longitude=place[1],
        mean_load_mw=load[0], heating=load[1], cooling=load[2],
        wind_onshore=green[0], wind_offshore=green[1], solar=green[2], mix=mix,
        storage=flexible[0], interconnection=flexible[1], inflexible=balance[0], dispatchable=balance[1],
    )  # fmt: skip


# region, (latitude, longitude), (mean load MW, heating, cooling), (wind onshore, offshore, solar),
# (nuclear, lignite, hydro, coal, gas, peaker), (storage, interconnection), (inflexible, dispatchable)
PROFILES: dict[str, ZoneProfile] = {
    "AT": _profile(
        "alps",
        (47.6, 14.1),
        (7_200, 0.08, 0.03),
        (0.55, 0.0, 0.95),
        (0, 0, 55, 0, 37, 8),
        (0.4, 0.45),
        (0.50, 0.45),
    ),
    "BE": _profile(
        "west",
        (50.6, 4.6),
        (9_200, 0.08, 0.02),
        (0.35, 0.25, 1.00),
        (12, 0, 14, 0, 62, 12),
        (0.14, 0.45),
        (0.48, 0.46),
    ),
    "CH": _profile(
        "alps",
        (46.8, 8.2),
        (7_100, 0.10, 0.02),
        (0.01, 0.0, 0.90),
        (12, 0, 68, 0, 12, 8),
        (0.45, 0.5),
        (0.66, 0.41),
    ),
    "CZ": _profile(
        "east",
        (49.8, 15.5),
        (7_300, 0.08, 0.03),
        (0.05, 0.0, 0.60),
        (16, 40, 12, 10, 15, 7),
        (0.15, 0.25),
        (0.74, 0.34),
    ),
    "DE_LU": _profile(
        "west",
        (51.2, 10.0),
        (55_000, 0.06, 0.02),
        (1.12, 0.17, 1.65),
        (0, 22, 16, 16, 36, 10),
        (0.18, 0.24),
        (0.04, 0.84),
    ),
    "DK_1": _profile(
        "north",
        (56.0, 9.0),
        (2_500, 0.06, 0.0),
        (1.75, 0.75, 1.30),
        (0, 0, 30, 35, 25, 10),
        (0.1, 0.8),
        (-0.38, 1.02),
    ),
    "DK_2": _profile(
        "north",
        (55.5, 12.0),
        (1_600, 0.06, 0.0),
        (0.50, 0.60, 0.90),
        (0, 0, 40, 20, 28, 12),
        (0.1, 0.7),
        (0.27, 0.58),
    ),
    "ES": _profile(
        "iberia",
        (40.0, -3.7),
        (27_000, 0.04, 0.07),
        (1.15, 0.0, 1.40),
        (10, 0, 30, 0, 52, 8),
        (0.2, 0.12),
        (0.13, 0.78),
    ),
    "FI": _profile(
        "north",
        (62.0, 26.0),
        (9_500, 0.12, 0.0),
        (0.85, 0.01, 0.15),
        (18, 0, 46, 8, 16, 12),
        (0.05, 0.35),
        (0.59, 0.50),
    ),
    "FR": _profile(
        "west",
        (46.8, 2.4),
        (50_000, 0.14, 0.03),
        (0.46, 0.03, 0.50),
        (30, 0, 28, 4, 30, 8),
        (0.1, 0.2),
        (0.60, 0.44),
    ),
    "GB": _profile(
        "west",
        (52.5, -1.5),
        (31_000, 0.08, 0.01),
        (0.48, 0.48, 0.55),
        (8, 0, 14, 0, 66, 12),
        (0.12, 0.25),
        (0.32, 0.59),
    ),
    "HU": _profile(
        "east",
        (47.2, 19.4),
        (5_100, 0.07, 0.05),
        (0.06, 0.0, 1.40),
        (12, 12, 12, 0, 54, 10),
        (0.06, 0.5),
        (0.45, 0.57),
    ),
    "IT_NORD": _profile(
        "alps",
        (45.4, 10.0),
        (18_500, 0.04, 0.08),
        (0.01, 0.0, 0.75),
        (0, 0, 28, 4, 58, 10),
        (0.2, 0.3),
        (0.68, 0.39),
    ),
    "NL": _profile(
        "west",
        (52.2, 5.3),
        (13_000, 0.06, 0.02),
        (0.52, 0.36, 2.00),
        (2, 0, 11, 18, 58, 11),
        (0.1, 0.45),
        (0.06, 0.79),
    ),
    "NO_2": _profile(
        "north",
        (58.8, 7.5),
        (4_200, 0.13, 0.0),
        (0.35, 0.0, 0.03),
        (0, 0, 92, 0, 3, 5),
        (0.2, 0.8),
        (0.76, 0.39),
    ),
    "PL": _profile(
        "east",
        (52.0, 19.2),
        (19_500, 0.06, 0.03),
        (0.52, 0.0, 1.05),
        (0, 20, 10, 45, 18, 7),
        (0.08, 0.16),
        (0.44, 0.57),
    ),
    "PT": _profile(
        "iberia",
        (39.6, -8.2),
        (5_700, 0.05, 0.04),
        (1.00, 0.01, 1.05),
        (0, 0, 48, 0, 44, 8),
        (0.5, 0.4),
        (0.33, 0.52),
    ),
    "SE_1": _profile(
        "north",
        (66.0, 21.0),
        (1_100, 0.12, 0.0),
        (1.3, 0.0, 0.02),
        (0, 0, 92, 0, 3, 5),
        (0.1, 0.9),
        (0.43, 0.59),
    ),
    "SE_2": _profile(
        "north",
        (63.0, 16.0),
        (1_800, 0.12, 0.0),
        (2.2, 0.0, 0.05),
        (0, 0, 92, 0, 3, 5),
        (0.1, 1.2),
        (0.01, 0.88),
    ),
    "SE_3": _profile(
        "north",
        (59.3, 16.5),
        (9_600, 0.12, 0.0),
        (0.45, 0.0, 0.30),
        (20, 0, 60, 0, 12, 8),
        (0.05, 0.45),
        (0.71, 0.40),
    ),
    "SE_4": _profile(
        "north",
        (56.2, 13.8),
        (2_700, 0.12, 0.0),
        (0.75, 0.02, 0.65),
        (0, 0, 60, 0, 22, 18),
        (0.08, 0.9),
        (0.53, 0.48),
    ),
    "SI": _profile(
        "alps",
        (46.1, 14.9),
        (1_500, 0.07, 0.03),
        (0.01, 0.0, 0.80),
        (10, 28, 34, 0, 20, 8),
        (0.12, 0.6),
        (0.70, 0.36),
    ),
    "SK": _profile(
        "east",
        (48.7, 19.5),
        (3_100, 0.07, 0.03),
        (0.01, 0.0, 0.35),
        (18, 0, 36, 6, 32, 8),
        (0.25, 0.4),
        (0.81, 0.29),
    ),
}


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
