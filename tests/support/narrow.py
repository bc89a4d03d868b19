"""Narrowing of types that a test knows better than mypy."""

from datetime import date, datetime
from typing import TypeVar

T = TypeVar("T")


def some(value: T | None) -> T:
    """The value, which is there; a test that gets None fails here."""
    assert value is not None
    return value


def number(value: object) -> float:
    """The value of a series or a cell that holds a number: polars knows only that it is one of many types."""
    assert isinstance(value, int | float), f"{value!r} is no number"
    return float(value)


def instant(value: object) -> datetime:
    """The same for an instant."""
    assert isinstance(value, datetime), f"{value!r} is no instant"
    return value


def day_of(value: object) -> date:
    """The same for a day."""
    assert isinstance(value, date), f"{value!r} is no day"
    return value
