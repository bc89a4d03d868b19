"""The bank: one Gaussian process per normalisation window, their prices averaged.

Every window has a plain pass and a robust pass. The robust pass gives each day its own noise, from the error
of the plain pass on that day, so a freak day has less influence on the days after it. Both passes share one
kernel, or one kernel for each block of hours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from spot.arrays import Floats, Singles
from spot.forecast.days.anchors import Anchors
from spot.forecast.days.features import (
    WARM_UP_DAYS,
    DayFeatures,
    FeatureBuilder,
    FilledHistory,
    NormalisationWindow,
    expected_day,
)
from spot.forecast.days.normalisation import restore, transform
from spot.forecast.gp.growing_factor import BLANK_NOISE, GrowingFactor, factorise
from spot.forecast.gp.kernel import (
    KernelInputs,
    KernelWeights,
    hour_blocks,
    kernel_lower,
    prior_kernel_weights,
)
from spot.forecast.gp.past_days import DayParts, PastDays
from spot.forecast.parts import ForecastParts, family_of

Array = TypeVar("Array", Singles, Floats)
STANDARD_WINDOWS: tuple[NormalisationWindow, ...] = (
    NormalisationWindow(7, 14, 0.5, 28),
    NormalisationWindow(14, 28, 0.5, 0),
    NormalisationWindow(28, 56, 0.5, 28),
    NormalisationWindow(56, 56, 0.7, 0),
    NormalisationWindow(182, 182, 0.7, 28),
    NormalisationWindow(364, 364, 0.5, 0),
)
"""Chosen on days 1092 to 1455 of the benchmark (docs/forecasting.md, "Against the published benchmark")."""
_ROBUST_NOISE, _ROBUST_POWER = 8.0, 1.3
"""Noise of the robust pass in units of the plain pass, and the power of a day's innovation in it. Chosen with
the evening's group on days 1092 to 1455 of the benchmark and the second half of 2023: together they lower the
error by 0.3 to 1.4 % in four of five markets (docs/forecasting.md, "What helped and what did not").
"""
_ROBUST_RANGE = (0.5, 300.0)
"""Bounds of a day's noise factor. Chosen with `_ROBUST_POWER`."""
_TRAILING_DAYS = 365
"""Days over which the usual innovation is taken: every season once."""
_USUAL_DAYS = 28
"""Days whose mean features stand for a usual day when a forecast is explained."""


def transformed_outcomes(history: FilledHistory, features: DayFeatures, rows: slice) -> Singles:
    """(n, 24) the filled prices of `rows`, transformed with the levels of their features."""
    return transform(history.prices[rows], features.centre, features.spread).astype(np.float32)


def robust_factors(innovations: Floats) -> Floats:
    """(n,) noise factor of each day.

    A power of its mean squared innovation over the median of the trailing year. NaN innovations count as
    usual.
    """
    typical = np.array([_trailing_median(innovations, day) for day in range(len(innovations))])
    return _noise_factor(np.nan_to_num(innovations / typical, nan=1.0))


def _noise_factor(surprise: Floats) -> Floats:
    return np.asarray(np.clip(surprise**_ROBUST_POWER, *_ROBUST_RANGE))


def _trailing_median(innovations: Floats, day: int) -> float:
    known = innovations[max(0, day - _TRAILING_DAYS) : max(day, WARM_UP_DAYS) + 1]
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BankPlan:
    """What a bank is made of."""

    windows: tuple[NormalisationWindow, ...]
    with_robust: bool
    """Whether the robust pass is an expert beside the plain one."""
    weights: Mapping[int, KernelWeights] = field(default_factory=dict)
    """Hyper-parameters by index of window. Other windows take the prior."""
    n_blocks: tuple[int, ...]
    """Per window the number of blocks of hours, each with its own kernel: 1, or the same larger number
    in every window that has more than one.
    """


