"""The oldest and the newest delivery day of a table, as dates."""

from datetime import date

import polars as pl

from spot.errors import ContractError


def first_day(frame: pl.DataFrame) -> date:
    """Oldest `delivery_day`.

    Raises:
        ContractError: the table has no rows.
    """
    return _not_none(frame["delivery_day"].min())


def last_day(frame: pl.DataFrame) -> date:
    """Newest `delivery_day`.

    Raises:
        ContractError: the table has no rows.
    """
    return _not_none(frame["delivery_day"].max())


def last_day_or_none(frame: pl.DataFrame) -> date | None:
    """Newest `delivery_day`, None where there are no rows."""
    return None if frame.is_empty() else last_day(frame)


def _not_none(day: object) -> date:
    if not isinstance(day, date):
        raise ContractError("the table has no rows, so it has no first or last delivery day")
    return day
