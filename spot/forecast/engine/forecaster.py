"""The default model of every zone: a bank of Gaussian processes, trees, LEAR and aggregation."""

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from spot.arrays import Floats
from spot.errors import ForecastError, ModelIntegrityError
from spot.forecast.aggregation import Aggregator
from spot.forecast.days.clock_grid import ClockGrid
from spot.forecast.days.features import WARM_UP_DAYS, FilledHistory
from spot.forecast.days.files import Arrays
from spot.forecast.days.input_roles import is_optional
from spot.forecast.days.judged_inputs import Choice, JudgedInputs, Kind, optional_groups
from spot.forecast.engine.settings import EngineSettings
from spot.forecast.gp.bank import BankPlan, GaussianBank, backcast_bank
from spot.forecast.gp.fit_weights import fit_bank_weights
from spot.forecast.gp.kernel import KernelWeights, weights_from_arrays, weights_to_arrays
from spot.forecast.hourly_forecaster import ForecasterSettings, HourlyForecaster
from spot.forecast.lear.window import LearWindow
from spot.forecast.parts import ForecastParts
from spot.forecast.trees.files import load_catboost, save_catboost
from spot.forecast.trees.residual import FIRST_LEARNING_DAY, ResidualTable
from spot.market.clock import HOURS

_TREES_FILE = "trees.cbm"
_CORE_SHARE = 0.5
"""Share of the fixed blend in the aggregate, because online weights alone are noisy. Online aggregation for
the other half changes the error by -0.4 to +0.1 % (docs/forecasting.md, "What helped and what did not").
"""
_LEAR_SHARE = 0.1
"""Share of LEAR in the fixed blend. Over short windows it follows recent changes, and its errors differ from
those of the bank. It lowers the error by 0.2 to 1.1 % (docs/forecasting.md, "What helped and what did not").
"""


