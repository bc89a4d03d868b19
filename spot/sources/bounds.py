"""Bounds on what a document may say. They are checked before memory is taken for it.

Each bound is far above what a provider sends for the longest span that this platform asks for, 400 days.
"""

import re
from datetime import UTC, date, datetime

from spot.errors import ContractError

FIRST_INSTANT = datetime(1990, 1, 1, tzinfo=UTC)
END_OF_INSTANTS = datetime(2100, 1, 1, tzinfo=UTC)
MAXIMUM_ROWS = 200_000
"""Rows of one document. A quarter of quarter hours of 20 series has 177,000."""
MAXIMUM_STEPS = 50_000
"""Steps of one interval. A year of quarter hours has 35,136."""
MAXIMUM_AMOUNT = 1e12
"""Largest absolute price, power, energy or volume that is still a number of a market."""
_MAXIMUM_DIGITS = 9
"""Digits of a count. More would not fit the bounds below either."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MAXIMUM_SHOWN = 60
"""Characters of a provider's text that a message repeats."""


def instant_to_us(instant: datetime, what: str) -> int:
    """Microseconds since 1970 of an aware instant, in whole seconds.

    Raises:
        ContractError: it lies before 1990 or after 2099.
    """
    if not FIRST_INSTANT <= instant < END_OF_INSTANTS:
        raise ContractError(
            f"{what}: {instant.isoformat()} lies outside {FIRST_INSTANT.year} to {END_OF_INSTANTS.year - 1}:"
            " refused"
        )
    return int(instant.timestamp()) * 1_000_000


def calendar_day(text: str, what: str) -> date:
    """A day such as 2026-05-31.

    Raises:
        ContractError: it is none, or lies before 1990 or after 2099.
    """
    if not _DAY.fullmatch(text):
        raise ContractError(f"{what}: {shown(text)} is not a day")
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ContractError(f"{what}: {shown(text)} is not a day") from error
    if not FIRST_INSTANT.year <= day.year < END_OF_INSTANTS.year:
        raise ContractError(
            f"{what}: {day} lies outside {FIRST_INSTANT.year} to {END_OF_INSTANTS.year - 1}: refused"
        )
    return day


def count_of(text: str | None) -> int:
    """A whole number of at most nine digits, and 0 where `text` is none."""
    return int(text) if text is not None and len(text) <= _MAXIMUM_DIGITS and text.isdecimal() else 0


def check_row_count(n_rows: int, what: str, maximum: int = MAXIMUM_ROWS) -> None:
    """Refuse a document that has, or stands for, too many rows.

    Raises:
        ContractError: it does.
    """
    if n_rows > maximum:
        raise ContractError(f"{what}: more than {maximum:,} rows: refused, ask for fewer days")


def shown(value: object) -> str:
    """What a document says, short enough for a message."""
    is_long = isinstance(value, int) and value.bit_length() > _MAXIMUM_SHOWN
    text = "a number of many digits" if is_long else repr(value)
    return text if len(text) <= _MAXIMUM_SHOWN else f"{text[:_MAXIMUM_SHOWN]}..."
