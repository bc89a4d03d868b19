"""The tests of significance against known answers."""

import numpy as np
import pytest
from scipy import stats

from spot.arrays import Floats
from spot.errors import ContractError
from spot.scores.significance import diebold_mariano, giacomini_white


def test_diebold_mariano_without_lags_is_the_textbook_statistic() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.gamma(2.0, 1.0, 500), rng.gamma(2.0, 1.2, 500)
    result = diebold_mariano(a, b, n_lags=0)
    d = a - b
    expected = d.mean() / np.sqrt(d.var() / len(d))
    assert result.statistic == pytest.approx(expected)
    assert result.p_value == pytest.approx(stats.norm.cdf(expected))
    assert diebold_mariano(b, a, n_lags=0).p_value == pytest.approx(1 - result.p_value)


def test_the_daily_loss_is_the_mean_over_the_periods_that_have_one() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.random((60, 25)), rng.random((60, 25))
    a[:, 23:] = np.nan
    assert diebold_mariano(a, b).statistic == pytest.approx(
        diebold_mariano(a[:, :23].mean(axis=1), b[:, :23].mean(axis=1)).statistic
    )


def test_size_is_right_under_autocorrelation_only_with_lags() -> None:
    rng = np.random.default_rng(3)
    rejections = {0: 0, 12: 0}
    for _ in range(300):
        noise = rng.normal(size=420)
        d = np.convolve(noise, np.ones(8), mode="valid")[:400]
        for lags in rejections:
            rejections[lags] += (
                diebold_mariano(d, np.zeros(400), alternative="two_sided", n_lags=lags).p_value < 0.05
            )
    assert rejections[0] > 100
    assert rejections[12] < 45


def test_giacomini_white_finds_a_difference_that_only_yesterday_foretells() -> None:
    rng = np.random.default_rng(4)
    d = np.zeros(800)
    for t in range(1, 800):
        d[t] = -0.6 * d[t - 1] + rng.normal()
    d -= d.mean()
    zero = np.zeros(800)
    assert diebold_mariano(d, zero, alternative="two_sided").p_value > 0.2
    assert giacomini_white(d, zero, alternative="two_sided").p_value < 1e-6


def test_giacomini_white_does_not_speak_for_the_worse_one() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.gamma(2.0, 1.5, 400), rng.gamma(2.0, 1.0, 400)
    assert giacomini_white(a, b).p_value == 1.0
    assert giacomini_white(b, a).p_value < 0.01


def test_equal_losses_are_no_evidence() -> None:
    loss = np.random.default_rng(6).random(100)
    assert diebold_mariano(loss, loss).p_value == 1.0
    assert giacomini_white(loss, loss).p_value == 1.0


@pytest.mark.parametrize(
    ("a", "b"), [(np.ones(5), np.zeros(5)), (np.ones(50), np.zeros(49)), (np.full(50, np.nan), np.ones(50))]
)
def test_too_little_is_refused(a: Floats, b: Floats) -> None:
    with pytest.raises(ContractError):
        diebold_mariano(a, b)
