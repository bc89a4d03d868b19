"""Quantiles cover what they say, widen with doubt, and never cross."""

import numpy as np
import pytest

from spot.arrays import Floats
from spot.forecast.conformal import calibrate, error_scales
from spot.forecast.interface import QUANTILE_LEVELS


def forecast_days(n_days: int = 700, seed: int = 0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    points = 60 + 15 * np.sin(np.arange(24) / 24 * 2 * np.pi) + rng.normal(0, 8, (n_days, 1))
    calm = np.where(np.arange(n_days) % 200 < 100, 1.0, 2.5)[:, None]
    return points + calm * rng.standard_t(4, (n_days, 24)) * 4, points


def quantiles_on(day: int, prices: Floats, points: Floats, **changes: float) -> Floats:
    past = calibrate(
        prices[:day],
        points[:day],
        centre=np.full(day, 60.0),
        spread=np.full(day, 15.0),
        levels=QUANTILE_LEVELS,
    )
    return past.around(points[day], centre=60.0, spread=15.0, **changes)


def test_coverage_is_nominal_while_the_size_of_errors_changes() -> None:
    prices, points = forecast_days()
    days = range(400, 700)
    made = np.array([quantiles_on(day, prices, points) for day in days])
    actual = prices[400:]
    for low, high, nominal in ((2, 6, 0.8), (0, 8, 0.95)):
        assert ((actual >= made[:, :, low]) & (actual <= made[:, :, high])).mean() == pytest.approx(
            nominal, abs=0.04
        )
    assert (np.diff(made, axis=2) >= 0).all()


def test_widening_widens_and_missing_outcomes_do_not_narrow() -> None:
    prices, points = forecast_days(200)
    usual = quantiles_on(199, prices, points)
    assert (
        np.ptp(quantiles_on(199, prices, points, widening=1.5), axis=1).mean()
        > 1.3 * np.ptp(usual, axis=1).mean()
    )
    prices[190:199] = np.nan
    holed = quantiles_on(199, prices, points)
    assert np.ptp(holed, axis=1).mean() > 0.7 * np.ptp(usual, axis=1).mean()


def test_a_scale_never_uses_its_own_day() -> None:
    rng = np.random.default_rng(0)
    errors = rng.normal(size=(100, 24))
    changed = errors.copy()
    changed[60:] *= 50
    assert np.array_equal(error_scales(errors)[:61], error_scales(changed)[:61])


def test_a_scale_stays_as_it_was_while_outcomes_are_missing() -> None:
    rng = np.random.default_rng(0)
    errors = rng.normal(size=(100, 24)) * np.where(np.arange(100) < 60, 1.0, 5.0)[:, None]
    errors[80:95] = np.nan
    scales = error_scales(errors)
    assert np.array_equal(scales[80], scales[95])
    assert (error_scales(np.full((30, 24), np.nan)) == 1).all()


def test_an_absurd_history_stays_finite() -> None:
    prices, points = forecast_days(200)
    assert np.isfinite(quantiles_on(199, prices * 1e6, points)).all()
