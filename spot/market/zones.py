"""Bidding zones: code, market time zone, currency, holidays and neighbours.

The table is data: `zones.csv` has a row for each zone, with its life and its source. Codes: ENTSO-E, "Energy
Identification Codes (EIC), approved Y codes" (public list). A zone is coupled where the file says since when
and not until when; these days are from announcements of the exchanges, as remembered. The market time zone is
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

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from importlib.resources import files

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
    coupled_from: date | None = None
    """First delivery day in that coupling; None where it never was in it."""
    coupled_to: date | None = None
    """Last delivery day in it; None while it is in it, or where it never was."""
    first_day: date | None = None
    """First delivery day of a zone that came of a split or a merger; None for one that was always there."""
    last_day: date | None = None
    """Last delivery day of a zone that was split or merged; None while it lives."""
    source: str = ""
    """Where the code and the dates come from."""
    node: str = ""
    """What the operator calls the hub: the pnode of PJM, the settlement point of ERCOT."""


def _zone(name: str, eic: str, countries: str, **other: object) -> BiddingZone:
    return BiddingZone(name=name, eic=eic, holiday_countries=tuple(countries.split()), **other)  # type: ignore[arg-type]


def _benchmark(name: str, countries: str, time_zone: str = "Etc/GMT-1", currency: str = "EUR") -> BiddingZone:
    return _zone(
        name,
        "",
        countries,
        market_time_zone=time_zone,
        currency=currency,
        is_coupled=False,
        is_benchmark=True,
    )


def _from_row(row: Mapping[str, str]) -> BiddingZone:
    """A zone of `zones.csv`, in the coupling from the day that the file names until that of leaving it."""
    return _zone(
        row["name"],
        row["eic"],
        row["countries"],
        neighbours=tuple(row["neighbours"].split()),
        market_time_zone=row["time_zone"],
        currency=row["currency"],
        is_coupled=bool(row["coupled_from"]) and row["coupled_to"] in ("", row["valid_to"]),
        coupled_from=_day(row["coupled_from"]),
        coupled_to=_day(row["coupled_to"]),
        first_day=_day(row["valid_from"]),
        last_day=_day(row["valid_to"]),
        source=row["source"],
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _listed() -> Iterator[BiddingZone]:
    text = files(__package__).joinpath("zones.csv").read_text(encoding="utf-8")
    yield from map(_from_row, csv.DictReader(text.splitlines()))


ZONES: dict[str, BiddingZone] = {zone.name: zone for zone in _listed()}


def _hub(name: str, operator: str, node: str, time_zone: str) -> BiddingZone:
    return _zone(
        name,
        "",
        "US",
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


_LISTED = frozenset(ALL_ZONES)
_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_LONGEST_NAME = 40
"""How much of an unknown name a message shows."""


def describe_zone(zone: BiddingZone) -> None:
    """Make a zone that is in no list known to this process.

    Raises:
        ConfigurationError: a listed zone has that name, or it is no name of a zone.
    """
    if zone.name in _LISTED:
        raise ConfigurationError(f"{zone.name} is a listed zone, which needs no description: leave it out")
    if not _NAME.fullmatch(zone.name) or len(zone.name) > _LONGEST_NAME:
        raise ConfigurationError(
            f"{zone.name[:_LONGEST_NAME]!r} is no name of a zone: capital letters, digits and _, as CY_NORTH"
        )
    ALL_ZONES[zone.name] = TRADED_ZONES[zone.name] = zone
    if zone.eic:
        ZONES[zone.name] = zone


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
        lasting = [known for known, zone in ALL_ZONES.items() if zone.last_day is None]
        begin_so = [known for known in lasting if word and known.startswith(word)]
        near = begin_so[:3] or get_close_matches(word, lasting, n=1, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise ConfigurationError(
            f"unknown bidding zone {name[:_LONGEST_NAME]!r}: {hint}all {len(ALL_ZONES)} names stand in"
            " spot/market/zones.csv; own_zones in zones.yaml describes another one"
        ) from None
