"""Hyper-parameters by gradient.

It finds the kernel weights for which the walk-forward has the smallest price error on the newest days.

The method is Adam (Kingma and Ba, 2015) on the logarithms. It starts from the fixed prior and is pulled
towards it. The best step is kept.
"""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from spot.arrays import Bools, Floats
from spot.errors import ForecastError
from spot.forecast.gp.kernel import KernelWeights
from spot.forecast.gp.kernel_gradient import (
    GradientWorkspace,
    PriceTargets,
    WeightGradient,
    walk_forward_gradient,
)
from spot.strict_settings import StrictSettings

_EXPONENTS = (0.4, 1.7)
"""Bounds of the exponents. At 2 the kernel would be a squared exponential. Chosen by hand; not tuned.
"""
_MOMENTS = (0.9, 0.95)
"""Decay of Adam's first and second moments. Chosen by hand; not tuned.
"""


class GradientSettings(StrictSettings):
    """How long to search, and how far from the prior."""

    steps: int = Field(default=45, ge=1)
    """Steps of the search. Chosen by hand; not tuned."""
    learning_rate: float = Field(default=0.1, gt=0)
    """Step of Adam on the logarithms. Chosen by hand; not tuned."""
    pull: float = Field(default=0.002, ge=0)
    """Strength of the pull towards the prior, per parameter. A stronger pull made fitted weights worse: NP,
    days 1092 to 1455, error 1.213 with 0.02 and 1.197 with 0.001 (docs/forecasting.md).
    """
    validation_days: int = Field(default=728, ge=14)
    """Newest days of the history whose error counts, at most half of the history."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which weights are free. Weights that are 0 in the prior stay 0."""

    distance: Bools
    linear: Bools

    def pack(self, weights: KernelWeights) -> Floats:
        return np.concatenate(
            [
                np.log(weights.distance[self.distance]),
                np.log(weights.linear[self.linear]),
                np.log(weights.amplitude),
                weights.exponent,
                [np.log(weights.noise)],
            ]
        )

    def gradient(self, gradient: WeightGradient) -> Floats:
        return np.concatenate(
            [
                gradient.distance[self.distance],
                gradient.linear[self.linear],
                gradient.amplitude,
                gradient.exponent,
                [gradient.noise],
            ]
        )

    def unpack(self, vector: Floats, groups: tuple[str, ...]) -> KernelWeights:
        n_distance, n_linear = int(self.distance.sum()), int(self.linear.sum())
        distance, linear = np.zeros(self.distance.shape), np.zeros(self.linear.shape)
        distance[self.distance] = np.exp(vector[:n_distance])
        linear[self.linear] = np.exp(vector[n_distance : n_distance + n_linear])
        amplitude, exponent, noise = vector[-5:-3], vector[-3:-1], vector[-1]
        return KernelWeights(
            groups=groups,
            distance=distance,
            linear=linear,
            amplitude=np.exp(amplitude),
            exponent=exponent.copy(),
            noise=float(np.exp(noise)),
        )


def fit_weights(
    space: GradientWorkspace, prior: KernelWeights, targets: PriceTargets, settings: GradientSettings
) -> KernelWeights:
    """The best weights that the search met.

    They are the prior itself where no step improves on it or the kernel fails at once.
    """
    layout = _Layout(prior.distance > 0, prior.linear > 0)
    start = layout.pack(prior)
    vector, best_vector, best_error = start.copy(), start, np.inf
    first, second = np.zeros_like(start), np.zeros_like(start)
    for step in range(1, settings.steps + 1):
        try:
            gradient = walk_forward_gradient(space, layout.unpack(vector, prior.groups), targets)
        except ForecastError:  # a step too far: what was found before stands
            break
        if gradient.error < best_error:
            best_vector, best_error = vector.copy(), gradient.error
        slope = layout.gradient(gradient) / gradient.error + 2 * settings.pull * (vector - start) / len(start)
        first = _MOMENTS[0] * first + (1 - _MOMENTS[0]) * slope
        second = _MOMENTS[1] * second + (1 - _MOMENTS[1]) * slope**2
        direction = first / (1 - _MOMENTS[0] ** step) / (np.sqrt(second / (1 - _MOMENTS[1] ** step)) + 1e-8)
        vector = vector - settings.learning_rate * direction
        vector[-3:-1] = np.clip(vector[-3:-1], *_EXPONENTS)
    return layout.unpack(best_vector, prior.groups)
