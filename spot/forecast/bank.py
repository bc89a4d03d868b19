"""The bank: one Gaussian process per normalisation window, their prices averaged.

Every window has a plain pass and a robust one. The robust pass gives each day its own noise, from how badly the plain pass foresaw that day, so
that a freak day pulls less on the days after it. Both share one kernel.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from spot.forecast.anchors import Anchors
from spot.forecast.day_features import WARM_UP_DAYS, DayFeatures, FeatureBuilder, FilledHistory, NormalisationWindow, Singles
from spot.forecast.gaussian_process import BLANK_NOISE, GrowingFactor, factorise
from spot.forecast.kernel import KernelInputs, KernelWeights, kernel_lower, prior_kernel_weights
from spot.forecast.normalisation import Floats, restore, transform
from spot.forecast.past_days import DayParts, PastDays

STANDARD_WINDOWS: tuple[NormalisationWindow, ...] = (
    NormalisationWindow(7, 14, 0.5, 28),
    NormalisationWindow(14, 28, 0.5, 0),
    NormalisationWindow(28, 56, 0.5, 28),
    NormalisationWindow(56, 56, 0.7, 0),
    NormalisationWindow(182, 182, 0.7, 28),
    NormalisationWindow(364, 364, 0.5, 0),
)
_ROBUST_NOISE, _ROBUST_POWER = 8.0, 1.3
_ROBUST_RANGE = (0.5, 300.0)
_TRAILING_DAYS = 365
_USUAL_DAYS = 28


@dataclass(frozen=True, slots=True)
class Prepared:
    """Kernel inputs, targets and levels of some rows of a history."""

    inputs: KernelInputs
    outcomes: Singles
    centre: Floats
    spread: Floats


def prepare(history: FilledHistory, features: DayFeatures, weights: KernelWeights, rows: slice) -> Prepared:
    """Stack features and transform the (filled) prices of `rows`."""
    prices = history.prices[rows]
    outcomes = transform(prices, features.centre, features.spread).astype(np.float32)
    return Prepared(KernelInputs.of(features, weights), outcomes, features.centre, features.spread)


def robust_factors(innovations: Floats) -> Floats:
    """(n,) noise factor of each day: a power of its mean squared innovation over the median of the trailing year. NaN innovations count as usual."""
    typical = np.array([_trailing_median(innovations, day) for day in range(len(innovations))])
    return _noise_factor(np.nan_to_num(innovations / typical, nan=1.0))


def _noise_factor(surprise: Floats) -> Floats:
    return np.asarray(np.clip(surprise**_ROBUST_POWER, *_ROBUST_RANGE))


def _trailing_median(innovations: Floats, day: int) -> float:
    known = innovations[max(0, day - _TRAILING_DAYS) : max(day, WARM_UP_DAYS) + 1]
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else 1.0


@dataclass(frozen=True, slots=True)
class BankParts:
    """Family of features to (24,) its contribution, EUR/MWh; and (D - 1,) likeness of every earlier day, 0 to 1."""

    contributions: dict[str, Floats]
    likeness: Floats


class WindowProcess:
    """The process of one normalisation window, over days WARM_UP_DAYS.. of a history; plain, and robust where asked for."""

    def __init__(self, *, window: NormalisationWindow, weights: KernelWeights, prepared: Prepared, is_known: Floats, with_robust: bool) -> None:
        self.window, self.weights = window, weights
        kernel = kernel_lower(prepared.inputs, weights)
        second = kernel.copy() if with_robust else None
        blank = np.where(is_known > 0, 0.0, BLANK_NOISE)
        plain = GrowingFactor(factorise(kernel, (weights.noise + blank).astype(np.float32)), prepared.outcomes)
        means = plain.one_step_means()
        self._factors = [plain]
        self.backcasts = [_price(means, prepared)]
        """(n, 24) walk-forward prices of each pass over the days of the fit, each day from those before it."""
        self._innovations = np.where(is_known > 0, np.mean((prepared.outcomes - means) ** 2, axis=1, dtype=np.float64), np.nan)
        if second is not None:
            noise = _ROBUST_NOISE * weights.noise * robust_factors(self._innovations) + blank
            self._factors.append(GrowingFactor(factorise(second, noise.astype(np.float32)), prepared.outcomes))
            self.backcasts.append(_price(self._factors[1].one_step_means(), prepared))

    def means(self, kernel: Singles) -> list[Singles]:
        """(24,) transformed price from each pass, of a day whose kernel against the n absorbed days is `kernel` (n,)."""
        return [factor.mean(kernel) for factor in self._factors]

    def settle(self) -> None:
        """Solve ahead for the coefficients of all passes."""
        for factor in self._factors:
            factor.settle()

    def absorb(self, kernel: Singles, own: float, outcome: Singles, *, is_known: bool) -> None:
        """Add a day: its kernel against the n absorbed days, its own variance without noise, its transformed prices (24,)."""
        blank = 0.0 if is_known else BLANK_NOISE
        innovation = float(np.mean((outcome - self._factors[0].mean(kernel)) ** 2, dtype=np.float64)) if is_known else float("nan")
        self._innovations = np.append(self._innovations, innovation)
        noises = [self.weights.noise]
        if len(self._factors) > 1:
            typical = _trailing_median(self._innovations, len(self._innovations) - 1)
            factor = float(_noise_factor(np.asarray(innovation / typical))) if is_known else 1.0
            noises.append(_ROBUST_NOISE * self.weights.noise * factor)
        for process, noise in zip(self._factors, noises, strict=True):
            process.absorb(kernel, own + noise + blank, outcome)


def _price(means: Singles, prepared: Prepared) -> Floats:
    return restore(means.astype(np.float64), prepared.centre, prepared.spread)


class GaussianBank:
    """All windows of a bank on one history. Its forecasts are (passes, windows, 24): the plain pass, then the robust one where asked for."""

    def __init__(
        self,
        history: FilledHistory,
        anchors: Anchors,
        *,
        windows: tuple[NormalisationWindow, ...],
        with_robust: bool,
        weights: Mapping[int, KernelWeights],
    ) -> None:
        """Fit on every row of `history`. `weights` holds hyper-parameters by index of window; others take the prior."""
        self._anchors = anchors
        rows = slice(WARM_UP_DAYS, len(history))
        builder = FeatureBuilder(history, anchors, rows)
        is_known = history.is_known[rows].astype(np.float64)
        features = [builder.build(window) for window in windows]
        chosen = [weights.get(index) or prior_kernel_weights(window, its) for index, (window, its) in enumerate(zip(windows, features, strict=True))]
        self.processes = [
            WindowProcess(window=window, weights=each, prepared=prepare(history, its, each, rows), is_known=is_known, with_robust=with_robust)
            for window, each, its in zip(windows, chosen, features, strict=True)
        ]
        self._past = PastDays(features, chosen)

    def backcast(self) -> Floats:
        """(D, passes, windows, 24) walk-forward prices of the days of the fit; NaN while warming up."""
        prices = np.array([process.backcasts for process in self.processes]).transpose(2, 1, 0, 3)
        return np.concatenate([np.full((WARM_UP_DAYS, *prices.shape[1:]), np.nan), prices])

    def predict(self, history: FilledHistory) -> Floats:
        """(passes, windows, 24) prices of the last day of `history`, all earlier days having been absorbed."""
        last = self.last_day(history)
        return self._prices(last, self._past.parts_of(last))

    def _prices(self, last: list[DayFeatures], parts: DayParts) -> Floats:
        """(passes, windows, 24) prices of the day `last` if its features were `parts`."""
        kernels, _ = self._past.kernels(parts, last[0].rows)
        means = np.array([process.means(kernel) for process, kernel in zip(self.processes, kernels, strict=True)], dtype=np.float64)
        centre, spread = (np.concatenate(levels) for levels in zip(*((its.centre, its.spread) for its in last), strict=True))
        return np.array([restore(of_pass, centre, spread) for of_pass in means.transpose(1, 0, 2)])

    def explain(self, history: FilledHistory, family_of: Callable[[str], str]) -> BankParts:
        """Contributions of families of features to the forecast of the last day, by occlusion, and its likeness to every earlier day."""
        last = self.last_day(history)
        parts, usual = self._past.parts_of(last), self._past.mean_of_newest(_USUAL_DAYS)
        here = self._prices(last, parts)
        contributions: dict[str, Floats] = {}
        for family in dict.fromkeys(family_of(group) for group, _ in parts):
            occluded = {part: usual[part] if family_of(part[0]) == family else own for part, own in parts.items()}
            contributions[family] = (here - self._prices(last, occluded)).mean(axis=(0, 1))
        likeness = self._past.likeness(parts).mean(axis=0)
        return BankParts(contributions, np.concatenate([np.zeros(WARM_UP_DAYS), likeness]))

    def settle(self) -> None:
        """Solve ahead for the coefficients of all processes: a forecast is then one product of matrices."""
        for process in self.processes:
            process.settle()

    def absorb(self, history: FilledHistory) -> None:
        """Add the last day of `history`."""
        last, is_known = self.last_day(history), bool(history.is_known[-1])
        parts = self._past.parts_of(last)
        kernels, own = self._past.kernels(parts, last[0].rows)
        for process, its, kernel, variance in zip(self.processes, last, kernels, own.tolist(), strict=True):
            outcome = transform(history.prices[-1:], its.centre, its.spread)[0].astype(np.float32)
            process.absorb(kernel, variance, outcome, is_known=is_known)
        self._past.append(parts, last[0].rows)

    def last_day(self, history: FilledHistory) -> list[DayFeatures]:
        """Features of the last day of `history`, by window."""
        builder = FeatureBuilder(history, self._anchors, slice(len(history) - 1, len(history)))
        return [builder.build(process.window) for process in self.processes]
