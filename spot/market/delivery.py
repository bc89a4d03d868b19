"""Delivery days and market time units (MTUs): the only place that turns local days into instants.

A delivery day is a calendar day in the market time zone: 23, 24 or 25 hours. The MTU of the day-ahead auction
is a function of zone and day. Source: SDAC parties, "15-minute MTU in the single day-ahead coupling", first
delivery day 2025-10-01.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from spot.errors import ContractError
from spot.market.zones import find_zone

FIRST_QUARTER_HOUR_DAY = date(2025, 10, 1)
RESOLUTIONS_MINUTES = (15, 30, 60)
"""Market time units that any zone has."""


@dataclass(frozen=True, slots=True)
class _MtuRule:
    valid_from: date
    minutes: int


_COUPLED = (_MtuRule(date(2000, 1, 1), 60), _MtuRule(FIRST_QUARTER_HOUR_DAY, 15))
_HOURLY = (_MtuRule(date(2000, 1, 1), 60),)
"""Markets outside the coupling, and the day-ahead markets of PJM and ERCOT. The real-time markets of those
settle in 60 and 15 minutes.
"""
_MTU_RULES: dict[str, tuple[_MtuRule, ...]] = {
    "GB": (_MtuRule(date(2000, 1, 1), 30),),
}


def day_ahead_mtu_minutes(zone: str, delivery_day: date) -> int:
    """Length in minutes of the day-ahead market time unit of `zone` on `delivery_day`."""
    if find_zone(zone).is_benchmark:
        return 60
    rules = _MTU_RULES.get(zone, _COUPLED if find_zone(zone).is_coupled else _HOURLY)
    return next(rule.minutes for rule in reversed(rules) if rule.valid_from <= delivery_day)


@lru_cache(maxsize=65536)
def day_bounds_utc(zone: str, delivery_day: date) -> tuple[datetime, datetime]:
    """Start and end of the delivery day as UTC instants, `[start, end)`."""
    time_zone = ZoneInfo(find_zone(zone).market_time_zone)
    start = datetime.combine(delivery_day, time(), tzinfo=time_zone).astimezone(UTC)
    end = datetime.combine(delivery_day + timedelta(days=1), time(), tzinfo=time_zone).astimezone(UTC)
    return start, end


def n_periods(zone: str, delivery_day: date, resolution_minutes: int | None = None) -> int:
    """Number of MTUs on the day: 23, 24, 25, 46, 48, 50, 92, 96 or 100.

    Raises:
        ContractError: the resolution is none of 15, 30 and 60 minutes.
    """
    minutes = day_ahead_mtu_minutes(zone, delivery_day) if resolution_minutes is None else resolution_minutes
    if minutes not in RESOLUTIONS_MINUTES:
        raise ContractError(
            f"{zone} {delivery_day}: resolution of {minutes} minutes, expected one of {RESOLUTIONS_MINUTES}"
        )
    start, end = day_bounds_utc(zone, delivery_day)
    return int((end - start) / timedelta(minutes=minutes))


def delivery_starts_utc(
    zone: str, delivery_day: date, resolution_minutes: int | None = None
) -> tuple[datetime, ...]:
    """Start of every MTU of the day, ascending, aware UTC."""
    minutes = day_ahead_mtu_minutes(zone, delivery_day) if resolution_minutes is None else resolution_minutes
    start, _ = day_bounds_utc(zone, delivery_day)
    return tuple(
        start + timedelta(minutes=minutes * i) for i in range(n_periods(zone, delivery_day, minutes))
    )


def delivery_day_of(zone: str, instant: datetime) -> date:
    """The delivery day that contains `instant`.

    Raises:
        ContractError: the instant has no time zone.
    """
    if instant.tzinfo is None:
        raise ContractError(f"instant {instant} has no time zone: instants are aware and UTC")
    return instant.astimezone(ZoneInfo(find_zone(zone).market_time_zone)).date()


def days_between(first_day: date, last_day: date) -> tuple[date, ...]:
    """All days from `first_day` to `last_day`, both included; empty when the last is before the first."""
    return tuple(first_day + timedelta(days=i) for i in range((last_day - first_day).days + 1))


@dataclass(frozen=True, slots=True)
class ZoneDays:
    """What a run covers: one zone and a contiguous range of delivery days."""

    zone: str
    first_day: date
    last_day: date

    @property
    def days(self) -> tuple[date, ...]:
        """All days, ascending."""
        return days_between(self.first_day, self.last_day)
