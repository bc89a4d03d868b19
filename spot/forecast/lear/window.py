"""Fast LEAR: lasso-estimated autoregression of every hour on lagged prices, inputs and the weekday.

It is recalibrated daily.

Source of the model: Uniejewski, Nowotarski and Weron (2016); Lago et al. (2021), who average it over
calibration windows. It is fast because one Gram matrix serves all 24 hours, and the alternating direction
method (ADMM; Boyd et al., 2011) solves all hours at once from yesterday's solution. So a recalibration is one
Cholesky factor and a few dozen matrix products. Where days outnumber regressors, AIC chooses the penalties
along a grid that is solved at once. In shorter windows AIC has no meaning, and the error on the newest two
weeks chooses.
"""

from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy.linalg import lapack

from spot.arrays import Floats, Singles
from spot.forecast.days.features import FilledHistory
from spot.forecast.days.files import Arrays
from spot.forecast.days.input_roles import own_series
from spot.forecast.days.normalisation import MAX_TRANSFORMED, NORMAL_MAD
from spot.market.clock import weekdays
from spot.strict_settings import StrictSettings

PRICE_LAGS = (1, 2, 3, 7)
INPUT_LAGS = (0, 1, 7)
"""Days before the delivery day whose prices and inputs are regressors: those of Lago et al. (2021)."""
_LONGEST_LAG = 7
"""The longest of both."""
_HELD_OUT_DAYS = 14
"""Newest days that choose the penalty of a short window. Chosen by hand; not tuned."""
_STEP_SHARE = 0.3
"""Step of ADMM, in units of the mean diagonal of the Gram matrix. It changes how fast the solver converges,
not where. Chosen by hand; not tuned.
"""
_RELAXATION = 1.6
"""Over-relaxation of ADMM; Boyd et al. (2011), section 3.4.3, advise 1.5 to 1.8."""


class LearSettings(StrictSettings):
    """Calibration windows and how penalties are chosen."""

    windows_days: tuple[int, ...] = (56, 84, 1092, 1456)
    """Windows of Lago et al. (2021): eight and twelve weeks, three and four years."""
    selection_days: int = Field(default=28, ge=1)
    """Days between two choices of the penalties. Chosen by hand; not tuned."""
    n_penalties: int = Field(default=16, ge=2)
    """Penalties in the grid of AIC. Chosen by hand; not tuned."""
    smallest_share: float = Field(default=1e-3, gt=0, lt=1)
    """Smallest penalty of the grid as a share of the largest, the usual `eps` of scikit-learn's `lasso_path`.
    At the largest, all coefficients are 0.
    """
    short_shares: tuple[float, ...] = (0.02, 0.05, 0.1)
    """Shares of the largest penalty to choose from where regressors outnumber days. The one with the smallest
    error on the newest two weeks is taken.
    """
    iterations: int = Field(default=40, ge=1)
    """Steps of the solver from yesterday's solution. `python -m benchmarks.forecasts.lear` compares the
    result with the published forecasts.
    """


@dataclass(frozen=True, slots=True)
class _Solved:
    """Solution of one recalibration, where the next one starts.

    It holds coefficients, their split copy, their dual and the penalties, all per hour.
    """

    split: Singles
    dual: Singles
    penalty: Singles
    selected_on: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calibrated:
    """All that a forecast of day `row` needs besides the regressors of that day."""

    row: int
    centre: Floats
    spread: Floats
    mean: Floats
    y_mean: Floats
    solved: _Solved


