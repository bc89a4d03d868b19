"""The bank: one Gaussian process per normalisation window, their prices averaged.

Every window has a plain pass and a robust one. The robust pass gives each day its own noise, from how badly the plain pass foresaw that day, so
that a freak day pulls less on the days after it. Both share one kernel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from spot.forecast.anchors import Anchors
from spot.forecast.day_features import WARM_UP_DAYS, DayFeatures, FeatureBuilder, FilledHistory, NormalisationWindow, Singles
from spot.forecast.gaussian_process import BLANK_NOISE, GrowingFactor, factorise
from spot.forecast.kernel import KernelInputs, KernelRow, KernelWeights, kernel_lower, prior_kernel_weights
from spot.forecast.normalisation import Floats, restore, transform

Passes = Literal["plain", "robust", "both"]
STANDARD_WINDOWS: tuple[NormalisationWindow, ...] = (
    NormalisationWindow(7, 14, 0.5, 28),
    NormalisationWindow(14, 28, 0.5, 0),
    NormalisationWindow(28, 56, 0.5, 28),
    NormalisationWindow(56, 56, 0.7, 0),
    NormalisationWindow(182, 182, 0.7, 28),
    NormalisationWindow(364, 364, 0.5, 0),
)
_ROBUST_NOISE = 3.0
_ROBUST_RANGE = (0.5, 100.0)
_TRAILING_DAYS = 365


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Kernel inputs, targets and levels of some rows of a history."""

    inputs: KernelInputs
    outcomes: Singles
    centre: Floats
    spread: Floats


def prepare(history: FilledHistory, features: DayFeatures, weights: KernelWeights, rows: slice) -> _Prepared:
    """Stack features and transform the (filled) prices of `rows`."""
    prices = history.prices[rows]
    outcomes = transform(prices, features.centre, features.spread).astype(np.float32)
    return _Prepared(KernelInputs.of(features, weights), outcomes, features.centre, features.spread)


def robust_factors(innovations: Floats) -> Floats:
    """(n,) noise factor of each day: its mean squared innovation over the median of the trailing year, bounded. NaN innovations count as usual."""
    typical = np.array([_trailing_median(innovations, day) for day in range(len(innovations))])
    return np.asarray(np.clip(np.nan_to_num(innovations / typical, nan=1.0), *_ROBUST_RANGE))


def _trailing_median(innovations: Floats, day: int) -> float:
    known = innovations[max(0, day - _TRAILING_DAYS) : max(day, WARM_UP_DAYS) + 1]
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else 1.0


class WindowProcess:
    """The process of one normalisation window, over days WARM_UP_DAYS.. of a history."""

    def __init__(self, *, window: NormalisationWindow, weights: KernelWeights, prepared: _Prepared, is_known: Floats, passes: Passes) -> None:
        self.window, self.weights, self._passes = window, weights, passes
        self._row = KernelRow(prepared.inputs, weights)
        kernel = kernel_lower(prepared.inputs, weights)
        blank = np.where(is_known > 0, 0.0, BLANK_NOISE)
        second = kernel.copy() if passes != "plain" else None
        self._plain = GrowingFactor(factorise(kernel, (weights.noise + blank).astype(np.float32)), prepared.outcomes)
        means = [self._plain.one_step_means()]
        self._innovations = np.where(is_known > 0, np.mean((prepared.outcomes - means[0]) ** 2, axis=1, dtype=np.float64), np.nan)
        self._robust: GrowingFactor | None = None
        if second is not None:
            noise = _ROBUST_NOISE * weights.noise * robust_factors(self._innovations) + blank
            self._robust = GrowingFactor(factorise(second, noise.astype(np.float32)), prepared.outcomes)
            means.append(self._robust.one_step_means())
        self.backcast = self._price(means, prepared)
        """(n, 24) walk-forward prices over the days of the fit, each day from those before it."""

    def predict(self, prepared: _Prepared) -> Floats:
        """(24,) price of the one day of `prepared`."""
        kernel, _ = self._row.against(prepared.inputs.columns[0])
        factors = [self._plain] if self._passes == "plain" else [self._plain, self._robust_factor()]
        return np.asarray(self._price([factor.mean(kernel)[None] for factor in factors], prepared)[0])

    def absorb(self, prepared: _Prepared, *, is_known: bool) -> None:
        """Add the one day of `prepared` with its outcome."""
        x, outcome = prepared.inputs.columns[0], prepared.outcomes[0]
        kernel, own = self._row.against(x)
        blank = 0.0 if is_known else BLANK_NOISE
        innovation = float(np.mean((outcome - self._plain.mean(kernel)) ** 2, dtype=np.float64)) if is_known else float("nan")
        self._innovations = np.append(self._innovations, innovation)
        self._plain.absorb(kernel, own + self.weights.noise + blank, outcome)
        if self._robust is not None:
            typical = _trailing_median(self._innovations, len(self._innovations) - 1)
            factor = float(np.clip(innovation / typical, *_ROBUST_RANGE)) if is_known else 1.0
            self._robust.absorb(kernel, own + _ROBUST_NOISE * self.weights.noise * factor + blank, outcome)
        self._row.append(x)

    def _robust_factor(self) -> GrowingFactor:
        return self._robust if self._robust is not None else self._plain

    def _price(self, means: list[Singles], prepared: _Prepared) -> Floats:
        """Mean price of the passes that speak."""
        spoken = means[-1:] if self._passes == "robust" else means
        prices = [restore(mean.astype(np.float64), prepared.centre, prepared.spread) for mean in spoken]
        return np.asarray(np.mean(prices, axis=0))


class GaussianBank:
    """All windows of a bank on one history."""

    def __init__(
        self,
        history: FilledHistory,
        anchors: Anchors,
        *,
        windows: tuple[NormalisationWindow, ...],
        passes: Passes,
        weights: Mapping[int, KernelWeights],
    ) -> None:
        """Fit on every row of `history`. `weights` holds hyper-parameters by index of window; others take the prior."""
        self._anchors = anchors
        rows = slice(WARM_UP_DAYS, len(history))
        builder = FeatureBuilder(history, anchors, rows)
        is_known = history.is_known[rows].astype(np.float64)
        self.processes: list[WindowProcess] = []
        for index, window in enumerate(windows):
            features = builder.build(window)
            chosen = weights.get(index) or prior_kernel_weights(window, features)
            prepared = prepare(history, features, chosen, rows)
            self.processes.append(WindowProcess(window=window, weights=chosen, prepared=prepared, is_known=is_known, passes=passes))

    def backcast(self) -> Floats:
        """(D, 24) walk-forward prices of the days of the fit; NaN while warming up."""
        mean = np.mean([process.backcast for process in self.processes], axis=0)
        return np.concatenate([np.full((WARM_UP_DAYS, mean.shape[1]), np.nan), mean])

    def predict(self, history: FilledHistory) -> Floats:
        """(24,) price of the last day of `history`, all earlier days having been absorbed."""
        return np.asarray(np.mean([process.predict(prepared) for process, prepared in self._last(history)], axis=0))

    def absorb(self, history: FilledHistory) -> None:
        """Add the last day of `history`."""
        for process, prepared in self._last(history):
            process.absorb(prepared, is_known=bool(history.is_known[-1]))

    def _last(self, history: FilledHistory) -> list[tuple[WindowProcess, _Prepared]]:
        rows = slice(len(history) - 1, len(history))
        builder = FeatureBuilder(history, self._anchors, rows)
        return [(process, prepare(history, builder.build(process.window), process.weights, rows)) for process in self.processes]
