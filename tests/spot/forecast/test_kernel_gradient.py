"""The hand-written gradient against finite differences."""

import numpy as np
import pytest

from spot.forecast.gp.kernel import KernelWeights
from spot.forecast.gp.kernel_gradient import GradientWorkspace, PriceTargets, walk_forward_gradient

N, HOURS, WIDTHS = 300, 3, [4, 2, 1]


def problem(seed: int = 0) -> tuple[GradientWorkspace, KernelWeights, PriceTargets]:
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(N, sum(WIDTHS))).astype(np.float32)
    outcomes = np.tanh(columns[:, :3]) + 0.2 * rng.normal(size=(N, HOURS))
    centre, spread = rng.normal(40, 3, N), rng.uniform(5, 9, N)
    weight = (np.arange(N) >= 100).astype(np.float64)
    targets = PriceTargets(
        outcomes=outcomes.astype(np.float32),
        prices=np.sinh(outcomes) * spread[:, None] + centre[:, None],
        centre=centre,
        spread=spread,
        weight=weight,
        noise_factor=rng.uniform(0.5, 2.0, N).astype(np.float32),
    )
    weights = KernelWeights(
        groups=("a", "b", "c"),
        distance=np.array([[0.3, 0.2, 0.1], [0.05, 0.4, 0.02]]),
        linear=np.array([0.2, 0.1, 0.05]),
        amplitude=np.array([0.8, 0.4]),
        exponent=np.array([0.9, 1.2]),
        noise=0.2,
    )
    return GradientWorkspace(columns, WIDTHS), weights, targets


def moved(weights: KernelWeights, name: str, index: int | tuple[int, int], step: float) -> KernelWeights:
    value = np.array(getattr(weights, name), dtype=np.float64)
    if name == "exponent":
        value[index] += step
    else:
        value[index] *= np.exp(step)
    numbers = {
        key: getattr(weights, key)
        for key in ("groups", "distance", "linear", "amplitude", "exponent", "noise")
    }
    return KernelWeights(**{**numbers, name: float(value) if name == "noise" else value})


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("distance", (0, 0)),
        ("distance", (0, 2)),
        ("distance", (1, 1)),
        ("linear", 0),
        ("linear", 2),
        ("amplitude", 0),
        ("amplitude", 1),
        ("exponent", 0),
        ("exponent", 1),
        ("noise", ()),
    ],
)
def test_every_derivative_agrees_with_a_finite_difference(name: str, index: int | tuple[int, int]) -> None:
    space, weights, targets = problem()
    gradient = np.asarray(getattr(walk_forward_gradient(space, weights, targets), name))[index]
    step = 0.05
    up, down = (
        walk_forward_gradient(space, moved(weights, name, index, sign * step), targets).error
        for sign in (1, -1)
    )
    assert gradient == pytest.approx((up - down) / (2 * step), rel=0.05, abs=1e-3)
