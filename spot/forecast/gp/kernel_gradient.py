"""The gradient of a walk-forward's price error with respect to the kernel's hyper-parameters.

It is computed in reverse mode through the Cholesky factor.

For K = L L' and z = L^-1 Y the walk-forward means are m = Y - diag(L) z. Reverse mode of the factor (Murray,
2016, "Differentiation of the Cholesky decomposition") gives Kbar = sym(L^-T Phi(L' Lbar) L^-1), where Phi
keeps the lower triangle and halves the diagonal. Lbar is the lower part of a matrix of rank H, so Phi(L'
Lbar) needs no matrix product: it is -zbar z' below the diagonal. Two triangular solves remain.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from spot.arrays import Floats, Singles
from spot.forecast.days.normalisation import MAX_TRANSFORMED
from spot.forecast.gp.growing_factor import factorise, one_step_means, solve_lower
from spot.forecast.gp.kernel import (
    BIAS,
    NEARNESS,
    KernelInputs,
    KernelWeights,
    largest_distance_part,
    nearness,
)

_BLOCK_ROWS = 256
"""Rows worked on at once, as in the kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTargets:
    """Targets of a walk-forward: n days of H hours, and the levels that turn a mean into a price."""

    outcomes: Singles
    """(n, H) transformed prices."""
    prices: Floats
    """(n, H) EUR/MWh."""
    centre: Floats
    spread: Floats
    weight: Floats
    """(n,) weight of each day's error; 0 for days that do not count."""
    noise_factor: Singles
    """(n,) each day's noise variance in units of the common one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightGradient:
    """Error and its derivative with respect to the logarithm of every hyper-parameter.

    For exponents, the derivative is with respect to the exponent itself.
    """

    error: float
    """Weighted mean absolute price error."""
    distance: Floats
    linear: Floats
    amplitude: Floats
    exponent: Floats
    noise: float


class GradientWorkspace:
    """Buffers for one set of inputs, used again in every step.

    Allocating n by n floats costs more than filling them.
    """

    def __init__(self, columns: Singles, widths: list[int]) -> None:
        n_days = len(columns)
        self.columns = columns
        self.starts = np.concatenate([[0], np.cumsum(widths)[:-1]])
        self.widths = widths
        self.log_distance = np.empty((2, n_days, n_days), dtype=np.float32)
        self.kernel = np.empty((n_days, n_days), dtype=np.float32)
        self.days = np.arange(n_days, dtype=np.float32)
        self.near = nearness(self.days, self.days)

    def blocks(self) -> list[slice]:
        """Blocks of rows. Each is computed up to its last row, since only the lower triangle is needed."""
        n_days = len(self.columns)
        return [slice(start, min(start + _BLOCK_ROWS, n_days)) for start in range(0, n_days, _BLOCK_ROWS)]

    def inputs(self, weights: KernelWeights) -> KernelInputs:
        """The columns scaled by these weights."""
        distance = np.repeat(weights.distance, self.widths, axis=1).astype(np.float32)
        return KernelInputs(
            self.columns, self.days, distance, np.repeat(weights.linear, self.widths).astype(np.float32)
        )

    def by_group(self, columns: Floats) -> Floats:
        """Sums over the columns of each group: `(n, G)` from `(n, columns)`, or `(G,)` from `(columns,)`."""
        return np.asarray(np.add.reduceat(columns, self.starts, axis=-1), dtype=np.float64)


def walk_forward_gradient(
    space: GradientWorkspace, weights: KernelWeights, targets: PriceTargets
) -> WeightGradient:
    """Error of the walk-forward under `weights` and its gradient.

    Raises:
        ForecastError: the kernel is not positive definite.
    """
    _fill_kernel(space, weights)
    factor = factorise(space.kernel, (weights.noise * targets.noise_factor).astype(np.float32))
    whitened = solve_lower(factor, targets.outcomes)
    means = np.clip(one_step_means(factor, whitened).astype(np.float64), -MAX_TRANSFORMED, MAX_TRANSFORMED)
    miss = np.sinh(means) * targets.spread[:, None] + targets.centre[:, None] - targets.prices
    share = (targets.weight / (targets.weight.sum() * miss.shape[1]))[:, None]
    error = float((np.abs(miss) * share).sum())
    mean_bar = (np.sign(miss) * np.cosh(means) * targets.spread[:, None] * share).astype(np.float32)
    kernel_bar = _kernel_bar(factor, whitened, mean_bar)
    return _pull_back(space, weights, kernel_bar, error, targets)


def _fill_kernel(space: GradientWorkspace, weights: KernelWeights) -> None:
    """The lower triangle of the kernel, and of the logarithms of both squared distances."""
    inputs = space.inputs(weights)
    x, linear = inputs.columns, inputs.columns * inputs.linear
    scaled = [x * np.sqrt(row) for row in inputs.distance]
    squares = [np.einsum("ij,ij->i", z, z) for z in scaled]
    for rows in space.blocks():
        block = space.kernel[rows, : rows.stop]
        np.matmul(linear[rows], x[: rows.stop].T, out=block)
        block += np.float32(BIAS)
        for component in range(2):
            z, square = scaled[component], squares[component]
            log_distance = space.log_distance[component, rows, : rows.stop]
            np.matmul(z[rows], z[: rows.stop].T, out=log_distance)
            log_distance *= np.float32(-2)
            log_distance += square[rows, None]
            log_distance += square[: rows.stop]
            np.maximum(log_distance, np.float32(1e-6), out=log_distance)
            np.log(log_distance, out=log_distance)
            power = np.exp(log_distance * np.float32(weights.exponent[component] / 2))
            block += (
                np.exp(np.float32(np.log(weights.amplitude[component])) - power)
                * space.near[rows, : rows.stop]
            )
    own = np.float32(BIAS + largest_distance_part(weights)) + np.einsum("ij,ij->i", linear, x)
    space.kernel[np.diag_indices(len(x))] = own


def _kernel_bar(factor: Singles, whitened: Singles, mean_bar: Singles) -> Singles:
    """(n, n) derivative of the error with respect to the kernel.

    It is a lower triangle. Entries below the diagonal count for both halves.
    """
    diagonal = np.diag(factor)
    z_bar = -diagonal[:, None] * mean_bar
    inner = np.tril(
        -z_bar @ whitened.T, -1
    )  # on the diagonal the two parts of Lbar cancel: a mean does not depend on its own outcome
    # `inner` is row-major, so LAPACK sees its transpose. L^-T inner L^-1 comes from solving from one side,
    # transposing, and solving again.
    half, _ = lapack.strtrs(factor.T, np.asfortranarray(inner), lower=0, trans=0, overwrite_b=1)
    full, _ = lapack.strtrs(factor.T, np.asfortranarray(half.T), lower=0, trans=0, overwrite_b=1)
    bar = full + full.T
    bar[np.diag_indices(len(factor))] /= 2
    return np.tril(bar)


def _pull_back(
    space: GradientWorkspace, weights: KernelWeights, kernel_bar: Singles, error: float, targets: PriceTargets
) -> WeightGradient:
    """From the kernel's derivative to those of the hyper-parameters."""
    x = space.columns
    distance = np.zeros((2, x.shape[1]))
    amplitude, exponent = np.zeros(2), np.zeros(2)
    product = np.empty_like(x)
    for rows in space.blocks():
        np.matmul(kernel_bar[rows, : rows.stop], x[: rows.stop], out=product[rows])
    linear = np.einsum("ij,ij->j", product, x, dtype=np.float64) * np.repeat(weights.linear, space.widths)
    for component in range(2):
        row_sum, column_sum = np.zeros(len(x), dtype=np.float64), np.zeros(len(x), dtype=np.float64)
        half_exponent = np.float32(weights.exponent[component] / 2)
        for rows in space.blocks():
            log_distance = space.log_distance[component, rows, : rows.stop]
            power = np.exp(half_exponent * log_distance)
            part = kernel_bar[rows, : rows.stop] * np.exp(
                np.float32(np.log(weights.amplitude[component])) - power
            )
            part *= space.near[rows, : rows.stop]
            diagonal = np.arange(rows.stop - rows.start), np.arange(rows.start, rows.stop)
            part[diagonal] = kernel_bar[rows, : rows.stop][diagonal] * np.float32(
                (1 + NEARNESS) * weights.amplitude[component]
            )
            amplitude[component] += float(part.sum(dtype=np.float64))
            part[diagonal] = 0.0
            part *= power
            exponent[component] -= float(np.einsum("ij,ij->", part, log_distance)) / 2
            part *= -half_exponent * np.exp(-log_distance)
            row_sum[rows] += part.sum(axis=1)
            column_sum[: rows.stop] += part.sum(axis=0)
            np.matmul(part, x[: rows.stop], out=product[rows])
        quadratic = ((row_sum + column_sum)[:, None] * x.astype(np.float64) ** 2).sum(axis=0)
        distance[component] = quadratic - 2 * np.einsum("ij,ij->j", product, x, dtype=np.float64)
    return WeightGradient(
        error=error,
        distance=space.by_group(distance) * weights.distance,
        linear=space.by_group(linear),
        amplitude=amplitude,
        exponent=exponent,
        noise=float(np.diag(kernel_bar) @ targets.noise_factor) * weights.noise,
    )
