"""Vintages of one series laid on a grid: what was known at the gates of many days, at once.

`known_at_gates` gives for each day what `spot.contracts.vintages.known_at` gives at its gate.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from spot.arrays import Floats, Ints
from spot.errors import LookAheadError
from spot.features.grid import STEP_US, Grid
from spot.market.clock import LONGEST_DAY_QUARTERS, QUARTER_MINUTES

NEVER_US = np.iinfo(np.int64).min
"""Publication instant where nothing was published."""


@dataclass(frozen=True, slots=True)
class Vintages:
    """All vintages of one series of one zone, laid on a grid.

    The oldest publication comes first; within one publication, the coarser product comes first.
    """

    row: Ints
    """(N,) row of the grid of each value."""
    slot: Ints
    """(N,) first slot of each value."""
    n_slots: Ints
    """(N,) number of slots that it holds."""
    value: Floats
    available_us: Ints

    def known_at_gates(self, gate_us: Ints) -> tuple[Floats, Ints]:
        """Values as known at one gate per day of the grid.

        Args:
            gate_us: (D,) instant at which each day is looked at, microseconds since 1970 UTC.

        Returns:
            (D, S) the newest vintage available at the gate, NaN where none was; (D,) the newest publication
            among them, `NEVER_US` for none.
        """
        matrix = np.full((len(gate_us), LONGEST_DAY_QUARTERS), np.nan)
        newest = np.full(len(gate_us), NEVER_US)
        if not len(self.row):
            return matrix, newest
        known = self.available_us <= gate_us[self.row]
        held = np.repeat(np.flatnonzero(known), self.n_slots[known])
        step = np.arange(len(held)) - np.repeat(
            np.cumsum(self.n_slots[known]) - self.n_slots[known], self.n_slots[known]
        )
        slot = self.slot[held] + step
        is_inside = (slot >= 0) & (slot < LONGEST_DAY_QUARTERS)
        matrix[self.row[held][is_inside], slot[is_inside]] = self.value[held][
            is_inside
        ]  # of several vintages of a slot the last, the newest, stays
        newest[self.row[known]] = self.available_us[known]  # ascending, so the last stays here too
        return matrix, newest


def vintages_of(frame: pl.DataFrame, grid: Grid, *, value: str) -> Vintages:
    """Lay the rows of one series of one zone on the grid; rows of other days and null values are left out."""
    inside = frame.filter(
        pl.col("delivery_day").is_between(grid.days[0], grid.days[-1]), pl.col(value).is_not_null()
    )
    inside = inside.sort("available_at_utc", -pl.col("resolution_minutes"), maintain_order=True)
    row = (inside["delivery_day"].to_numpy() - np.datetime64(grid.days[0], "D")).astype(np.int64)
    slot = (inside["delivery_start_utc"].dt.epoch("us").to_numpy() - grid.start_us[row]) // STEP_US
    n_slots = inside["resolution_minutes"].to_numpy().astype(np.int64) // QUARTER_MINUTES
    values = inside[value].cast(pl.Float64).to_numpy()
    return Vintages(row, slot, n_slots, values, inside["available_at_utc"].dt.epoch("us").to_numpy())


def check_no_look_ahead(features: pl.DataFrame) -> None:
    """Stop if a row used a value that was published after its own `as_of_utc`.

    Raises:
        LookAheadError: naming the first such row.
    """
    late = features.filter(pl.col("newest_input_utc") > pl.col("as_of_utc"))
    if not late.is_empty():
        row = late.row(0, named=True)
        raise LookAheadError(
            f"{row['zone']} {row['delivery_day']}: an input became known at {row['newest_input_utc']}, after"
            f" the gate at {row['as_of_utc']} ({late.height} rows in all)"
        )
