"""What an analyst asked for, as the tables take it: zones, days and an instant."""

from collections.abc import Sequence
from datetime import date, datetime

from spot.errors import ConfigurationError
from spot.market.zones import find_zone

Zones = str | Sequence[str] | None
Day = date | str | None
Instant = datetime | str | None


def zones_of(asked: Zones) -> list[str] | None:
    """Names of the zones; None for all.

    Raises:
        ConfigurationError: there is no such zone.
    """
    if asked is None:
        return None
    return [find_zone(name).name for name in ([asked] if isinstance(asked, str) else asked)]


def day_of(asked: Day) -> date | None:
    """A delivery day, given as such or as text of the form YYYY-MM-DD.

    Raises:
        ConfigurationError: the text is no day.
    """
    if isinstance(asked, datetime):
        raise ConfigurationError(f"{asked} is an instant: a delivery day is a date, such as 2025-08-31")
    if asked is None or isinstance(asked, date):
        return asked
    try:
        return date.fromisoformat(asked)
    except ValueError:
        raise ConfigurationError(f"{asked!r} is not a day of the form YYYY-MM-DD") from None


def instant_of(asked: Instant) -> datetime | None:
    """An aware instant, given as such or as ISO 8601 text with its offset.

    Raises:
        ConfigurationError: the text is no instant, or the offset is missing.
    """
    if asked is None:
        return None
    try:
        instant = datetime.fromisoformat(asked) if isinstance(asked, str) else asked
    except ValueError:
        raise ConfigurationError(
            f"{asked!r} is not an instant, such as 2025-08-19T10:00Z or 2025-08-19T12:00+02:00"
        ) from None
    if instant.tzinfo is None:
        raise ConfigurationError(f"the instant {asked} has no time zone: add Z for UTC, or an offset")
    return instant
