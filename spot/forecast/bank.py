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
from spot.forecast.kernel import KernelInputs, KernelRow, KernelWeights, kernel_lower, prior_kernel_weights
from spot.forecast.normalisation import Floats, restore, transform

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
        self._row = KernelRow(prepared.inputs, weights)
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

    def predict(self, prepared: Prepared) -> list[Floats]:
        """(24,) price of the one day of `prepared` from each pass."""
        kernel, _ = self._row.against(prepared.inputs.columns[0], prepared.inputs.days)
        return [_price(factor.mean(kernel)[None], prepared)[0] for factor in self._factors]

    def predict_columns(self, columns: Singles, prepared: Prepared) -> Floats:
        """(24,) mean over the passes of the price if the day of `prepared` had the features `columns` (F,)."""
        kernel, _ = self._row.against(columns, prepared.inputs.days)
        return np.asarray(np.mean([_price(factor.mean(kernel)[None], prepared)[0] for factor in self._factors], axis=0))

    def settle(self) -> None:
        """Solve ahead for the coefficients of all passes."""
        for factor in self._factors:
            factor.settle()

    def likeness(self, prepared: Prepared) -> Floats:
        """(n,) how like the day of `prepared` every absorbed day is, 0 to 1: the kernel's distance part over its largest value."""
        return self._row.likeness(prepared.inputs.columns[0])

    def usual_columns(self, days: int) -> Singles:
        """(F,) mean features of the newest `days` absorbed days."""
        return self._row.mean_of_newest(days)

    def absorb(self, prepared: Prepared, *, is_known: bool) -> None:
        """Add the one day of `prepared` with its outcome."""
        x, outcome = prepared.inputs.columns[0], prepared.outcomes[0]
        kernel, own = self._row.against(x, prepared.inputs.days)
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
        self._row.append(x, prepared.inputs.days)


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
        self.processes: list[WindowProcess] = []
        for index, window in enumerate(windows):
            features = builder.build(window)
            chosen = weights.get(index) or prior_kernel_weights(window, features)
            prepared = prepare(history, features, chosen, rows)
            self.processes.append(WindowProcess(window=window, weights=chosen, prepared=prepared, is_known=is_known, with_robust=with_robust))

    def backcast(self) -> Floats:
        """(D, passes, windows, 24) walk-forward prices of the days of the fit; NaN while warming up."""
        prices = np.array([process.backcasts for process in self.processes]).transpose(2, 1, 0, 3)
        return np.concatenate([np.full((WARM_UP_DAYS, *prices.shape[1:]), np.nan), prices])

    def predict(self, history: FilledHistory) -> Floats:
        """(passes, windows, 24) prices of the last day of `history`, all earlier days having been absorbed."""
        return self.predict_prepared(self.last_day(history))

    def predict_prepared(self, last: list[tuple[WindowProcess, Prepared]]) -> Floats:
        """(passes, windows, 24) prices of a day whose features are made already."""
        return np.array([process.predict(prepared) for process, prepared in last]).transpose(1, 0, 2)

    def explain(self, history: FilledHistory, family_of: Callable[[str], str]) -> BankParts:
        """Contributions of families of features to the forecast of the last day, by occlusion, and its likeness to every earlier day."""
        last = self.last_day(history)
        likeness = np.concatenate([np.zeros(WARM_UP_DAYS), np.mean([process.likeness(prepared) for process, prepared in last], axis=0)])
        families: dict[str, list[Floats]] = {}
        for process, prepared in last:
            here = process.predict_columns(prepared.inputs.columns[0], prepared)
            usual = process.usual_columns(_USUAL_DAYS)
            widths = self._widths(process, history)
            owner = np.repeat([family_of(name) for name in process.weights.groups], widths)
            for family in dict.fromkeys(owner):
                columns = np.where(owner == family, usual, prepared.inputs.columns[0]).astype(np.float32)
                families.setdefault(str(family), []).append(here - process.predict_columns(columns, prepared))
        return BankParts({family: np.mean(parts, axis=0) for family, parts in families.items()}, likeness)

    def _widths(self, process: WindowProcess, history: FilledHistory) -> list[int]:
        rows = slice(len(history) - 1, len(history))
        groups = FeatureBuilder(history, self._anchors, rows).build(process.window).groups
        return [groups[name].shape[1] for name in process.weights.groups]

    def settle(self) -> None:
        """Solve ahead for the coefficients of all processes: a forecast is then one product of matrices."""
        for process in self.processes:
            process.settle()

    def absorb(self, history: FilledHistory) -> None:
        """Add the last day of `history`."""
        for process, prepared in self.last_day(history):
            process.absorb(prepared, is_known=bool(history.is_known[-1]))

    def last_day(self, history: FilledHistory) -> list[tuple[WindowProcess, Prepared]]:
        """Every process with the features of the last day of `history`."""
        rows = slice(len(history) - 1, len(history))
        builder = FeatureBuilder(history, self._anchors, rows)
        return [(process, prepare(history, builder.build(process.window), process.weights, rows)) for process in self.processes]
