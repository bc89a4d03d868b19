"""Keyed noise: standard normal, correlated as asked, the same from any starting point."""

from datetime import date

import numpy as np
import pytest

from spot.errors import ConfigurationError
from spot.simulation.noise import BLOCK_HOURS, daily_process, epoch_day, hourly_process, quarter_noise


def test_hourly_process_has_unit_variance_and_the_asked_memory() -> None:
    values = hourly_process(1, "x", 450_000.0 + np.arange(60_000.0), 20.0)
    assert abs(values.mean()) < 0.08
    assert values.std() == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(values[20:], values[:-20])[0, 1] == pytest.approx(np.exp(-1.0), abs=0.05)


def test_blocks_join_without_a_seam() -> None:
    boundary = 300 * BLOCK_HOURS
    values = hourly_process(1, "x", boundary + np.arange(-2000.0, 2000.0), 100.0)
    steps = np.abs(np.diff(values))
    assert steps[1995:2005].max() < steps.max()
    assert np.array_equal(values[1990:2010], hourly_process(1, "x", boundary + np.arange(-10.0, 10.0), 100.0))


def test_streams_and_seeds_are_independent() -> None:
    hours = np.arange(450_000.0, 470_000.0)
    draws = [hourly_process(seed, stream, hours, 5.0) for seed, stream in ((1, "x"), (1, "y"), (2, "x"))]
    correlation = np.corrcoef(draws)
    assert np.abs(correlation - np.eye(3)).max() < 0.06


def test_quarters_are_white_and_anchored() -> None:
    quarters = np.arange(1_900_000, 1_960_000)
    values = quarter_noise(4, "q", quarters)
    assert np.corrcoef(values[1:], values[:-1])[0, 1] == pytest.approx(0.0, abs=0.02)
    assert np.array_equal(values[100:110], quarter_noise(4, "q", quarters[100:110]))


def test_the_daily_process_is_shared_and_cannot_be_overwritten() -> None:
    values = daily_process(1, "gas", 300.0)
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1.0


def test_the_world_has_an_edge() -> None:
    assert epoch_day(date(2020, 1, 1)) == 18262
    with pytest.raises(ConfigurationError):
        epoch_day(date(2060, 1, 1))
