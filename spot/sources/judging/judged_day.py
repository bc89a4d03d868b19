"""One delivery day that is judged, and the faults that a rule can find in it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from spot.arrays import Floats, Ints

Kind = Literal["price", "load", "solar", "wind"]


class FaultKind(StrEnum):
    """What a fault says about other rows."""

    VALUES = "values"
    """Nothing about the other series of the day."""
    INCOMPLETE = "incomplete"
    """The day lacks periods, which says nothing about any other day."""
    OTHER_SERIES = "other_series"
    """The values look like those of another series. Columns may be swapped, so no series of the day is
    accepted.
    """


@dataclass(frozen=True, slots=True)
class Fault:
    """Why values are doubtful, in words and by kind."""

    words: str
    kind: FaultKind = FaultKind.VALUES


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDay:
    """One delivery day of one series."""

    zone: str
    day: date
    kind: Kind
    resolution_minutes: int
    values: Floats
    hours: Ints
    """(N,) local clock hour of each period."""
    must_be_whole: bool

    @property
    def per_hour(self) -> int:
        """Periods of an hour."""
        return 60 // self.resolution_minutes
