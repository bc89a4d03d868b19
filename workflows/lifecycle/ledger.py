"""Daily figures of a ledger, as evidence."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.lifecycle.evidence import Evidence
from workflows.lifecycle.family import ShadowRecord


def by_day(frame: pl.DataFrame, days: Sequence[date]) -> Floats:
    """(D,) the column `value` of each delivery day; NaN where a day has none."""
    values = dict(frame.select("delivery_day", "value").iter_rows())
    return np.array([values.get(day, np.nan) for day in days], dtype=np.float64)


def pnl_by_day(settlements: pl.DataFrame, days: Sequence[date]) -> Floats:
    """(D,) net P&L of each day, EUR; NaN where nothing was settled."""
    sums = settlements.group_by("delivery_day", maintain_order=True).agg(
        pl.col("pnl_eur").sum().alias("value")
    )
    return by_day(sums, days)


def no_record() -> ShadowRecord:
    """The record of a challenger about which nothing is known yet."""
    nothing = Evidence(candidate_losses=np.empty(0), champion_losses=np.empty(0))
    return ShadowRecord(evidence=nothing, days=(), decided_through=None)
