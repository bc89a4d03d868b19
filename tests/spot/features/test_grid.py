"""The dense grid keeps every value of clock-change days and moves values between days by the local clock."""

from datetime import date

import numpy as np
import pytest

from spot.arrays import Floats
from spot.features.grid import Grid, make_grid, mean_of_periods
from spot.market.clock import CLOCK_QUARTERS, LONGEST_DAY_QUARTERS

SPRING, AUTUMN, PLAIN = date(2025, 3, 30), date(2025, 10, 26), date(2025, 6, 1)


def slots(day: date) -> tuple[Grid, Floats]:
    """The grid of one day and a matrix that holds the number of each slot."""
    grid = make_grid("DE_LU", day, day)
    matrix = np.full((1, LONGEST_DAY_QUARTERS), np.nan)
    matrix[0, : grid.n_slots[0]] = np.arange(grid.n_slots[0])
    return grid, matrix


@pytest.mark.parametrize(
    ("day", "n_slots", "n_periods"),
    [(SPRING, 92, 23), (AUTUMN, 100, 100), (PLAIN, 96, 24), (date(2024, 10, 27), 100, 25)],
)
def test_slots_and_periods_of_a_day(day: date, n_slots: int, n_periods: int) -> None:
    grid, _ = slots(day)
    assert (grid.n_slots[0], grid.n_periods[0]) == (n_slots, n_periods)
    assert (grid.clock_slot[0] >= 0).sum() == n_slots


def test_a_plain_day_is_its_own_clock() -> None:
    grid, matrix = slots(PLAIN)
    clock = grid.to_clock(matrix)
    np.testing.assert_array_equal(clock[0], np.arange(96))
    np.testing.assert_array_equal(grid.at_clock_of(clock), matrix)


def test_the_hour_that_spring_leaves_out_takes_the_value_before_it() -> None:
    clock = slots(SPRING)[0].to_clock(slots(SPRING)[1])[0]
    assert len(clock) == CLOCK_QUARTERS
    np.testing.assert_array_equal(clock[:8], np.arange(8))
    np.testing.assert_array_equal(clock[8:12], [7.0] * 4)
    np.testing.assert_array_equal(clock[12:], np.arange(8, 92))


def test_the_hour_that_autumn_repeats_counts_with_its_mean() -> None:
    clock = slots(AUTUMN)[0].to_clock(slots(AUTUMN)[1])[0]
    np.testing.assert_array_equal(clock[8:12], [10.0, 11.0, 12.0, 13.0])
    np.testing.assert_array_equal(clock[12:], np.arange(16, 100))


def test_a_plain_day_seen_from_clock_change_days() -> None:
    _, matrix = slots(PLAIN)
    clock = matrix[:, :96]
    autumn, spring = (
        make_grid("DE_LU", AUTUMN, AUTUMN).at_clock_of(clock)[0],
        make_grid("DE_LU", SPRING, SPRING).at_clock_of(clock)[0],
    )
    np.testing.assert_array_equal(autumn[8:16], [8, 9, 10, 11, 8, 9, 10, 11])
    np.testing.assert_array_equal(autumn[16:], np.arange(12, 96))
    np.testing.assert_array_equal(spring[:92], [*range(8), *range(12, 96)])
    assert np.isnan(spring[92:]).all()


def test_equal_values_have_exactly_their_value_as_mean() -> None:
    matrix = np.repeat(np.random.default_rng(1).normal(50, 30, (20, 25)), 4, axis=1)
    np.testing.assert_array_equal(mean_of_periods(matrix, 4), matrix[:, ::4])


def test_a_period_with_a_missing_slot_is_missing() -> None:
    matrix = np.ones((1, LONGEST_DAY_QUARTERS))
    matrix[0, 5] = np.nan
    assert np.flatnonzero(np.isnan(mean_of_periods(matrix, 4)[0])).tolist() == [1]
