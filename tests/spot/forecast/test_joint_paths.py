"""Paths keep each unit's distribution, take the dependence of past days, and are the same every time."""

from datetime import date, timedelta
from time import process_time

import numpy as np
import pytest

from spot.arrays import Floats
from spot.errors import ContractError
from spot.forecast.joint.day_paths import MIN_DAYS, ZoneDay, day_paths, zone_paths
from spot.forecast.joint.places import LEVELS, places, prices_at

N_UNITS = 24


def made_quantiles(n_units: int = N_UNITS) -> Floats:
    middle = 80.0 + 30.0 * np.sin(np.arange(n_units))
    return middle[:, None] + 40.0 * (LEVELS - 0.5)[None]


def errors(n_days: int, n_units: int = N_UNITS, share: float = 0.9) -> Floats:
    """Past errors whose units share most of the day's error."""
    day = np.random.default_rng(7).normal(size=(n_days, 1))
    return share * day + (1 - share) * np.random.default_rng(8).normal(size=(n_days, n_units))


def test_a_place_leads_back_to_its_price_inside_and_beyond_the_quantiles() -> None:
    quantiles = made_quantiles(5)
    prices = quantiles[:, 4] + np.array([-25.0, -11.0, 0.3, 12.0, 30.0])
    at = places(quantiles, prices)
    assert ((at > 0) & (at < 1)).all()
    assert at[0] < LEVELS[0]
    assert at[4] > LEVELS[-1]
    np.testing.assert_allclose(prices_at(quantiles, at[None])[0], prices, atol=1e-6)


def test_a_level_is_the_place_of_its_own_quantile() -> None:
    quantiles = np.repeat(made_quantiles(1), len(LEVELS), axis=0)
    np.testing.assert_allclose(places(quantiles, quantiles[0]), LEVELS)


def test_equal_quantiles_give_the_middle_place_and_a_gap_gives_none() -> None:
    flat = np.full((2, len(LEVELS)), 50.0)
    at = places(flat, np.array([50.0, np.nan]))
    assert at[0] == pytest.approx(0.5)
    assert np.isnan(at[1])


def test_every_unit_keeps_its_quantiles() -> None:
    quantiles = made_quantiles()
    paths = day_paths(quantiles, errors(180))
    assert paths.shape == (500, N_UNITS)
    np.testing.assert_allclose(np.quantile(paths, LEVELS, axis=0).T, quantiles, atol=0.6)


def test_units_that_erred_together_move_together_and_others_do_not() -> None:
    quantiles = made_quantiles()
    together = np.quantile(day_paths(quantiles, errors(180)).mean(axis=1), [0.1, 0.9])
    apart = np.quantile(
        day_paths(quantiles, np.random.default_rng(5).normal(size=(180, N_UNITS))).mean(axis=1), [0.1, 0.9]
    )
    own = quantiles[0, 6] - quantiles[0, 2]
    assert float(together[1] - together[0]) == pytest.approx(own, rel=0.15)
    assert float(apart[1] - apart[0]) < 0.5 * own


def test_recent_days_count_more() -> None:
    past = np.concatenate(
        [np.random.default_rng(5).normal(size=(90, 2)), np.repeat(errors(90, 1), 2, axis=1)]
    )
    correlations = []
    for half_life in (10.0, 1e9):
        centred = day_paths(made_quantiles(2), past, half_life_days=half_life)
        centred = centred - centred.mean(axis=0)
        first, second = centred.T
        correlations.append(float((first * second).mean() / (first.std() * second.std())))
    assert correlations[0] > 0.95
    assert correlations[1] < 0.7


def test_too_few_days_give_no_paths_and_wrong_shapes_are_refused() -> None:
    quantiles = made_quantiles()
    assert day_paths(quantiles, errors(MIN_DAYS - 1)).shape == (0, N_UNITS)
    assert len(day_paths(quantiles, errors(MIN_DAYS))) == 500
    with pytest.raises(ContractError, match="24 units"):
        day_paths(quantiles, errors(60, 23))
    gap = errors(60)
    gap[3, 3] = np.nan
    with pytest.raises(ContractError, match="leave that day out"):
        day_paths(quantiles, gap)


def test_zones_take_the_ranks_of_the_days_that_both_have() -> None:
    past, days = errors(100), tuple(date(2025, 1, 1) + timedelta(days=i) for i in range(100))
    zones = {
        "BE": ZoneDay(quantiles=made_quantiles(), past=past, days=days),
        "NL": ZoneDay(quantiles=made_quantiles() + 5.0, past=past[20:] + 1.0, days=days[20:]),
    }
    made = zone_paths(zones)
    assert made["BE"].shape == made["NL"].shape == (500, N_UNITS)
    assert np.corrcoef(made["BE"].mean(axis=1), made["NL"].mean(axis=1))[0, 1] > 0.99
    assert zone_paths({}) == {}
    few = ZoneDay(quantiles=made_quantiles(), past=past[-10:], days=days[-10:])
    assert len(zone_paths({"BE": zones["BE"], "NL": few})["BE"]) == 0


def test_the_same_arguments_give_the_same_paths_within_the_time() -> None:
    quantiles, past = made_quantiles(96), errors(180, 96)
    first = day_paths(quantiles, past)
    started = process_time()
    again = day_paths(quantiles, past)
    assert process_time() - started < 0.5
    assert np.array_equal(first, again)
