"""The kernel between delivery days, shared by all hours of the day or by a block of them.

K(x, x') = h(t, t') sum_j a_j exp(-(sum_g w_jg |x_g - x'_g|^2)^(gamma_j / 2)) + sum_g l_g <x_g, x'_g> + BIAS,
with two components j, and with h = 1 + NEARNESS exp(-|t - t'| / MEMORY_DAYS) for days t and t'. Similar days
count as a little more similar while they are near in time, so the forecast follows recent changes. In the
kernel of a block of hours, the same hours of prices and inputs have more weight in the distances. Matrices
are float32, and only their lower triangle is made, because the next step is a Cholesky factor.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spot.arrays import Floats, Singles
from spot.forecast.days.features import EVENING, DayFeatures, NormalisationWindow
from spot.forecast.days.input_roles import input_role
from spot.forecast.gp.prior_weights import DISTANCE_KINDS, LINEAR_KINDS, prior_table
from spot.market.clock import HOURS

WHOLE_DAY = slice(0, HOURS)
BIAS = 3.0
"""Variance of a constant, so that the mean of the transformed prices is free. Chosen by hand; not tuned."""
NEARNESS = 0.1
MEMORY_DAYS = 60.0
"""How much more similar days count that are near in time, and how slowly that fades. Measured beside 30 days,
and 100 days with 0.15 (docs/forecasting.md, "What helped and what did not").
"""
FOCUS = 0.7
"""Share of the distances over the hours of a day that the kernel of a block of hours takes over that block
alone. Four blocks lower the error of the bank by 0.2 to 1.0 % (docs/forecasting.md).
"""
EVENING_WEIGHT = 1.5
"""Prior weight of yesterday's last hours, in units of that of the whole of yesterday, which contains them.
Chosen with the evening's group (docs/forecasting.md, "What helped and what did not").
"""
EARLIER_WEIGHTS = {
    "distance": {"e0": 2.0, "e1": 0.3, "e-1": 0.5},
    "linear": {"e0": 1.0, "e1": 0.3, "e-1": 0.5},
}
"""Prior weights of an earlier auction's price of the day, of the day before, and of their difference.

The unit is the weight of yesterday's prices. Chosen on 2016 of five zones
(docs/forecasting.md, "The ladder of earlier auctions").
"""
_OTHER_SHARE = 0.3
"""Weight of an input without a known role, in units of that of a demand. Chosen by hand; not tuned."""
_BLOCK_ROWS = 256
"""Rows of the kernel made at once, which bounds what is computed above the diagonal. Chosen by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelWeights:
    """Hyper-parameters over G named groups; all positive."""

    groups: tuple[str, ...]
    distance: Floats
    """(2, G)"""
    linear: Floats
    """(G,)"""
    amplitude: Floats
    """(2,)"""
    exponent: Floats
    """(2,) between 0.4 and 1.7"""
    noise: float
    """Variance of the noise on the transformed price."""


def prior_kernel_weights(window: NormalisationWindow, features: DayFeatures) -> KernelWeights:
    """The fixed prior for the groups that are present. Inputs of one role share that role's weight."""
    table = prior_table()
    numbers = table.get((window.centre_days, window.spread_days), table[14, 28])
    widths = [len(DISTANCE_KINDS), len(DISTANCE_KINDS), len(LINEAR_KINDS), 2, 2]
    first, second, linear, amplitude, exponent, noise = np.split(numbers, np.cumsum(widths))
    groups = tuple(features.groups)
    share = _role_shares(groups)
    distance_tables = [
        _with_shares_of_yesterday(dict(zip(DISTANCE_KINDS, row, strict=True)), "distance")
        for row in (first, second)
    ]
    linear_table = _with_shares_of_yesterday(dict(zip(LINEAR_KINDS, linear, strict=True)), "linear")
    return KernelWeights(
        groups=groups,
        distance=np.array(
            [
                [table[kind_of_group(group)] * share.get(group, 1.0) for group in groups]
                for table in distance_tables
            ]
        ),
        linear=np.array(
            [linear_table.get(kind_of_group(group), 0.0) * share.get(group, 1.0) for group in groups]
        ),
        amplitude=amplitude,
        exponent=exponent,
        noise=float(noise[0]),
    )


def _with_shares_of_yesterday(table: dict[str, float], part: str) -> dict[str, float]:
    return {
        **table,
        EVENING: EVENING_WEIGHT * table["p1"],
        **{kind: share * table["p1"] for kind, share in EARLIER_WEIGHTS[part].items()},
    }


def kind_of_group(group: str) -> str:
    """The prior's name for a feature group."""
    for mark, letter in (("@", "x"), ("-", "d")):
        name, found, lag = group.rpartition(mark)
        if found and input_role(name) == "earlier_price":
            return f"e{lag}" if mark == "@" else f"e-{lag}"
        if found:
            return f"{letter}{0 if input_role(name) == 'demand' else 1}{lag}"
    return group


def _role_shares(groups: tuple[str, ...]) -> dict[str, float]:
    """One over the number of inputs that share a role, for groups of inputs.

    Inputs without a known role have less weight.
    """
    names = {
        group: group.rpartition("@" if "@" in group else "-")[0]
        for group in groups
        if "@" in group or "-" in group
    }
    inputs = set(names.values())
    return {
        group: (
            (_OTHER_SHARE if input_role(name) == "other" else 1.0)
            / sum(input_role(other) == input_role(name) for other in inputs)
        )
        for group, name in names.items()
    }


