"""Auctions that clear before the gate of a zone and price the same delivery day, and who reads their results.

Dated data like the gates: `publication_rules.py` says when each result is known by rule. A result with a
stated or captured instant counts from that instant. Sources: EPEX SPOT, Swiss auction 11:00; EXAA, auction
10:15 for Austria and Germany; N2EX, hourly auction 09:50 UK time.

A zone reads by default the auctions that lie next to it. A model keeps a result only where it helps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

from spot.market.delivery import day_bounds_utc
from spot.market.gates import gate_closure_utc
from spot.market.publication_rules import SERIES_RULES, published_by_utc
from spot.market.zones import find_zone

TABLE = "earlier_auction_prices"
"""The table in which a zone keeps the results that it reads."""
ANY_DAY = date(2026, 1, 15)
"""A day whose rules are those of today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierAuction:
    """One auction, and where its results stand."""

    name: str
    """As settings name it."""
    series: str
    """Series of `earlier_auction_prices`."""
    table: str
    """Raw table of the results."""
    result_series: str
    zone: str
    """Zone of these rows; empty for the reading zone itself."""
    near: frozenset[str]
    """Zones that read it by default."""

    def zone_of(self, reader: str) -> str:
        """The zone whose rows `reader` reads."""
        return self.zone or reader

    def known_utc(self, reader: str, day: date = ANY_DAY) -> datetime:
        """When its results for `day` are known by rule, aware UTC."""
        zone, ruled = self.zone_of(reader), f"{self.table}.{self.result_series}"
        rule = ruled if ruled in SERIES_RULES else self.table
        return published_by_utc(rule, zone, day, day_bounds_utc(zone, day)[1])

    def clears_before_gate_of(self, reader: str, day: date = ANY_DAY) -> bool:
        """Whether its results are known by rule before the reader's gate for `day`."""
        return self.known_utc(reader, day) < gate_closure_utc(reader, day)


EARLIER_AUCTIONS: Mapping[str, EarlierAuction] = MappingProxyType(
    {
        auction.name: auction
        for auction in (
            EarlierAuction(
                name="CH",
                series="swiss",
                table="day_ahead_prices",
                result_series="day_ahead",
                zone="CH",
                near=frozenset({"AT", "BE", "DE_AT_LU", "DE_LU", "DK_1", "FR", "IT_NORD", "NL"}),
            ),
            EarlierAuction(
                name="EXAA",
                series="exaa",
                table="other_auction_prices",
                result_series="sequence_2",
                zone="",
                near=frozenset({"AT", "DE_AT_LU", "DE_LU"}),
            ),
            EarlierAuction(
                name="GB",
                series="british",
                table="day_ahead_prices",
                result_series="day_ahead",
                zone="GB",
                near=frozenset({"BE", "DK_1", "FR", "IE_SEM", "NL", "NO_2"}),
            ),
        )
    }
)
"""Name to auction."""


def auctions_near(zone: str) -> tuple[EarlierAuction, ...]:
    """The auctions that `zone` reads by default: those next to it that clear before its gate."""
    last = find_zone(zone).last_day
    day = ANY_DAY if last is None else last - timedelta(days=1)
    return tuple(
        auction
        for auction in EARLIER_AUCTIONS.values()
        if zone in auction.near and auction.clears_before_gate_of(zone, day)
    )
