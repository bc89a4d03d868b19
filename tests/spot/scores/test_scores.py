"""Scores against hand calculations."""

import numpy as np
import pytest

from spot.errors import ContractError
from spot.scores.scores import PERCENTILES, coverage, percentiles_of, pinball_losses, score_forecasts

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


def test_every_score_on_two_days() -> None:
    actual = np.array([[10.0, 20.0], [30.0, np.nan]])
    point = np.array([[12.0, 20.0], [27.0, 99.0]])
    quantiles = point[..., None] + np.array([-4.0, -2.5, 0.0, 2.5, 4.0])
    naive = np.array([[15.0, 20.0], [25.0, 1.0]])
    scores = score_forecasts(actual, point, quantiles, levels=LEVELS, naive=naive)
    assert scores.mae == pytest.approx(5 / 3)
    assert scores.rmae == pytest.approx((5 / 3) / (10 / 3))
    assert scores.rmse == pytest.approx(np.sqrt(13 / 3))
    assert scores.smape == pytest.approx(np.mean([2 * 2 / 22, 0, 2 * 3 / 57]))
    assert scores.coverage_80 == pytest.approx(2 / 3)
    assert scores.coverage_95 == 1.0
    assert scores.crps == pytest.approx(2 * scores.pinball)
    assert scores.n_days == 2


def test_pinball_is_half_the_absolute_error_at_the_median() -> None:
    losses = pinball_losses(np.array([[1.0]]), np.array([[[4.0, 4.0]]]), (0.5, 0.9))
    assert losses[0, 0] == pytest.approx([1.5, 0.3])


def test_crps_of_a_normal_forecast_is_the_known_one() -> None:
    from scipy import stats

    rng = np.random.default_rng(0)
    actual = rng.normal(size=(400, 24))
    levels = (0.025, *PERCENTILES, 0.975)
    levels = tuple(sorted(levels))
    quantiles = np.broadcast_to(stats.norm.ppf(levels), (400, 24, len(levels)))
    scores = score_forecasts(
        actual, np.zeros_like(actual), quantiles, levels=levels, naive=np.ones_like(actual)
    )
    assert scores.crps == pytest.approx(1 / np.sqrt(np.pi), rel=0.03)
    assert scores.coverage_80 == pytest.approx(0.8, abs=0.01)


def test_percentiles_are_interpolated() -> None:
    assert percentiles_of(np.array([0.0, 10.0]), (0.1, 0.9))[[9, 49, 89]] == pytest.approx([0.0, 5.0, 10.0])


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(ContractError):
        coverage(np.zeros((1, 1)), np.zeros((1, 1, 2)), (0.2, 0.8), 0.8)
    with pytest.raises(ContractError):
        score_forecasts(
            np.full((1, 1), np.nan),
            np.zeros((1, 1)),
            np.zeros((1, 1, 5)),
            levels=LEVELS,
            naive=np.zeros((1, 1)),
        )
    with pytest.raises(ContractError):
        pinball_losses(np.zeros((2, 2)), np.zeros((2, 2, 3)), LEVELS)
