"""The personality of each simulated zone: size, plant mix and weather. Round figures in the shape of the real zones, not a model of them.

Capacities are shares of the zone's mean load, so that a zone stays in balance when its size is changed.
"""

from dataclasses import dataclass

from spot.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneProfile:
    """What makes one zone differ from another. Shares are capacity divided by mean load."""

    mean_load_mw: float
    heating: float
    """Relative rise of load per 10 K below 15 degrees."""
    cooling: float
    """Relative rise of load per 10 K above 22 degrees."""
    wind_onshore: float
    wind_offshore: float
    solar: float
    nuclear: float
    lignite: float
    hydro: float
    """Run of river, reservoirs and biomass."""
    coal: float
    gas: float
    peaker: float
    storage: float
    interconnection: float
    latitude: float
    longitude: float
    region: str
    """Weather is shared within a region."""


def _profile(
    region: str, place: tuple[float, float], load: tuple[float, float, float], green: tuple[float, ...], plants: tuple[float, ...]
) -> ZoneProfile:
    return ZoneProfile(
        region=region, latitude=place[0], longitude=place[1],
        mean_load_mw=load[0], heating=load[1], cooling=load[2],
        wind_onshore=green[0], wind_offshore=green[1], solar=green[2],
        nuclear=plants[0], lignite=plants[1], hydro=plants[2], coal=plants[3], gas=plants[4], peaker=plants[5],
        storage=plants[6], interconnection=plants[7],
    )  # fmt: skip


# region, (latitude, longitude), (mean load MW, heating, cooling), (wind onshore, offshore, solar),
# (nuclear, lignite, hydro, coal, gas, peaker, storage, interconnection)
PROFILES: dict[str, ZoneProfile] = {
    "AT": _profile("alps", (47.6, 14.1), (7_200, 0.08, 0.03), (0.55, 0.0, 0.95), (0.0, 0.0, 0.85, 0.0, 0.50, 0.10, 0.40, 0.45)),
    "BE": _profile("west", (50.6, 4.6), (9_200, 0.08, 0.02), (0.35, 0.25, 1.00), (0.42, 0.0, 0.10, 0.0, 0.62, 0.14, 0.14, 0.45)),
    "CH": _profile("alps", (46.8, 8.2), (7_100, 0.10, 0.02), (0.01, 0.0, 0.90), (0.42, 0.0, 0.90, 0.0, 0.05, 0.08, 0.45, 0.50)),
    "CZ": _profile("east", (49.8, 15.5), (7_300, 0.08, 0.03), (0.05, 0.0, 0.60), (0.55, 0.70, 0.15, 0.10, 0.15, 0.08, 0.15, 0.25)),
    "DE_LU": _profile("west", (51.2, 10.0), (55_000, 0.06, 0.02), (1.12, 0.17, 1.65), (0.0, 0.26, 0.22, 0.22, 0.42, 0.14, 0.18, 0.24)),
    "DK_1": _profile("north", (56.0, 9.0), (2_500, 0.06, 0.0), (1.75, 0.75, 1.30), (0.0, 0.0, 0.30, 0.40, 0.25, 0.12, 0.10, 0.80)),
    "DK_2": _profile("north", (55.5, 12.0), (1_600, 0.06, 0.0), (0.50, 0.60, 0.90), (0.0, 0.0, 0.50, 0.20, 0.25, 0.12, 0.10, 0.70)),
    "ES": _profile("iberia", (40.0, -3.7), (27_000, 0.04, 0.07), (1.15, 0.0, 1.40), (0.26, 0.0, 0.45, 0.03, 0.85, 0.10, 0.20, 0.12)),
    "FI": _profile("north", (62.0, 26.0), (9_500, 0.12, 0.0), (0.85, 0.01, 0.15), (0.45, 0.0, 0.50, 0.05, 0.12, 0.12, 0.05, 0.35)),
    "FR": _profile("west", (46.8, 2.4), (50_000, 0.14, 0.03), (0.46, 0.03, 0.50), (1.12, 0.0, 0.34, 0.03, 0.24, 0.12, 0.10, 0.20)),
    "GB": _profile("west", (52.5, -1.5), (31_000, 0.08, 0.01), (0.48, 0.48, 0.55), (0.17, 0.0, 0.18, 0.0, 0.85, 0.15, 0.12, 0.25)),
    "HU": _profile("east", (47.2, 19.4), (5_100, 0.07, 0.05), (0.06, 0.0, 1.40), (0.36, 0.14, 0.10, 0.0, 0.55, 0.10, 0.06, 0.50)),
    "IT_NORD": _profile("alps", (45.4, 10.0), (18_500, 0.04, 0.08), (0.01, 0.0, 0.75), (0.0, 0.0, 0.42, 0.04, 0.95, 0.12, 0.20, 0.30)),
    "NL": _profile("west", (52.2, 5.3), (13_000, 0.06, 0.02), (0.52, 0.36, 2.00), (0.04, 0.0, 0.12, 0.28, 0.85, 0.14, 0.10, 0.45)),
    "NO_2": _profile("north", (58.8, 7.5), (4_200, 0.13, 0.0), (0.35, 0.0, 0.03), (0.0, 0.0, 1.70, 0.0, 0.03, 0.05, 0.20, 0.80)),
    "PL": _profile("east", (52.0, 19.2), (19_500, 0.06, 0.03), (0.52, 0.0, 1.05), (0.0, 0.36, 0.10, 0.70, 0.20, 0.08, 0.08, 0.16)),
    "PT": _profile("iberia", (39.6, -8.2), (5_700, 0.05, 0.04), (1.00, 0.01, 1.05), (0.0, 0.0, 0.62, 0.0, 0.72, 0.08, 0.50, 0.40)),
    "SE_4": _profile("north", (56.2, 13.8), (2_700, 0.12, 0.0), (0.75, 0.02, 0.65), (0.0, 0.0, 0.45, 0.0, 0.15, 0.25, 0.08, 0.90)),
    "SI": _profile("alps", (46.1, 14.9), (1_500, 0.07, 0.03), (0.01, 0.0, 0.80), (0.23, 0.35, 0.55, 0.0, 0.22, 0.12, 0.12, 0.60)),
    "SK": _profile("east", (48.7, 19.5), (3_100, 0.07, 0.03), (0.01, 0.0, 0.35), (0.75, 0.0, 0.35, 0.05, 0.28, 0.10, 0.25, 0.40)),
}


def find_profile(zone: str) -> ZoneProfile:
    """The profile of a bidding zone.

    Raises:
        ConfigurationError: the zone has no simulated market.
    """
    try:
        return PROFILES[zone]
    except KeyError:
        raise ConfigurationError(f"no simulated market for zone {zone!r}: known are {', '.join(sorted(PROFILES))}") from None