class LearWindow:
    """LEAR on one calibration window.

    A forecast changes no state until its day is committed, so it may be asked for any number of times.
    """

    def __init__(self, window_days: int, settings: LearSettings) -> None:
        self._window, self._settings = window_days, settings
        self._solved: _Solved | None = None
        self._pending: tuple[int, _Solved] | None = None
        self._ahead: _Calibrated | None = None

    def predict(self, history: FilledHistory, row: int) -> Floats:
        """(24,) price of day `row`, from the `window_days` days before it and its inputs."""
        ready = (
            self._ahead
            if self._ahead is not None and self._ahead.row == row
            else self._calibrate(history, row)
        )
        self._pending = row, ready.solved
        target = regressors(history, slice(row, row + 1), ready.centre, ready.spread)[0]
        transformed = np.clip(
            (target - ready.mean) @ ready.solved.split + ready.y_mean, -MAX_TRANSFORMED, MAX_TRANSFORMED
        )
        return np.asarray(np.sinh(transformed) * ready.spread[0] + ready.centre[0])

    def prepare_next(self, history: FilledHistory) -> None:
        """Calibrate in advance for the day after the last of `history`, whose days are all absorbed."""
        self._ahead = self._calibrate(history, len(history))

    def _calibrate(self, history: FilledHistory, row: int) -> _Calibrated:
        start = max(_LONGEST_LAG, row - self._window)
        centre, spread = _scales(history, slice(start - _LONGEST_LAG, row))
        known = history.is_known[start:row]
        outcomes = np.arcsinh((history.prices[start:row] - centre[0]) / spread[0])[known]
        x = regressors(history, slice(start, row), centre, spread)[known]
        mean, y_mean = x.mean(axis=0), outcomes.mean(axis=0)
        solved = self._solve(x - mean, outcomes - y_mean, row)
        return _Calibrated(row=row, centre=centre, spread=spread, mean=mean, y_mean=y_mean, solved=solved)

    def _solve(self, x: Floats, y: Floats, row: int) -> _Solved:
        """The solution for day `row` from (n, F) centred regressors and (n, 24) centred outcomes."""
        gram = (x.T @ x / len(x)).astype(np.float32)
        moment = (x.T @ y / len(x)).astype(np.float32)
        solved, settings = self._solved, self._settings
        if (
            solved is None
            or solved.split.shape != moment.shape
            or row - solved.selected_on >= settings.selection_days
        ):
            solved = self._select(x, y, gram, moment, row)
        split, dual = lasso(
            gram, moment, solved.penalty, start=(solved.split, solved.dual), iterations=settings.iterations
        )
        return _Solved(split, dual, solved.penalty, solved.selected_on)

    def walk(self, history: FilledHistory, rows: range) -> Floats:
        """(n, 24) prices of the days `rows` of a history, each from the days before it."""
        prices = np.empty((len(rows), history.prices.shape[1]))
        for i, row in enumerate(rows):
            prices[i] = self.predict(history, row)
            self.commit(row)
        return prices

    def commit(self, row: int) -> None:
        """Start the next day's solution from that of day `row`, if that was the last one solved."""
        if self._pending is not None and self._pending[0] == row:
            self._solved = self._pending[1]
        self._ahead = None

    def _select(self, x: Floats, y: Floats, gram: Singles, moment: Singles, row: int) -> _Solved:
        """Penalties per hour by AIC over a grid, all hours and penalties solved at once.

        In a short window the error on its newest days decides.
        """
        largest = np.abs(moment).max(axis=0)
        zero = np.zeros_like(moment)
        n_days, n_regressors = len(y), len(gram)
        if n_days <= n_regressors + 1:
            penalty = (self._short_share(x, y) * largest).astype(np.float32)
            split, dual = lasso(
                gram, moment, penalty, start=(zero, zero), iterations=6 * self._settings.iterations
            )
            return _Solved(split, dual, penalty, row)
        shares = np.geomspace(1.0, self._settings.smallest_share, self._settings.n_penalties)
        grid = (shares[:, None] * largest).astype(np.float32).ravel()
        moments, zeros = np.tile(moment, len(shares)), np.tile(zero, len(shares))
        split, dual = lasso(
            gram, moments, grid, start=(zeros, zeros), iterations=3 * self._settings.iterations
        )
        residual = np.mean(y**2, axis=0)[None] + np.einsum(
            "fk,fk->k", split, gram @ split - 2 * moments
        ).reshape(len(shares), -1)
        criterion = n_days * np.log(np.maximum(residual, 1e-9)) + 2 * (split != 0).sum(axis=0).reshape(
            len(shares), -1
        )
        best = criterion.argmin(axis=0) * moment.shape[1] + np.arange(moment.shape[1])
        return _Solved(split[:, best].copy(), dual[:, best].copy(), grid[best], row)

    def _short_share(self, x: Floats, y: Floats) -> float:
        """The share of the largest penalty that has the smallest error on the newest two weeks.

        The fit leaves these weeks out. All hours share one answer.
        """
        shares, n_hours = self._settings.short_shares, y.shape[1]
        learnt, held = slice(0, len(y) - _HELD_OUT_DAYS), slice(len(y) - _HELD_OUT_DAYS, None)
        if len(shares) == 1 or len(y) < 2 * _HELD_OUT_DAYS:
            return shares[0]
        gram = (x[learnt].T @ x[learnt] / len(y[learnt])).astype(np.float32)
        moment = (x[learnt].T @ y[learnt] / len(y[learnt])).astype(np.float32)
        penalty = np.concatenate([share * np.abs(moment).max(axis=0) for share in shares]).astype(np.float32)
        moments = np.tile(moment, len(shares))
        split, _ = lasso(
            gram,
            moments,
            penalty,
            start=(np.zeros_like(moments), np.zeros_like(moments)),
            iterations=4 * self._settings.iterations,
        )
        missed = np.abs(x[held] @ split - np.tile(y[held], len(shares))).reshape(-1, len(shares), n_hours)
        return shares[int(missed.mean(axis=(0, 2)).argmin())]

    def arrays(self) -> Arrays:
        """The state from which the next day will be solved."""
        state = self._solved
        if state is None:
            return {}
        return {
            "split": state.split,
            "dual": state.dual,
            "penalty": state.penalty,
            "selected_on": np.array(state.selected_on),
        }

    def restore(self, arrays: Arrays) -> None:
        """Take up the state of `arrays`."""
        if arrays:
            self._solved = _Solved(
                arrays["split"], arrays["dual"], arrays["penalty"], int(arrays["selected_on"])
            )