def nearness(left: Singles, right: Singles) -> Singles:
    """(n, m) factor on the distance part between days with these numbers, at most 1 + NEARNESS."""
    apart = np.abs(left[:, None] - right)
    apart *= np.float32(-1 / MEMORY_DAYS)
    np.exp(apart, out=apart)
    apart *= np.float32(NEARNESS)
    apart += np.float32(1)
    return np.asarray(apart)


def hour_blocks(n_blocks: int) -> tuple[slice, ...]:
    """The hours of a day in blocks of equal length; `n_blocks` divides 24."""
    length = HOURS // n_blocks
    return tuple(slice(start, start + length) for start in range(0, HOURS, length))


def hour_weights(block: slice) -> Floats:
    """(24,) weight of every hour in the distances of the kernel that forecasts the hours of `block`.

    Their mean is 1.
    """
    is_inside = np.zeros(HOURS)
    is_inside[block] = 1.0
    return np.asarray(1 - FOCUS + FOCUS * is_inside / is_inside.mean())


def column_weights(widths: list[int], block: slice) -> Floats:
    """Weight of every column, `(columns,)`, of groups of these widths.

    A group of 24 hours has `hour_weights`. All others have 1.
    """
    return np.concatenate([hour_weights(block) if width == HOURS else np.ones(width) for width in widths])


@dataclass(frozen=True, slots=True)
class KernelInputs:
    """Stacked features of n days, the number of each day, and the weight of every column; F columns."""

    columns: Singles
    """(n, F)"""
    days: Singles
    """(n,)"""
    distance: Singles
    """(2, F)"""
    linear: Singles
    """(F,)"""

    @classmethod
    def of(cls, features: DayFeatures, weights: KernelWeights, block: slice = WHOLE_DAY) -> "KernelInputs":
        """Stack the groups that `weights` names, in its order, for the kernel of the hours of `block`."""
        widths = [features.groups[name].shape[1] for name in weights.groups]
        return cls(
            features.stacked(weights.groups),
            features.rows,
            (np.repeat(weights.distance, widths, axis=1) * column_weights(widths, block)).astype(np.float32),
            np.repeat(weights.linear, widths).astype(np.float32),
        )


def kernel_lower(inputs: KernelInputs, weights: KernelWeights) -> Singles:
    """(n, n) lower triangle of the kernel, without noise. Values above the diagonal are arbitrary."""
    x = inputs.columns
    n_days = len(x)
    kernel = np.empty((n_days, n_days), dtype=np.float32)
    linear = x * inputs.linear
    scaled = [x * np.sqrt(row) for row in inputs.distance]
    squares = [np.einsum("ij,ij->i", z, z) for z in scaled]
    for start in range(0, n_days, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, n_days)
        block = kernel[start:stop, :stop]
        np.matmul(linear[start:stop], x[:stop].T, out=block)
        block += np.float32(BIAS)
        near = nearness(inputs.days[start:stop], inputs.days[:stop])
        for z, square, amplitude, exponent in zip(
            scaled, squares, weights.amplitude, weights.exponent, strict=True
        ):
            product = z[start:stop] @ z[:stop].T
            block += (
                distance_part(
                    product, square[start:stop, None], square[:stop], amplitude=amplitude, exponent=exponent
                )
                * near
            )
    diagonal = np.float32(BIAS + largest_distance_part(weights)) + np.einsum("ij,ij->i", linear, x)
    kernel[np.diag_indices(n_days)] = diagonal
    return kernel


def largest_distance_part(weights: KernelWeights) -> float:
    """The distance part between a day and itself, its largest value."""
    return float((1 + NEARNESS) * weights.amplitude.sum())


def distance_part(
    product: Singles, left: Singles, right: Singles, *, amplitude: Floats, exponent: Floats
) -> Singles:
    """The part a exp(-d^gamma) of the kernel, from a block of inner products `(n, m)`, in place.

    `left`, `(n, 1)`, and `right`, `(1, m)`, are the squared norms of its rows and columns.
    """
    product *= np.float32(-2)
    product += left
    product += right
    np.maximum(product, np.float32(1e-6), out=product)
    np.log(product, out=product)
    product *= (exponent / 2).astype(np.float32)
    np.exp(product, out=product)
    np.negative(product, out=product)
    product += np.log(amplitude).astype(np.float32)
    np.exp(product, out=product)
    return product


def weights_to_arrays(weights: KernelWeights) -> dict[str, npt.NDArray[np.generic]]:
    """The weights as arrays for an npz file: `(groups,)` each, or one number."""
    return {
        "groups": np.array(weights.groups),
        "distance": weights.distance,
        "linear": weights.linear,
        "amplitude": weights.amplitude,
        "exponent": weights.exponent,
        "noise": np.array(weights.noise),
    }


def weights_from_arrays(arrays: Mapping[str, npt.NDArray[np.generic]]) -> KernelWeights:
    """The inverse of `weights_to_arrays`: weights from arrays `(groups,)`."""
    numbers = {
        name: np.asarray(arrays[name], dtype=np.float64)
        for name in ("distance", "linear", "amplitude", "exponent", "noise")
    }
    return KernelWeights(
        groups=tuple(str(name) for name in arrays["groups"]),
        distance=numbers["distance"],
        linear=numbers["linear"],
        amplitude=numbers["amplitude"],
        exponent=numbers["exponent"],
        noise=float(numbers["noise"]),
    )
