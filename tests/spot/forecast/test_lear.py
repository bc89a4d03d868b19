"""The batched lasso against scikit-learn's, and LEAR on prices that it can learn."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso

from spot.forecast.lear.window import lasso


@pytest.mark.parametrize(("n_days", "n_regressors"), [(300, 40), (30, 60)])
def test_the_lasso_is_the_lasso(n_days: int, n_regressors: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_days, n_regressors))
    truth = np.where(np.arange(n_regressors) < 5, 1.0, 0.0)
    y = np.stack([x @ truth + rng.normal(size=n_days), x @ -truth + rng.normal(size=n_days)], axis=1)
    gram, moment = (x.T @ x / n_days).astype(np.float32), (x.T @ y / n_days).astype(np.float32)
    penalty = np.array([0.05, 0.3], dtype=np.float32)
    zero = np.zeros_like(moment)
    ours, _ = lasso(gram, moment, penalty, start=(zero, zero), iterations=600)
    for column, alpha in enumerate(penalty):
        theirs = (
            Lasso(alpha=float(alpha), fit_intercept=False, tol=1e-8, max_iter=20_000)
            .fit(x, y[:, column])
            .coef_
        )
        assert np.abs(ours[:, column] - theirs).max() < 5e-3
        assert ((ours[:, column] != 0) == (np.abs(theirs) > 1e-6)).mean() > 0.9


def test_a_warm_start_needs_few_steps() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 50))
    y = x[:, :3].sum(axis=1, keepdims=True) + rng.normal(size=(200, 1))
    gram, moment = (x.T @ x / 200).astype(np.float32), (x.T @ y / 200).astype(np.float32)
    penalty = np.array([0.1], dtype=np.float32)
    zero = np.zeros_like(moment)
    solved = lasso(gram, moment, penalty, start=(zero, zero), iterations=500)
    again, _ = lasso(gram * np.float32(1.01), moment, penalty, start=solved, iterations=10)
    exact, _ = lasso(gram * np.float32(1.01), moment, penalty, start=(zero, zero), iterations=1_000)
    assert np.abs(again - exact).max() < 2e-3
