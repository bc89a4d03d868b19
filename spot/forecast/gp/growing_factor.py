"""Gaussian-process regression on days.

One Cholesky factor gives the whole walk-forward, and one more day needs no refit.

With K + noise = L L' over days 0..n and z = L^-1 Y, row m of z depends on days 0..m alone. The forecast of
day m from the days before it is sum_{k<m} L_mk z_k, with variance L_mm^2. So one factor holds every daily
recalibration of a backtest, and a new day is one new row of L. Source: Rasmussen and Williams (2006), chapter
2 and A.3. The use of the factor's prefixes as a walk-forward follows from their algorithm 2.1.

Targets are normalised prices, so all arrays are without unit.
"""

import numpy as np
from scipy.linalg import lapack

from spot.arrays import Singles
from spot.errors import ForecastError

BLANK_NOISE = 1e4
"""Noise variance of a day whose price is not known. It is so large that the day has no influence."""


def factorise(kernel: Singles, noise: Singles) -> Singles:
    """Lower Cholesky factor, `(n, n)`, of a kernel matrix plus noise on its diagonal.

    Reads the lower triangle of `kernel`, `(n, n)`, and overwrites it. `noise` is `(n,)`.

    Raises:
        ForecastError: the matrix is not positive definite, as with inputs that are not finite.
    """
    kernel[np.diag_indices(len(kernel))] += noise
    # LAPACK sees the transpose of this row-major matrix. Its upper factor there is the lower factor here,
    # made in place.
    factor, info = lapack.spotrf(kernel.T, lower=0, overwrite_a=1, clean=1)
    if info != 0 or not np.isfinite(np.diagonal(factor)).all():  # LAPACK lets NaN pass
        raise ForecastError("the kernel matrix is not positive definite: the inputs cannot be trusted")
    return np.asarray(factor.T)


def solve_lower(factor: Singles, right: Singles) -> Singles:
    """L^-1 right, `(n, k)`, for a lower factor L, `(n, n)`."""
    solution, _ = lapack.strtrs(factor.T, right, lower=0, trans=1)
    return np.asarray(solution)


def solve_upper(factor: Singles, right: Singles) -> Singles:
    """L^-T right, `(n, k)`, for a lower factor L, `(n, n)`."""
    solution, _ = lapack.strtrs(factor.T, right, lower=0, trans=0)
    return np.asarray(solution)


def one_step_means(factor: Singles, whitened: Singles) -> Singles:
    """(n, H) forecast of every day from the days before it. `whitened` is L^-1 Y.

    The product uses the strictly lower part, so a day's own outcome does not enter its forecast, not even by
    rounding.
    """
    diagonal = np.diag(factor).copy()
    np.fill_diagonal(factor, 0.0)
    means = factor @ whitened
    np.fill_diagonal(factor, diagonal)
    return np.asarray(means)


class PackedFactor:
    """A lower Cholesky factor in LAPACK's rectangular full packed format: half the memory, solved as fast."""

    def __init__(self, factor: Singles) -> None:
        self._size = len(factor)
        self._packed, _ = lapack.strttf(factor.T, uplo="U")

    def __len__(self) -> int:
        return self._size

    def solve_lower(self, right: Singles) -> Singles:
        """L^-1 right, (n, H)."""
        return np.asarray(lapack.stfsm(1.0, self._packed, right, uplo="U", trans="T"))

    def solve_upper(self, right: Singles) -> Singles:
        """L^-T right, (n, H)."""
        return np.asarray(lapack.stfsm(1.0, self._packed, right, uplo="U", trans="N"))


class GrowingFactor:
    """A Cholesky factor with its whitened outcomes that takes one more day at a time.

    The factor of the days of the fit does not change. Later days are appended as rows [border corner], where
    the corner is lower triangular.
    """

    def __init__(self, factor: Singles, outcomes: Singles) -> None:
        self._whitened = solve_lower(factor, outcomes)
        self.backcasts = one_step_means(factor, self._whitened)
        """(n, H) walk-forward means over the days of the fit."""
        self._factor = PackedFactor(factor)
        self._border = np.empty((0, len(factor)), dtype=np.float32)
        self._corner = np.empty((0, 0), dtype=np.float32)
        self._coefficients: Singles | None = None

    def mean(self, kernel: Singles) -> Singles:
        """(H,) mean for a day whose kernel against the n absorbed days is `kernel`."""
        return np.asarray(kernel @ self.coefficients())

    def coefficients(self) -> Singles:
        """(n, H) coefficients K^-1 Y, solved once after the last absorbed day."""
        if self._coefficients is None:
            self._coefficients = self._solve_coefficients()
        return self._coefficients

    def absorb(self, kernel: Singles, own: float, outcome: Singles) -> None:
        """Add a day: its kernel against the past, its own variance with noise, its transformed prices.

        Shapes are `(n,)` for the n absorbed days and `(H,)` for the prices.
        """
        n_base = len(self._factor)
        head = self._factor.solve_lower(kernel[:n_base, None])[:, 0]
        tail = kernel[n_base:] - self._border @ head
        if len(tail):
            tail = solve_lower(self._corner, tail)
        pivot = np.float32(np.sqrt(max(own - float(head @ head) - float(tail @ tail), 1e-6)))
        mean = head @ self._whitened[:n_base] + tail @ self._whitened[n_base:]
        self._border = np.concatenate([self._border, head[None]])
        corner = np.zeros((len(tail) + 1, len(tail) + 1), dtype=np.float32)
        corner[:-1, :-1], corner[-1, :-1], corner[-1, -1] = self._corner, tail, pivot
        self._corner = corner
        self._whitened = np.concatenate([self._whitened, ((outcome - mean) / pivot)[None].astype(np.float32)])
        self._coefficients = None

    def _solve_coefficients(self) -> Singles:
        """(n, H) K^-1 Y."""
        n_base = len(self._factor)
        head, tail = self._whitened[:n_base], self._whitened[n_base:]
        if len(tail):
            tail = solve_upper(self._corner, tail)
            head = head - self._border.T @ tail
        return np.concatenate([self._factor.solve_upper(head), tail])
