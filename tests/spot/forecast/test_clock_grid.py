"""Days on the local clock: the same numbers, to the last bit, whatever stands beside a day."""

from datetime import date

import numpy as np
import pytest

from spot.forecast.days.clock_grid import grid_of
from tests.support.panels import made_up_panel


@pytest.mark.parametrize("first_day", [date(2025, 3, 20), date(2025, 10, 16)])
def test_a_day_of_quarter_hours_alone_is_the_day_among_others(first_day: date) -> None:
    """Around both changes of the clock.

    A model absorbs days one by one or many at a time, and must forecast the same: a new version is rejected
    where it does not.
    """
    panel = made_up_panel(20, first_day=first_day, switch_day=first_day)
    together = grid_of(panel)
    assert sorted(set(panel.n_periods.tolist())) in ([92, 96], [96, 100])
    for row in range(len(panel)):
        alone = grid_of(panel.rows(slice(row, row + 1)))
        assert np.array_equal(alone.prices[0], together.prices[row])
        for name, values in together.inputs.items():
            assert np.array_equal(alone.inputs[name][0], values[row])


def test_an_hour_is_the_mean_of_its_known_quarters_and_of_both_runs_where_autumn_doubles_it() -> None:
    day = date(2025, 10, 26)
    panel = made_up_panel(1, first_day=day, switch_day=day)
    panel.prices[0] = np.arange(100.0)
    panel.prices[0, 40] = np.nan  # the first quarter of 09:00
    hourly = grid_of(panel).prices[0]
    assert hourly[1] == np.mean([4, 5, 6, 7])
    assert hourly[2] == np.mean(np.arange(8, 16))
    assert hourly[9] == np.mean([41, 42, 43])
