"""Bidding zones: code, market time zone, currency, holidays and neighbours.

Codes: ENTSO-E, "Energy Identification Codes (EIC), approved Y codes" (public list). The market time zone is
the one in which a *delivery day* is counted: the single day-ahead coupling counts Central European days
everywhere, so PT and FI are not in local time.

The five markets of the open-access benchmark (Lago et al., Applied Energy 293, 2021) stand beside them under
names that start with `EPF_`. Their published days are naive local days of exactly 24 hours, so each counts
its days at a fixed offset without clock changes. They are for comparison with the literature and are never
traded: `is_benchmark`.

The trading hubs of two US markets count local days of 23, 24 or 25 hours in the operator's prevailing time
(PJM Manual 11; ERCOT Nodal Protocols, section 4). They have no EIC; `operator` names whose auction and rules
hold, `node` the operator's own name or number of the hub.
"""

from dataclasses import dataclass
from difflib import get_close_matches

from spot.errors import ConfigurationError

CENTRAL_EUROPE = "Europe/Brussels"


@dataclass(frozen=True, slots=True, kw_only=True)
class BiddingZone:
    """A zone in which one price holds."""

    name: str
    eic: str
    market_time_zone: str = CENTRAL_EUROPE
    currency: str = "EUR"
    holiday_countries: tuple[str, ...]
    neighbours: tuple[str, ...] = ()
    is_coupled: bool = True
    """Takes part in the single day-ahead coupling (SDAC)."""
    is_benchmark: bool = False
    """A market of the open-access benchmark: days of 24 hours at a fixed offset, inputs known at the gate by
    its protocol.
    """
    operator: str = ""
    """PJM or ERCOT for a hub of theirs, empty elsewhere."""
    node: str = ""
    """What the operator calls the hub: the pnode of PJM, the settlement point of ERCOT."""


def _zone(name: str, eic: str, countries: str, neighbours: str, **other: object) -> BiddingZone:
    return BiddingZone(
        name=name,
        eic=eic,
        holiday_countries=tuple(countries.split()),
        neighbours=tuple(neighbours.split()),
        **other,  # type: ignore[arg-type]
    )


def _benchmark(name: str, countries: str, time_zone: str = "Etc/GMT-1", currency: str = "EUR") -> BiddingZone:
    return _zone(
        name,
        "",
        countries,
        "",
        market_time_zone=time_zone,
        currency=currency,
        is_coupled=False,
        is_benchmark=True,
    )


ZONES: dict[str, BiddingZone] = {
    zone.name: zone
    for zone in (
        _zone("AT", "10YAT-APG------L", "AT", "DE_LU CZ HU SI CH IT_NORD"),
        _zone("BE", "10YBE----------2", "BE", "FR NL DE_LU GB"),
        _zone("CH", "10YCH-SWISSGRIDZ", "CH", "DE_LU FR AT IT_NORD", currency="EUR", is_coupled=False),
        _zone("CZ", "10YCZ-CEPS-----N", "CZ", "DE_LU AT SK PL"),
        _zone("DE_LU", "10Y1001A1001A82H", "DE", "FR NL BE AT CZ PL DK_1 DK_2 SE_4 NO_2 CH"),
        _zone("DK_1", "10YDK-1--------W", "DK", "DE_LU DK_2 NO_2 NL SE_3 GB"),
        _zone("DK_2", "10YDK-2--------M", "DK", "DE_LU DK_1 SE_4"),
        _zone("ES", "10YES-REE------0", "ES", "PT FR"),
        _zone("FI", "10YFI-1--------U", "FI", "SE_1 SE_3"),
        _zone("FR", "10YFR-RTE------C", "FR", "BE DE_LU ES IT_NORD CH GB"),
        _zone(
            "GB",
            "10YGB----------A",
            "GB",
            "FR BE NL NO_2 DK_1",
            market_time_zone="Europe/London",
            currency="GBP",
            is_coupled=False,
        ),
        _zone("HU", "10YHU-MAVIR----U", "HU", "AT SK SI"),
        _zone("IT_NORD", "10Y1001A1001A73I", "IT", "FR AT SI CH"),
        _zone("NL", "10YNL----------L", "NL", "BE DE_LU GB DK_1 NO_2"),
        _zone("NO_2", "10YNO-2--------T", "NO", "DK_1 NL DE_LU GB"),
        _zone("PL", "10YPL-AREA-----S", "PL", "DE_LU CZ SK SE_4"),
        _zone("PT", "10YPT-REN------W", "PT", "ES"),
        _zone("SE_1", "10Y1001A1001A44P", "SE", "SE_2 FI"),
        _zone("SE_2", "10Y1001A1001A45N", "SE", "SE_1 SE_3"),
        _zone("SE_3", "10Y1001A1001A46L", "SE", "SE_2 SE_4 FI DK_1"),
        _zone("SE_4", "10Y1001A1001A47J", "SE", "SE_3 DK_2 DE_LU PL"),
        _zone("SI", "10YSI-ELES-----O", "SI", "AT HU IT_NORD"),
        _zone("SK", "10YSK-SEPS-----K", "SK", "CZ HU PL"),
    )
}


