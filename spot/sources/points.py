"""Values of series as a document states them, before they become rows of a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spot.arrays import Floats, Ints
from spot.sources.auction_unit import in_auction_unit
from spot.sources.currencies import LOCAL_TABLE

AUCTION_SERIES = (("day_ahead_prices", "day_ahead"), (LOCAL_TABLE, "day_ahead"))
"""Table and series of the results of the day-ahead auction, in EUR and in another currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Values of one series on periods of one length, as a document states them."""

    table: str
    series: str
    starts_us: Ints
    """(N,) starts of the periods, microseconds since 1970 UTC."""
    resolution_minutes: int
    values: Floats
    """(N,) in the unit of the table's value column."""
    refusal: str = ""
    """Why none of these points may be used; empty where they may."""
    available_us: Ints | None = None
    """(N,) publication instants that the provider states, or None."""
    availability: str = "stated"
    """How `available_us` is known: stated by the provider or by a dated rule of this source."""
    extra: Mapping[str, Sequence[object]] | None = None
    """Further columns of the table, (N,) each."""

    def at(self, positions: Ints, **changes: Any) -> "Points":
        """The points at `positions`, `(k,)`, with other fields changed."""
        return replace(
            self,
            starts_us=self.starts_us[positions],
            values=self.values[positions],
            available_us=None if self.available_us is None else self.available_us[positions],
            extra=(
                None
                if self.extra is None
                else {name: [column[at] for at in positions] for name, column in self.extra.items()}
            ),
            **changes,
        )


def merge(points: Sequence[Points], zone: str) -> Iterator[Points]:
    """Points that share table, series, length and refusal as one, each value once.

    A document of a year has a period for every day. Prices of the auction come in its market time unit.
    """
    groups: dict[tuple[object, ...], list[Points]] = {}
    for part in points:
        key = (
            part.table,
            part.series,
            part.resolution_minutes,
            part.refusal,
            part.availability,
            part.available_us is None,
            part.extra is None,
        )
        groups.setdefault(key, []).append(part)
    for parts in groups.values():
        whole = _once(_join(parts))
        if (whole.table, whole.series) not in AUCTION_SERIES or whole.refusal:
            yield whole
            continue
        for found in in_auction_unit(whole.starts_us, whole.values, whole.resolution_minutes, zone):
            yield whole.at(found.positions, resolution_minutes=found.minutes, refusal=found.refusal)


def _once(part: Points) -> Points:
    """The points without those that repeat start, value and publication of another. Equal values are one."""
    if part.extra is not None and (part.table, part.series) not in AUCTION_SERIES:
        return part
    known = part.available_us if part.available_us is not None else np.zeros_like(part.starts_us)
    rows = np.stack([part.starts_us, known, np.ascontiguousarray(part.values).view(np.int64)], axis=1)
    _, firsts = np.unique(rows, axis=0, return_index=True)
    return part if len(firsts) == len(rows) else part.at(np.sort(firsts))


def _join(parts: list[Points]) -> Points:
    first = parts[0]
    stated = [part.available_us for part in parts if part.available_us is not None]
    names = first.extra or {}
    return replace(
        first,
        starts_us=np.concatenate([part.starts_us for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        available_us=np.concatenate(stated) if stated else None,
        extra=(
            {name: [value for part in parts for value in (part.extra or {})[name]] for name in names}
            if names
            else None
        ),
    )
