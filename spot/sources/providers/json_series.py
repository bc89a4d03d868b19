"""What the JSON parsers share: typed look-ups that say what is wrong and where, and instants."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np

from spot.arrays import Floats, Ints
from spot.errors import ContractError
from spot.sources.bounds import (
    END_OF_INSTANTS,
    MAXIMUM_AMOUNT,
    check_row_count,
    instant_to_us,
    shown,
)

US_PER_MINUTE = 60_000_000
"""Microseconds."""
_END_SECOND = int(END_OF_INSTANTS.timestamp())


def member(document: Any, name: str, kind: type | tuple[type, ...], what: str) -> Any:
    """`document[name]`, of the kind expected.

    Raises:
        ContractError: the document is no object, has no such member, or it is of another kind.
    """
    if not isinstance(document, dict):
        raise ContractError(f"{what}: expected a JSON object, got {type(document).__name__}")
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, kind):
        raise ContractError(f"{what}: member {name!r} is {type(value).__name__}, expected {kind}")
    return value


def numbers(values: Sequence[Any], n_expected: int, what: str) -> Floats:
    """(N,) floats, NaN where the provider says null.

    Raises:
        ContractError: another count than expected, or something that is neither null nor an `amount`.
    """
    if len(values) != n_expected:
        raise ContractError(f"{what}: {len(values)} values for {n_expected} instants")
    check_row_count(len(values), what)
    for value in values:
        if value is not None:
            amount(value, what)
    return np.array([math.nan if value is None else float(value) for value in values], dtype=np.float64)


def amount(value: Any, what: str) -> float:
    """A number of at most a million million.

    Raises:
        ContractError: it is none, is not finite, or is larger.
    """
    # Compared first: a whole number of 400 digits cannot become a float. NaN fails every comparison.
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not -MAXIMUM_AMOUNT <= value <= MAXIMUM_AMOUNT
    ):
        raise ContractError(f"{what}: {shown(value)} is not a finite number up to {MAXIMUM_AMOUNT:.0e}")
    return float(value)


def seconds_us(values: Sequence[Any], what: str, *, per_second: int = 1) -> Ints:
    """(N,) microseconds from Unix times in seconds, or in milliseconds with `per_second=1000`.

    Ascending and each given once.

    Raises:
        ContractError: one is no whole number, is out of range, is given twice or out of order.
    """
    check_row_count(len(values), what)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _END_SECOND * per_second:
            raise ContractError(f"{what}: {shown(value)} is not a Unix time")
    if any(later <= earlier for earlier, later in pairwise(values)):
        raise ContractError(f"{what}: an instant is given twice or out of order")
    return np.array(values, dtype=np.int64) * (1_000_000 // per_second)


def iso_us(text: Any, what: str, *, must_state_zone: bool = True) -> int:
    """Microseconds since 1970 of an ISO 8601 instant.

    Raises:
        ContractError: it is not one, lies outside 1990 to 2099, or does not state its offset where it must.
    """
    if not isinstance(text, str):
        raise ContractError(f"{what}: {shown(text)} is not an instant")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ContractError(f"{what}: {shown(text)} is not an ISO 8601 instant") from error
    if instant.tzinfo is None:
        if must_state_zone:
            raise ContractError(f"{what}: {shown(text)} does not state its offset from UTC")
        instant = instant.replace(tzinfo=UTC)
    return instant_to_us(instant, what)


def step_minutes(starts_us: Ints, what: str) -> int:
    """Length of the periods, from the smallest distance between starts, `(n,)`; 60 for a single one.

    Raises:
        ContractError: the starts do not lie on a grid of 15, 30 or 60 minutes.
    """
    if len(starts_us) < 2:
        return 60
    step = int(np.diff(starts_us).min()) // US_PER_MINUTE
    if step not in (15, 30, 60) or (starts_us % (step * US_PER_MINUTE)).any():
        raise ContractError(
            f"{what}: starts {step} minutes apart or off the full period, known are 15, 30 and 60"
        )
    return step