def lasso(
    gram: Singles, moment: Singles, penalty: Singles, *, start: tuple[Singles, Singles], iterations: int
) -> tuple[Singles, Singles]:
    """Coefficients (F, K) that minimise b'Gb/2 - b'm + penalty |b|_1 for K problems at once.

    It also returns their scaled duals, for a warm start.
    """
    step = np.float32(np.trace(gram) / len(gram) * _STEP_SHARE)
    factor, _ = lapack.spotrf(gram + step * np.eye(len(gram), dtype=np.float32), lower=1, clean=1)
    inverse, _ = lapack.spotri(factor, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    split, dual = start
    threshold = penalty / step
    base = inverse @ moment
    inverse = inverse * step
    for _ in range(iterations):
        smooth = base + inverse @ (split - dual)
        relaxed = np.float32(_RELAXATION) * smooth - np.float32(_RELAXATION - 1) * split + dual
        split = np.maximum(relaxed - threshold, 0) - np.maximum(-relaxed - threshold, 0)
        dual = relaxed - split
    return split, dual


def regressors(history: FilledHistory, rows: slice, centre: Floats, spread: Floats) -> Floats:
    """(n, F) scaled regressors of some rows.

    `centre` and `spread` are those of the price and of each input.
    """
    index = np.arange(rows.start, rows.stop)
    prices = np.arcsinh((history.prices[index[0] - _LONGEST_LAG : rows.stop] - centre[0]) / spread[0])
    parts = [prices[_LONGEST_LAG - lag : len(prices) - lag] for lag in PRICE_LAGS]
    for i, values in enumerate(own_series(history.inputs).values(), start=1):
        scaled = np.arcsinh((values[index[0] - _LONGEST_LAG : rows.stop] - centre[i]) / spread[i])
        parts += [scaled[_LONGEST_LAG - lag : len(scaled) - lag] for lag in INPUT_LAGS]
    weekday = weekdays(history.grid.days[rows])
    parts.append((weekday[:, None] == np.arange(7)).astype(np.float64))
    return np.concatenate(parts, axis=1)


def _scales(history: FilledHistory, rows: slice) -> tuple[Floats, Floats]:
    """Median and scaled median absolute deviation of the price and of every input, hour by hour.

    (1 + inputs, 24) each.
    """
    series = np.stack(
        [history.prices[rows], *(values[rows] for values in own_series(history.inputs).values())]
    )
    centre = np.median(series, axis=1)
    spread = np.median(np.abs(series - centre[:, None]), axis=1) / NORMAL_MAD
    return centre, np.where(spread > 1e-6, spread, 1.0)
