"""What was known when: the only place where the vintage of a value is chosen.

A raw row counts from its `available_at_utc` on, that second included. At an instant, the value is its newest
vintage available by then. The analysts' views say the same in SQL (`resources/analysts`), and a test compares
them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import polars as pl

from spot.contracts.raw_tables import RAW_KEY
from spot.errors import ContractError

AnyFrame = TypeVar("AnyFrame", pl.DataFrame, pl.LazyFrame)
PERIOD = tuple(name for name in RAW_KEY if name != "available_at_utc")


def known_at(
    frame: AnyFrame,
    instant: datetime | pl.Expr,
    *,
    by: Sequence[str] = PERIOD,
    ordered_by: str = "available_at_utc",
) -> AnyFrame:
    """Rows of a raw table as known at `instant`: the newest vintage of each value available by then.

    Args:
        frame: rows with `available_at_utc`.
        instant: aware UTC, or an expression that gives each row its own instant.
        by: columns that name a value. Without `source` the newest vintage of any source stands.
        ordered_by: what makes a vintage newer; for weather it is the instant of the run.

    Raises:
        ContractError: the instant has no time zone.
    """
    if isinstance(instant, datetime) and instant.tzinfo is None:
        raise ContractError(f"instant {instant} has no time zone: instants are aware and UTC")
    return newest_vintage(frame.filter(pl.col("available_at_utc") <= instant), by=by, ordered_by=ordered_by)


def newest_vintage(
    frame: AnyFrame, *, by: Sequence[str] = PERIOD, ordered_by: str = "available_at_utc"
) -> AnyFrame:
    """The newest vintage of each value, whenever it became known. Arguments are those of `known_at`."""
    return frame.sort(ordered_by, maintain_order=True).unique(by, keep="last", maintain_order=True)
