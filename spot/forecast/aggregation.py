"""Online aggregation of experts: weights follow recent accuracy, and there is no parameter to choose.

It uses ML-Poly (Gaillard, Stoltz and van Erven, 2014) and BOA (Wintenberger, 2017), both on the linearised
absolute loss, once with weights common to all hours and once by block of hours. A running mean of the
aggregate's own error puts losses on one scale.
"""

from dataclasses import dataclass, field

import numpy as np

from spot.arrays import Floats
from spot.market.clock import HOURS

ALL_HOURS: tuple[tuple[int, ...], ...] = (tuple(range(HOURS)),)
BLOCKS: tuple[tuple[int, ...], ...] = (
    tuple(range(7)),
    tuple(range(7, 13)),
    tuple(range(13, 18)),
    tuple(range(18, HOURS)),
)
_RUNNING_DAYS = 200
"""Days over which the mean error is taken that scales the losses. Chosen by hand; not tuned."""


@dataclass(slots=True)
class _Loss:
    """Running mean absolute error of an aggregate, the unit of its losses."""

    mean: float = 0.0
    n_days: int = 0

    def take(self, error: float) -> float:
        self.n_days += 1
        self.mean += (error - self.mean) / min(self.n_days, _RUNNING_DAYS)
        return max(self.mean, 1e-6)


class MlPoly:
    """ML-Poly over one block of hours.

    Weights proportional to learning rate times positive cumulative regret.
    """

    def __init__(self, n_experts: int) -> None:
        self._regret, self._squares = np.zeros(n_experts), np.zeros(n_experts)
        self._loss = _Loss()

    def weights(self) -> Floats:
        """(K,) today's weights."""
        raw = np.maximum(self._regret, 0) / (1 + self._squares)
        return np.asarray(raw / raw.sum() if raw.sum() > 0 else np.full(len(raw), 1 / len(raw)))

    def take(self, experts: Floats, outcome: Floats) -> None:
        """Learn from the forecasts of a day, (K, h), and its outcome, (h,)."""
        regret = _regrets(self.weights(), experts, outcome, self._loss)
        self._regret += regret
        self._squares += regret**2


class Boa:
    """Bernstein online aggregation over one block of hours.

    Exponential weights with second-order corrected, adaptive rates.
    """

    def __init__(self, n_experts: int) -> None:
        self._corrected, self._squares = np.zeros(n_experts), np.zeros(n_experts)
        self._range = np.full(n_experts, 1e-3)
        self._loss = _Loss()

    def _rates(self) -> Floats:
        n_experts = len(self._range)
        return np.asarray(
            np.minimum(
                1 / (2 * self._range), np.sqrt(np.log(max(n_experts, 2)) / np.maximum(self._squares, 1e-6))
            )
        )

    def weights(self) -> Floats:
        """(K,) today's weights."""
        rates = self._rates()
        exponent = np.log(rates) + rates * self._corrected
        raw = np.exp(exponent - exponent.max())
        return np.asarray(raw / raw.sum())

    def take(self, experts: Floats, outcome: Floats) -> None:
        """Learn from the forecasts of a day, (K, h), and its outcome, (h,)."""
        regret = _regrets(self.weights(), experts, outcome, self._loss)
        self._squares += regret**2
        self._range = np.maximum(self._range, np.abs(regret))
        self._corrected += regret - np.minimum(self._rates(), 1 / (2 * self._range)) * regret**2


def _regrets(weights: Floats, experts: Floats, outcome: Floats, loss: _Loss) -> Floats:
    """(K,) linearised, scaled regret against each expert."""
    aggregate = weights @ experts
    scale = loss.take(float(np.abs(aggregate - outcome).mean()))
    slope = np.sign(aggregate - outcome)
    return np.asarray(((aggregate - experts) * slope).mean(axis=1) / scale)


@dataclass(slots=True)
class Aggregator:
    """Mean of ML-Poly and BOA, each over all hours and over blocks of hours."""

    n_experts: int
    _parts: list[tuple[MlPoly | Boa, list[int]]] = field(init=False)
    _weights: Floats = field(init=False)

    def __post_init__(self) -> None:
        self._parts = [
            (method(self.n_experts), list(block))
            for method in (MlPoly, Boa)
            for blocks in (ALL_HOURS, BLOCKS)
            for block in blocks
        ]
        self._weights = self._mixed()

    def weights(self) -> Floats:
        """(K, 24) today's weight of every expert on every hour; each hour's weights sum to 1."""
        return self._weights

    def _mixed(self) -> Floats:
        total = np.zeros((self.n_experts, HOURS))
        for part, block in self._parts:
            total[:, block] += part.weights()[:, None] / 4
        return total

    def combine(self, experts: Floats) -> Floats:
        """(24,) aggregate of the experts' forecasts, (K, 24)."""
        return np.asarray((self._weights * experts).sum(axis=0))

    def take(self, experts: Floats, outcome: Floats) -> None:
        """Learn from a day's forecasts, (K, 24), and prices, (24,). Hours without a price are left out."""
        known = np.isfinite(outcome) & np.isfinite(experts).all(axis=0)
        for part, block in self._parts:
            hours = [hour for hour in block if known[hour]]
            if hours:
                part.take(experts[:, hours], outcome[hours])
        self._weights = self._mixed()