class GaussianProcessEnsemble(HourlyForecaster[EngineSettings]):
    """The bank, with trees on its residual, LEAR and online aggregation where the settings enable them."""

    name: ClassVar[str] = "engine"
    settings_type: ClassVar[type[ForecasterSettings]] = EngineSettings

    def __init__(self, settings: EngineSettings) -> None:
        super().__init__(settings)
        self._bank: GaussianBank | None = None
        self._weights: dict[int, KernelWeights] = {}
        self._n_passes = 2 if settings.robust else 1
        self._trees: Any = None
        self._lear = self._new_lear()
        self._aggregator: Aggregator | None = None
        self._experts: Floats = np.empty((0, 0, HOURS))
        self._stored: Floats | None = None
        self._latest: tuple[int, Floats] | None = None

    def fit_grid(self, grid: ClockGrid) -> Self:
        """Learn from days on the local clock, first deciding which optional inputs help.

        Prices of earlier auctions are tried first, then fuels, then inputs of neighbours.
        """
        names, judged = tuple(grid.inputs), list[JudgedInputs]()
        for kind, optional in optional_groups(names):
            judged.append(self._judge(kind, optional, grid.select_inputs(names)))
            if not judged[-1].is_kept:
                names = tuple(name for name in names if name not in optional)
        self.judged_inputs = tuple(judged)
        return super().fit_grid(grid if names == tuple(grid.inputs) else grid.select_inputs(names))

    def _judge(self, kind: Kind, optional: tuple[str, ...], grid: ClockGrid) -> JudgedInputs:
        """Whether the bank under its prior has a smaller error on the newest days with `optional`."""
        choice: Choice = getattr(self.settings, kind)
        is_there = any(np.isfinite(grid.inputs[name]).any() for name in optional)
        if choice != "if_better" or not is_there:
            return JudgedInputs(
                names=optional, error_with=np.nan, error_without=np.nan, is_kept=choice == "always"
            )
        trial = self.settings.reduced().model_copy(
            update={"neighbours": "always", "earlier_prices": "always", "fuels": "always"}
        )
        alone = grid.select_inputs(tuple(name for name in grid.inputs if name not in optional))
        errors = [GaussianProcessEnsemble(trial).fit_grid(one).recent_error() for one in (grid, alone)]
        return JudgedInputs(
            names=optional, error_with=errors[0], error_without=errors[1], is_kept=errors[0] < errors[1]
        )

    def recent_error(self) -> float:
        """Mean absolute error on the second half of the fitted days, at most two years, EUR/MWh."""
        first = max(self._n_fitted // 2, self._n_fitted - 728, WARM_UP_DAYS)
        return float(
            np.nanmean(
                np.abs(
                    self._points[first : self._n_fitted] - self.history.grid.prices[first : self._n_fitted]
                )
            )
        )

    # -- the hooks of HourlyForecaster

    def _learn(self, history: FilledHistory) -> Floats:
        windows = tuple(window.window() for window in self.settings.windows)
        self._weights = (
            fit_bank_weights(history, self.anchors, windows, self.settings.gradient)
            if self.settings.gradient
            else {}
        )
        self._bank = self._build_bank(history)
        self._weights = dict(enumerate(self._bank.weights))
        banked = self._bank.backcast()
        first = (
            max(2 * FIRST_LEARNING_DAY, len(history) - self.settings.calibration_days)
            if self._has_more_than_a_bank()
            else len(history)
        )
        first = min(first, len(history))
        self._lear = self._new_lear()
        self._stored = None
        self._experts = self._walk(history, banked, first, self._lear)
        self._trees = self._train(history, _mean_of_bank(banked)) if self.settings.trees else None
        combined, self._aggregator = self._combine_days(
            self._experts, history.grid.prices[first:], self._new_aggregator()
        )
        return np.concatenate([_mean_of_bank(banked)[:first], combined])

    def _next_day(self, history: FilledHistory) -> Floats:
        experts = self._experts_of_last_day(history)
        self._latest = (len(history), experts)
        return self._combine(experts, self._aggregator)

    def _absorb_last_day(self, history: FilledHistory) -> None:
        if self._stored is not None and len(self._experts) < len(self._stored):
            experts = self._stored[len(self._experts)]
        elif self._latest is not None and self._latest[0] == len(history):
            experts = self._latest[1]
        else:
            experts = self._experts_of_last_day(history)
        self._experts = np.concatenate([self._experts, experts[None]])
        for window in self._lear:
            window.commit(len(history) - 1)
        if self._aggregator is not None:
            self._aggregator.take(experts, history.grid.prices[-1])
        self.bank.absorb(history)

    def _prepare_next(self) -> None:
        super()._prepare_next()
        self.bank.prepare_next(self.history)
        for window in self._lear:
            window.prepare_next(self.history)

    def _walk_points(self, history: FilledHistory, first_row: int) -> Floats:
        banked = backcast_bank(history, self.anchors, self._plan())
        experts = self._walk(
            history, banked, first_row, [copy(window) for window in self._lear]
        )  # a walk leaves no trace
        start = self._n_fitted - len(self._experts)
        before = self._new_aggregator()
        if before is not None:
            _, before = self._combine_days(
                self._experts, history.grid.prices[start : start + len(self._experts)], before
            )
        return self._combine_days(experts, history.grid.prices[first_row:], before)[0]

    def _reduced_settings(self, missing: tuple[str, ...]) -> EngineSettings:
        """Where only optional inputs are missing, the stand-in is the whole model without them."""
        return self.settings if all(map(is_optional, missing)) else self.settings.reduced()

    # -- explanation

    def forecast_parts(self, history: FilledHistory) -> ForecastParts:
        """What the bank's forecast is made of. What trees and LEAR add to it is a separate part."""
        parts = self.bank.explain(history)
        others = [
            name
            for name, is_there in (
                ("trees on the residual", self.settings.trees),
                ("LEAR", self.settings.lear),
            )
            if is_there
        ]
        if not others:
            return parts
        experts = self._experts_of_last_day(history)
        added = self._core(experts) - experts[self._bank_column()]
        return replace(parts, contributions={**parts.contributions, " and ".join(others): added})

    # -- experts

    def _experts_of_last_day(self, history: FilledHistory) -> Floats:
        """(K, 24) every expert's forecast of the last day of `history`."""
        row = len(history) - 1
        windows = self.bank.predict(history).reshape(-1, HOURS)
        bank = windows.mean(axis=0)
        said = [*windows, bank]
        if self._trees is not None:
            padded = np.full((len(history), HOURS), np.nan)
            n_absorbed = len(self.history)
            padded[n_absorbed - len(self._experts) : n_absorbed] = self._bank_points()
            padded[row] = bank
            table = ResidualTable(history, self.anchors, padded, slice(row, row + 1))
            said += self._with_trees(bank[None], table.predict(self._trees, slice(0, 1)))
        said += [window.predict(history, row) for window in self._lear]
        return np.array([np.reshape(day, HOURS) for day in said])

    def _walk(self, history: FilledHistory, banked: Floats, first: int, lear: list[LearWindow]) -> Floats:
        """(D - first, K, 24) forecasts of every expert for the days from `first` on.

        Each is made from the days before it.
        """
        n_days = len(history)
        if first >= n_days:
            return np.empty((0, self._n_experts(), HOURS))
        windows = banked[first:].reshape(n_days - first, self._bank_column(), HOURS)
        bank = _mean_of_bank(banked)
        said = [*windows.transpose(1, 0, 2), bank[first:]]
        if self.settings.trees:
            said += self._with_trees(bank[first:], self._walk_trees(history, bank, first))
        said += [window.walk(history, range(first, n_days)) for window in lear]
        return np.array(said).transpose(1, 0, 2)

    def _walk_trees(self, history: FilledHistory, bank: Floats, first: int) -> Floats:
        trees = self.settings.trees
        assert trees is not None  # noqa: S101  (asked by _walk only)
        table = ResidualTable(history, self.anchors, bank, slice(0, len(history)))
        prices = np.empty((len(history) - first, HOURS))
        for start in range(first, len(history), trees.refresh_days):
            stop = min(start + trees.refresh_days, len(history))
            model = table.train(trees, first=FIRST_LEARNING_DAY, stop=start, scale=self.anchors.price_spread)
            prices[start - first : stop - first] = table.predict(model, slice(start, stop))
        return prices

    def _train(self, history: FilledHistory, bank: Floats) -> Any:
        trees = self.settings.trees
        assert trees is not None  # noqa: S101  (asked by _learn only)
        table = ResidualTable(history, self.anchors, bank, slice(0, len(history)))
        return table.train(
            trees, first=FIRST_LEARNING_DAY, stop=len(history), scale=self.anchors.price_spread
        )

    @staticmethod
    def _with_trees(bank: Floats, trees: Floats) -> list[Floats]:
        return [trees, (bank + trees) / 2]

    def _bank_points(self) -> Floats:
        """(n, 24) the bank's forecasts of the days whose experts are kept."""
        return self._experts[:, self._bank_column()]

    def _bank_column(self) -> int:
        return self._n_passes * len(self.settings.windows)

    def _core(self, experts: Floats) -> Floats:
        """The fixed blend of (..., K, 24) experts: mostly the mean of bank and trees, or the bank alone."""
        column = self._bank_column() + (2 if self.settings.trees else 0)
        core = np.asarray(experts[..., column, :])
        if not self._lear:
            return core
        return np.asarray(
            (1 - _LEAR_SHARE) * core + _LEAR_SHARE * experts[..., column + 1 :, :].mean(axis=-2)
        )

    def _combine(self, experts: Floats, aggregator: Aggregator | None) -> Floats:
        core = self._core(experts)
        return (
            core
            if aggregator is None
            else np.asarray(_CORE_SHARE * core + (1 - _CORE_SHARE) * aggregator.combine(experts))
        )

    def _combine_days(
        self, experts: Floats, outcomes: Floats, aggregator: Aggregator | None
    ) -> tuple[Floats, Aggregator | None]:
        """(n, 24) final forecasts, day after day, and the aggregator after the last day."""
        if aggregator is None:
            return self._core(experts), None
        combined = np.empty_like(outcomes)
        for row, (day, outcome) in enumerate(zip(experts, outcomes, strict=True)):
            combined[row] = self._combine(day, aggregator)
            aggregator.take(day, outcome)
        return combined, aggregator

    def _new_aggregator(self) -> Aggregator | None:
        return Aggregator(self._n_experts()) if self.settings.is_aggregated else None

    def _n_experts(self) -> int:
        return self._bank_column() + 1 + (2 if self.settings.trees else 0) + len(self._lear)

    def _new_lear(self) -> list[LearWindow]:
        lear = self.settings.lear
        return [LearWindow(days, lear) for days in lear.windows_days] if lear else []

    def _has_more_than_a_bank(self) -> bool:
        return (
            self.settings.trees is not None or self.settings.lear is not None or self.settings.is_aggregated
        )

    # -- the bank

    @property
    def bank(self) -> GaussianBank:
        """The fitted bank.

        Raises:
            ForecastError: the forecaster has not been fitted.
        """
        if self._bank is None:
            raise ForecastError(f"{self.name} has not been fitted")
        return self._bank

    def _build_bank(self, history: FilledHistory) -> GaussianBank:
        return GaussianBank(history, self.anchors, self._plan())

    def _plan(self) -> BankPlan:
        settings = self.settings
        windows = tuple(window.window() for window in settings.windows)
        return BankPlan(
            windows=windows,
            with_robust=settings.robust,
            weights=self._weights,
            n_blocks=settings.blocks_by_window(),
        )

    # -- files

    def _model_arrays(self) -> Arrays:
        arrays: Arrays = {
            f"weights.{i}.{key}": array
            for i, weights in self._weights.items()
            for key, array in weights_to_arrays(weights).items()
        }
        arrays |= {"experts": self._experts}
        for i, window in enumerate(self._lear):
            arrays |= {f"lear.{i}.{key}": array for key, array in window.arrays().items()}
        return arrays

    def _model_files(self) -> dict[str, bytes]:
        return {_TREES_FILE: save_catboost(self._trees)} if self._trees is not None else {}

    def _restore(self, history: FilledHistory, arrays: Arrays, files: Mapping[str, bytes]) -> None:
        try:
            self._stored = arrays["experts"]
            for index in range(len(self.settings.windows)):
                self._weights[index] = weights_from_arrays(_part(arrays, f"weights.{index}."))
            self._trees = self._load_trees(history, files)
            for index, window in enumerate(self._lear):
                window.restore(_part(arrays, f"lear.{index}."))
        except KeyError as error:
            raise ModelIntegrityError(
                f"engine state lacks {error}: files are missing, or other code saved it; train the model anew"
            ) from None
        self._bank = self._build_bank(history)
        n_later = len(arrays["grid.days"]) - len(history)
        self._experts = self._stored[: len(self._stored) - n_later]
        first = len(history) - len(self._experts)
        _, self._aggregator = self._combine_days(
            self._experts, history.grid.prices[first:], self._new_aggregator()
        )

    def _load_trees(self, history: FilledHistory, files: Mapping[str, bytes]) -> Any:
        if not self.settings.trees:
            return None
        columns = ResidualTable(
            history,
            self.anchors,
            np.full((len(history), HOURS), np.nan),
            slice(len(history) - 1, len(history)),
        ).names
        return load_catboost(files[_TREES_FILE], columns)


def _mean_of_bank(banked: Floats) -> Floats:
    """(D, 24) mean over passes and windows."""
    return np.asarray(banked.reshape(len(banked), -1, HOURS).mean(axis=1))


def _part(arrays: Arrays, prefix: str) -> Arrays:
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}