class WindowProcess:
    """The process of one normalisation window, over the days from WARM_UP_DAYS on.

    It has a plain pass, and a robust one where asked for. Its kernel serves all hours, or it has one kernel
    for each block of hours. A day's error over all hours sets the noise of all blocks.
    """

    def __init__(
        self,
        weights: KernelWeights,
        n_blocks: int,
        features: DayFeatures,
        outcomes: Singles,
        *,
        is_known: Floats,
        with_robust: bool,
    ) -> None:
        """Fit on the features and transformed prices, (n, 24), of the days to learn from.

        `is_known`, (n,), says on which of them the price is known.
        """
        self.weights, self._blocks = weights, hour_blocks(n_blocks)
        kernels = [kernel_lower(KernelInputs.of(features, weights, block), weights) for block in self._blocks]
        copies = [kernel.copy() for kernel in kernels] if with_robust else []
        blank = np.where(is_known > 0, 0.0, BLANK_NOISE)
        self._passes = [self._factorise(kernels, weights.noise + blank, outcomes)]
        means = _backcasts(self._passes[0])
        self.backcasts = [_price(means, features)]
        """(n, 24) walk-forward prices of each pass over the days of the fit, each day from the days before
        it.
        """
        self._innovations = np.where(
            is_known > 0, np.mean((outcomes - means) ** 2, axis=1, dtype=np.float64), np.nan
        )
        if with_robust:
            robust = _ROBUST_NOISE * weights.noise * robust_factors(self._innovations) + blank
            self._passes.append(self._factorise(copies, robust, outcomes))
            self.backcasts.append(_price(_backcasts(self._passes[1]), features))

    def _factorise(self, kernels: list[Singles], noise: Floats, outcomes: Singles) -> list[GrowingFactor]:
        """A factor for each block; overwrites `kernels`."""
        return [
            GrowingFactor(factorise(kernel, noise.astype(np.float32)), outcomes[:, block])
            for kernel, block in zip(kernels, self._blocks, strict=True)
        ]

    def means(self, kernels: Singles) -> list[Singles]:
        """(24,) transformed price of one day from each pass.

        `kernels` (B, n) are its kernels against the n absorbed days, one for each block.
        """
        return [_means(factors, kernels) for factors in self._passes]

    def prepare_next(self) -> None:
        """Compute the coefficients of all passes before the next forecast needs them."""
        for factors in self._passes:
            for factor in factors:
                factor.coefficients()

    def absorb(self, kernels: Singles, own: Floats, outcome: Singles, *, is_known: bool) -> None:
        """Add a day: its kernels (B, n), its own variances without noise (B,), its transformed prices (24,).

        Kernels are against the n absorbed days.
        """
        blank = 0.0 if is_known else BLANK_NOISE
        miss = outcome - _means(self._passes[0], kernels)
        innovation = float(np.mean(miss**2, dtype=np.float64)) if is_known else float("nan")
        self._innovations = np.append(self._innovations, innovation)
        noises = [self.weights.noise]
        if len(self._passes) > 1:
            typical = _trailing_median(self._innovations, len(self._innovations) - 1)
            factor = float(_noise_factor(np.asarray(innovation / typical))) if is_known else 1.0
            noises.append(_ROBUST_NOISE * self.weights.noise * factor)
        for factors, noise in zip(self._passes, noises, strict=True):
            for process, kernel, variance, block in zip(
                factors, kernels, own.tolist(), self._blocks, strict=True
            ):
                process.absorb(kernel, variance + noise + blank, outcome[block])


def _means(factors: list[GrowingFactor], kernels: Singles) -> Singles:
    return np.concatenate([factor.mean(kernel) for factor, kernel in zip(factors, kernels, strict=True)])


def _backcasts(factors: list[GrowingFactor]) -> Singles:
    return np.concatenate([factor.backcasts for factor in factors], axis=1)


def _price(means: Singles, features: DayFeatures) -> Floats:
    return restore(means.astype(np.float64), features.centre, features.spread)


def _features(history: FilledHistory, anchors: Anchors, plan: BankPlan) -> list[DayFeatures]:
    builder = FeatureBuilder(history, anchors, slice(WARM_UP_DAYS, len(history)))
    return [builder.build(window) for window in plan.windows]


def _weights(features: list[DayFeatures], plan: BankPlan) -> list[KernelWeights]:
    return [
        plan.weights.get(index) or prior_kernel_weights(window, its)
        for index, (window, its) in enumerate(zip(plan.windows, features, strict=True))
    ]


def _processes(
    history: FilledHistory, features: list[DayFeatures], weights: list[KernelWeights], plan: BankPlan
) -> Iterator[WindowProcess]:
    rows = slice(WARM_UP_DAYS, len(history))
    is_known = history.is_known[rows].astype(np.float64)
    for its, each, n_blocks in zip(features, weights, plan.n_blocks, strict=True):
        outcomes = transformed_outcomes(history, its, rows)
        yield WindowProcess(each, n_blocks, its, outcomes, is_known=is_known, with_robust=plan.with_robust)


