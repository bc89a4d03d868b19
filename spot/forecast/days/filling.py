"""Causal filling: a missing value is replaced by that of a week before, so that features stay finite.

Filled values are used as features only. A day whose price is missing has no weight as a target. If an input
of the day to forecast is missing altogether, the day is forecast without that input.
"""

import numpy as np

from spot.arrays import Bools, Floats

MAX_GAP_HOURS = 3
"""Longest gap that is interpolated within a day. Chosen by hand; not tuned."""


def fill_gaps_within_days(values: Floats, max_gap: int = MAX_GAP_HOURS) -> Floats:
    """(D, 24) with gaps of at most `max_gap` hours filled by linear interpolation within their day."""
    filled = values.copy()
    missing = np.isnan(values)
    for row in np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1)):
        if _longest_run(missing[row]) <= max_gap:
            known = np.flatnonzero(~missing[row])
            filled[row] = np.interp(np.arange(values.shape[1]), known, values[row, known])
    return filled


def fill_from_the_past(values: Floats, before: Floats) -> Floats:
    """(D, 24) without NaN: a missing value becomes that of seven days before.

    If that is missing too, it becomes that of the day before, else the median of the known past, else 0.
    `before` holds the filled days that precede `values`; it may be empty.
    """
    offset = len(before)
    filled = np.concatenate([before, fill_gaps_within_days(values)])
    for row in offset + np.flatnonzero(np.isnan(filled[offset:]).any(axis=1)):
        hole = np.isnan(filled[row])
        for source in (row - 7, row - 1):
            if source >= 0:
                filled[row, hole] = filled[source, hole]
                hole = np.isnan(filled[row])
        if hole.any():
            known = filled[: row + 1][np.isfinite(filled[: row + 1])]
            filled[row, hole] = np.median(known) if known.size else 0.0
    return filled[offset:]


def _longest_run(missing: Bools) -> int:
    """Length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0
