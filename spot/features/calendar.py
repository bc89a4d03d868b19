"""Calendar features of delivery days: holidays and the clock. They are always known, so no gate applies.

A holiday counts as the share of the zone that has it; clock features are without unit.
"""

import numpy as np

from spot.arrays import Floats
from spot.features.grid import Grid
from spot.market.clock import LONGEST_DAY_QUARTERS, QUARTER_MINUTES
from spot.market.holidays import holiday_fraction


def calendar_features(grid: Grid) -> dict[str, Floats]:
    """(D, S) matrices of the features of `CALENDAR_FEATURES`."""
    shape = (len(grid.days), LONGEST_DAY_QUARTERS)
    days = np.array(grid.days, dtype="datetime64[D]")
    day_of_year = (days - days.astype("datetime64[Y]")).astype(np.float64) + 1
    daily = {
        "day_of_week": np.array([day.isoweekday() for day in grid.days], dtype=np.float64),
        "day_of_year": day_of_year,
        "holiday_fraction": holiday_fraction(grid.zone, grid.days),
        "n_periods": grid.n_periods.astype(np.float64),
    }
    hour = np.where(grid.clock_slot >= 0, grid.clock_slot * QUARTER_MINUTES / 60, np.nan)
    return {
        "hour_local": hour,
        **{name: np.broadcast_to(values[:, None], shape) for name, values in daily.items()},
    }
