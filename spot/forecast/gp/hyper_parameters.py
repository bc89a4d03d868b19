"""Hyper-parameters by gradient.

The kernel weights that make the walk-forward's price error smallest on the newest days of a history.

Adam (Kingma and Ba, 2015) on the logarithms, started from the fixed prior and drawn towards it; the best step
wins.
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
_MOMENTS = (0.9, 0.95)


class GradientSettings(StrictSettings):
    """How long and how freely to look."""

    steps: int = Field(default=45, ge=1)
    learning_rate: float = Field(default=0.1, gt=0)
    pull: float = Field(default=0.002, ge=0)
    """Strength with which the prior holds, per parameter."""
    validation_days: int = Field(default=728, ge=14)
    """Newest days of the history whose error counts; at most half of the history."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which weights are free; those that are 0 in the prior stay 0."""

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
    """The best weights met on the way.

    The prior itself where no step improves on it or the kernel fails at once.
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
