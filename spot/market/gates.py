"""Gate closures: the last instant for an order, as dated data.

Sources: SDAC parties, market coupling operating times (order books close at 12:00 CET on the day before
delivery); SIDC parties, intraday auctions go-live of 13 June 2024 (IDA1 15:00 and IDA2 22:00 on the day
before, IDA3 10:00 on the day, for delivery from 12:00); EPEX SPOT, Swiss auction 11:00; N2EX, hourly auction
09:50 UK time. PJM: noon until FERC order 809, from 1 April 2016 10:30 (PJM Inside Lines, July 2015), now
11:00 (Manual 11). The day of that last change was not found; 2020 is assumed, because the earlier hour is the
cautious one. ERCOT: Nodal Protocols 4.1, 10:00. Times are local times of the market.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from spot.errors import ConfigurationError
from spot.market.zones import CENTRAL_EUROPE, BiddingZone, find_zone

Auction = Literal["day_ahead", "ida1", "ida2", "ida3"]


@dataclass(frozen=True, slots=True)
class GateRule:
    """An auction's order book closes at `local_time`, `days_before` the delivery day."""

    local_time: time
    days_before: int
    valid_from: date
    time_zone: str = CENTRAL_EUROPE


_LONG_AGO = date(2000, 1, 1)
_IDA_START = date(2024, 6, 14)
_COUPLED_RULES: dict[str, GateRule] = {
    "day_ahead": GateRule(time(12), 1, _LONG_AGO),
    "ida1": GateRule(time(15), 1, _IDA_START),
    "ida2": GateRule(time(22), 1, _IDA_START),
    "ida3": GateRule(time(10), 0, _IDA_START),
}
_BENCHMARK_RULE = GateRule(time(12), 1, _LONG_AGO)
"""The benchmark names no gate. Noon of the day before is later than everything that its protocol lets a model
see.
"""
_OWN_RULES: dict[tuple[str, str], GateRule] = {
    ("CH", "day_ahead"): GateRule(time(11), 1, _LONG_AGO),
    ("GB", "day_ahead"): GateRule(time(9, 50), 1, _LONG_AGO, "Europe/London"),
    ("IE_SEM", "day_ahead"): GateRule(time(11), 1, _LONG_AGO, "Europe/Dublin"),
}
_OTHER_GATE = time(9)
"""Day-ahead auctions outside the coupling whose gate was not found, in the local time of the market. A gate
that is too early only means that less is known.
"""
_OPERATOR_RULES: dict[str, tuple[GateRule, ...]] = {
    "PJM": (
        GateRule(time(12), 1, _LONG_AGO, "America/New_York"),
        GateRule(time(10, 30), 1, date(2016, 4, 2), "America/New_York"),
        GateRule(time(11), 1, date(2020, 1, 1), "America/New_York"),
    ),
    "ERCOT": (GateRule(time(10), 1, _LONG_AGO, "America/Chicago"),),
}
"""Day-ahead auctions of the US operators, oldest rule first."""


def gate_closure_utc(zone: str, delivery_day: date, auction: Auction = "day_ahead") -> datetime:
    """The instant at which the auction for `delivery_day` closes, aware UTC.

    Raises:
        ConfigurationError: the zone has no such auction on that day.
    """
    bidding_zone = find_zone(zone)
    if bidding_zone.is_benchmark and auction == "day_ahead":
        return _instant(_BENCHMARK_RULE, delivery_day, bidding_zone.market_time_zone)
    if bidding_zone.operator and auction == "day_ahead":
        rules = _OPERATOR_RULES[bidding_zone.operator]
        return _instant(
            next(rule for rule in reversed(rules) if rule.valid_from <= delivery_day),
            delivery_day,
            bidding_zone.market_time_zone,
        )
    if bidding_zone.last_day is not None and delivery_day > bidding_zone.last_day:
        raise ConfigurationError(
            f"zone {zone} ended with delivery on {bidding_zone.last_day}: {bidding_zone.source}"
        )
    rule = _OWN_RULES.get((zone, auction)) or _rule_of(bidding_zone, auction)
    if rule is None or delivery_day < rule.valid_from:
        raise ConfigurationError(f"zone {zone} has no {auction} auction for delivery on {delivery_day}")
    return _instant(rule, delivery_day, rule.time_zone)


def next_gate(zone: str, now: datetime) -> tuple[date, datetime]:
    """The first delivery day whose day-ahead gate is still open at `now`, and that gate.

    Raises:
        ConfigurationError: the zone has no such auction on that day.
    """
    days = (now.date() + timedelta(days=ahead) for ahead in range(4))
    return next((day, gate) for day in days if (gate := gate_closure_utc(zone, day)) > now)


def _rule_of(zone: BiddingZone, auction: Auction) -> GateRule | None:
    """The rule of a zone without one of its own; None where it has no such auction."""
    if zone.is_coupled:
        return _COUPLED_RULES.get(auction)
    return GateRule(_OTHER_GATE, 1, _LONG_AGO, zone.market_time_zone) if auction == "day_ahead" else None


def _instant(rule: GateRule, delivery_day: date, time_zone: str) -> datetime:
    local = datetime.combine(
        delivery_day - timedelta(days=rule.days_before), rule.local_time, tzinfo=ZoneInfo(time_zone)
    )
    return local.astimezone(UTC)