def _warming_up(backcasts: list[list[Floats]]) -> Floats:
    """(D, passes, windows, 24) from (n, 24) by pass of each window."""
    prices = np.array(backcasts).transpose(2, 1, 0, 3)
    return np.concatenate([np.full((WARM_UP_DAYS, *prices.shape[1:]), np.nan), prices])


class GaussianBank:
    """All windows of a bank on one history.

    Its forecasts are (passes, windows, 24): the plain pass, then the robust one where asked for.
    """

    def __init__(self, history: FilledHistory, anchors: Anchors, plan: BankPlan) -> None:
        """Fit on every row of `history`."""
        self._anchors, self.plan = anchors, plan
        features = _features(history, anchors, plan)
        self.weights = _weights(features, plan)
        """By window."""
        self.processes = list(_processes(history, features, self.weights, plan))
        self._backcast = _warming_up([process.backcasts for process in self.processes])
        self._past = PastDays(features, self.weights, plan.n_blocks)

    def backcast(self) -> Floats:
        """(D, passes, windows, 24) walk-forward prices of the days of the fit; NaN while warming up."""
        return self._backcast

    def predict(self, history: FilledHistory) -> Floats:
        """(passes, windows, 24) prices of the last day of `history`.

        All earlier days must have been absorbed.
        """
        last = self.last_day(history)
        return self._prices(last, self._past.parts_of(last))

    def _prices(self, last: list[DayFeatures], parts: DayParts) -> Floats:
        """(passes, windows, 24) prices of the day `last` if its features were `parts`."""
        kernels, _ = self._past.kernels(parts, last[0].rows)
        means = np.array(
            [
                process.means(own)
                for process, own in zip(self.processes, self._by_window(kernels), strict=True)
            ],
            dtype=np.float64,
        )
        centre, spread = (
            np.concatenate(levels) for levels in zip(*((its.centre, its.spread) for its in last), strict=True)
        )
        return np.array([restore(of_pass, centre, spread) for of_pass in means.transpose(1, 0, 2)])

    def explain(self, history: FilledHistory) -> ForecastParts:
        """Contributions of families of features to the forecast of the last day, by occlusion.

        It also gives the day's similarity to every earlier day.
        """
        last = self.last_day(history)
        parts, usual = self._past.parts_of(last), self._past.mean_of_newest(_USUAL_DAYS)
        here = self._prices(last, parts)
        contributions: dict[str, Floats] = {}
        for family in dict.fromkeys(family_of(group) for group, *_ in parts):
            occluded = {
                part: usual[part] if family_of(part[0]) == family else own for part, own in parts.items()
            }
            contributions[family] = (here - self._prices(last, occluded)).mean(axis=(0, 1))
        likeness = np.mean([own.mean(axis=0) for own in self._by_window(self._past.likeness(parts))], axis=0)
        return ForecastParts(
            contributions=contributions, likeness=np.concatenate([np.zeros(WARM_UP_DAYS), likeness])
        )

    def prepare_next(self, history: FilledHistory) -> None:
        """Compute now what the next forecast needs of the absorbed days of `history`.

        These are the coefficients, and the products with the features that are known already.
        """
        for process in self.processes:
            process.prepare_next()
        self._past.expect(self._past.parts_of(self.last_day(expected_day(history))))

    def absorb(self, history: FilledHistory) -> None:
        """Add the last day of `history`."""
        last, is_known = self.last_day(history), bool(history.is_known[-1])
        parts = self._past.parts_of(last)
        kernels, own = self._past.kernels(parts, last[0].rows)
        for process, its, of_window, variances in zip(
            self.processes, last, self._by_window(kernels), self._by_window(own), strict=True
        ):
            process.absorb(
                of_window,
                variances,
                transformed_outcomes(history, its, slice(-1, None))[0],
                is_known=is_known,
            )
        self._past.append(parts, last[0].rows)

    def last_day(self, history: FilledHistory) -> list[DayFeatures]:
        """Features of the last day of `history`, by window."""
        builder = FeatureBuilder(history, self._anchors, slice(len(history) - 1, len(history)))
        return [builder.build(window) for window in self.plan.windows]

    def _by_window(self, by_kernel: Array) -> list[Array]:
        """Values given for every kernel, split by window."""
        return np.split(by_kernel, np.cumsum(self.plan.n_blocks)[:-1])


def backcast_bank(history: FilledHistory, anchors: Anchors, plan: BankPlan) -> Floats:
    """The `backcast` of a bank, `(days, 24)`, one window at a time: no factor is kept."""
    features = _features(history, anchors, plan)
    return _warming_up(
        [process.backcasts for process in _processes(history, features, _weights(features, plan), plan)]
    )
