"""What all documents of the ENTSO-E Transparency Platform share: archive, acknowledgement, periods, numbers.

Each position lies inside its period. Curve A01 states every point. Curve A03 omits a point that repeats the
one before it, and is filled inside its own period only.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from spot.arrays import Floats, Ints
from spot.errors import ContractError
from spot.sources.bounds import MAXIMUM_STEPS, count_of, instant_to_us, shown
from spot.sources.safe_input import Node, read_zip

_RESOLUTIONS = {"PT15M": 15, "PT30M": 30, "PT60M": 60, "PT1H": 60}
_NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z")
_US_PER_MINUTE = 60_000_000
"""Microseconds."""
_NO_DATA_CODE = "999"


@dataclass(frozen=True, slots=True)
class Period:
    """One Period element: regular points on `[start, end)`."""

    series: Node
    start_us: int
    resolution_minutes: int
    n_points: int
    points: list[Node]
    is_inside_document: bool
    what: str

    @property
    def starts_us(self) -> Ints:
        """(n_points,) starts of its steps, microseconds since 1970."""
        return self.start_us + np.arange(self.n_points, dtype=np.int64) * (
            self.resolution_minutes * _US_PER_MINUTE
        )

    @property
    def refusal(self) -> str:
        """Why its values are refused; empty where they are not."""
        return "" if self.is_inside_document else "period outside the interval that the document states"

    def values(self, tag: str) -> Floats:
        """(n_points,) the value of every step.

        A step that curve A03 omits repeats the one before it, inside the period only.

        Raises:
            ContractError: a value is no plain decimal number.
        """
        given = np.array([number(point.value(tag), self.what) for point in self.points])
        at = np.array([count_of(point.value("position")) for point in self.points]) - 1
        return given[np.searchsorted(at, np.arange(self.n_points), side="right") - 1]

    def require(self, tag: str, expected: str) -> None:
        """Check what its series says of itself.

        Raises:
            ContractError: it says something else.
        """
        given = self.series.value(tag)
        if given != expected:
            raise ContractError(
                f"{self.what}: {tag} is {given!r}, expected {expected!r}: nothing of the document is used"
            )


def documents(body: bytes, what: str) -> tuple[tuple[str, bytes], ...]:
    """The XML documents of an answer, with their names inside the archive where there is one."""
    return read_zip(body, what) if body.startswith(b"PK") else (("", body),)


def acknowledged(root: Node, what: str) -> str:
    """The words of an acknowledgement that says there is no data.

    Raises:
        ContractError: the acknowledgement refuses the request for another reason.
    """
    code = root.value("Reason", "code") or "without code"
    text = (root.value("Reason", "text") or "").strip()
    if code != _NO_DATA_CODE or "no matching data" not in text.lower():
        raise ContractError(f"{what}: request refused with reason {code}: {text[:300]}")
    return text


def instant_us(text: str | None, what: str) -> int:
    """Microseconds since 1970 of an instant such as 2024-01-01T23:00Z.

    Raises:
        ContractError: it is not one in UTC, or lies outside 1990 to 2099.
    """
    if text is None or not _INSTANT.fullmatch(text):
        raise ContractError(f"{what}: {shown(text)} is not an instant in UTC")
    try:
        instant = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError as error:
        raise ContractError(f"{what}: {shown(text)} is not an instant") from error
    return instant_to_us(instant, what)


def number(text: str | None, what: str) -> float:
    """A finite decimal number with a point.

    Raises:
        ContractError: a decimal comma, NaN, infinity, an exponent, or no number at all.
    """
    if text is None or not _NUMBER.fullmatch(text):
        raise ContractError(f"{what}: {shown(text)} is not a plain decimal number")
    return float(text)


def periods(root: Node, what: str) -> Iterator[Period]:
    """Its periods, series by series.

    Raises:
        ContractError: a period or a series is missing, or the positions of one do not fit its period.
    """
    interval = root.first("period.timeInterval") or root.first("time_Period.timeInterval")
    if interval is None:
        raise ContractError(f"{what}: no time interval")
    first, last = instant_us(interval.value("start"), what), instant_us(interval.value("end"), what)
    n_series = 0
    for series in root.all("TimeSeries"):
        n_series += 1
        if series.first("Period") is None:
            raise ContractError(f"{what}: a series without a period")
        for node in series.all("Period"):
            yield _period_of(series, node, first, last, what)
    if not n_series:
        raise ContractError(f"{what}: no series")


def _period_of(series: Node, node: Node, first: int, last: int, what: str) -> Period:
    start, end = (
        instant_us(node.value("timeInterval", "start"), what),
        instant_us(node.value("timeInterval", "end"), what),
    )
    resolution = _RESOLUTIONS.get(node.value("resolution") or "")
    if resolution is None:
        raise ContractError(
            f"{what}: resolution {node.value('resolution')!r}, known are {', '.join(_RESOLUTIONS)}"
        )
    n_points, rest = divmod(end - start, resolution * _US_PER_MINUTE)
    if n_points > MAXIMUM_STEPS:
        raise ContractError(
            f"{what}: a period of {n_points:,} steps, at most {MAXIMUM_STEPS:,} are read: refused"
        )
    if n_points < 1 or rest:
        raise ContractError(
            f"{what}: a period from {node.value('timeInterval', 'start')} that does not hold whole steps of"
            f" {resolution} minutes"
        )
    points = list(node.all("Point"))
    _check_positions(points, n_points, series.value("curveType") or "A01", what)
    return Period(series, start, resolution, n_points, points, first <= start and end <= last, what)


def _check_positions(points: list[Node], n_points: int, curve: str, what: str) -> None:
    positions = [count_of(point.value("position")) for point in points]
    if not positions or positions[0] != 1 or positions[-1] > n_points:
        raise ContractError(
            f"{what}: positions run from {positions[:1]} to {positions[-1:]}, expected 1 to {n_points}"
        )
    if any(later <= earlier for earlier, later in pairwise(positions)):
        raise ContractError(f"{what}: a position is given twice or out of order")
    if curve not in ("A01", "A03"):
        raise ContractError(f"{what}: curve type {curve!r}, known are A01 and A03")
    if curve == "A01" and len(positions) != n_points:
        raise ContractError(
            f"{what}: {len(positions)} points of {n_points} in a curve that states every point"
        )