def _hub(name: str, operator: str, node: str, time_zone: str) -> BiddingZone:
    return _zone(
        name,
        "",
        "US",
        "",
        market_time_zone=time_zone,
        currency="USD",
        is_coupled=False,
        operator=operator,
        node=node,
    )


US_HUBS: dict[str, BiddingZone] = {
    zone.name: zone
    for zone in (
        _hub("PJM_WESTERN_HUB", "PJM", "51288", "America/New_York"),
        _hub("PJM_AEP_DAYTON_HUB", "PJM", "34497127", "America/New_York"),
        _hub("PJM_N_ILLINOIS_HUB", "PJM", "33092315", "America/New_York"),
        _hub("ERCOT_NORTH_HUB", "ERCOT", "HB_NORTH", "America/Chicago"),
        _hub("ERCOT_HOUSTON_HUB", "ERCOT", "HB_HOUSTON", "America/Chicago"),
        _hub("ERCOT_SOUTH_HUB", "ERCOT", "HB_SOUTH", "America/Chicago"),
        _hub("ERCOT_WEST_HUB", "ERCOT", "HB_WEST", "America/Chicago"),
    )
}
BENCHMARK_ZONES: dict[str, BiddingZone] = {
    zone.name: zone
    for zone in (
        _benchmark("EPF_BE", "BE"),
        _benchmark("EPF_DE", "DE"),
        _benchmark("EPF_FR", "FR"),
        _benchmark("EPF_NP", "NO SE FI DK"),
        _benchmark("EPF_PJM", "US", "Etc/GMT+5", "USD"),
    )
}
TRADED_ZONES: dict[str, BiddingZone] = {**ZONES, **US_HUBS}
ALL_ZONES: dict[str, BiddingZone] = {**TRADED_ZONES, **BENCHMARK_ZONES}


_LONGEST_NAME = 40
"""How much of an unknown name a message shows."""


def find_zone(name: str) -> BiddingZone:
    """The bidding zone or benchmark market called `name`.

    Raises:
        ConfigurationError: the name is unknown. The message lists similar names and says where all are
            listed.
    """
    try:
        return ALL_ZONES[name]
    except KeyError:
        word = name[:_LONGEST_NAME].upper().replace("-", "_")
        begin_so = [known for known in ALL_ZONES if word and known.startswith(word)]
        near = begin_so[:3] or get_close_matches(word, ALL_ZONES, n=1, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise ConfigurationError(
            f"unknown bidding zone {name[:_LONGEST_NAME]!r}: {hint}all {len(ALL_ZONES)} names stand in"
            " spot/market/zones.py"
        ) from None
