"""CatBoost on a table of one row per clock hour.

One model gives all quantiles. It is good at interactions and gives exact explanations.

Source: Prokhorenkova et al. (2018), "CatBoost: unbiased boosting with categorical features". Targets are
normalised prices. Crossed quantiles are sorted, then stretched by their errors on the newest days, which the
model that measured them had not seen (Romano, Patterson and Candes, 2019, "Conformalized quantile
regression").
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from spot.arrays import Floats
from spot.errors import ModelIntegrityError
from spot.forecast.days.features import WARM_UP_DAYS, FilledHistory
from spot.forecast.days.files import Arrays
from spot.forecast.days.normalisation import restore
from spot.forecast.forecast_width import widening
from spot.forecast.hourly_forecaster import ForecasterSettings, HourlyForecaster
from spot.forecast.parts import ForecastParts, by_family
from spot.forecast.trees.boosting import (
    BoostingSettings,
    BorderCount,
    Depth,
    Iterations,
    LeafRegularisation,
    LearningRate,
    multi_quantile,
)
from spot.forecast.trees.files import load_catboost, save_catboost
from spot.forecast.trees.hour_table import HourTable, hour_table
from spot.market.clock import HOURS

MODEL_FILE = "model.cbm"
_HELD_OUT_SHARE = 0.2
"""Share of the days that measures the errors of the quantiles and is not learnt from, at most
`_HELD_OUT_DAYS`. Chosen by hand; not tuned.
"""
_HELD_OUT_DAYS = 182
"""The most days that are held out."""


class CatBoostSettings(ForecasterSettings, BoostingSettings):
    """Settings of plain CatBoost. A small demo takes fewer iterations."""

    kind: Literal["catboost"] = "catboost"
    iterations: Iterations = 400
    depth: Depth = 6
    learning_rate: LearningRate = 0.06
    l2_leaf_reg: LeafRegularisation = 5.0
    border_count: BorderCount = 64
    half_life_days: float = Field(default=730.0, gt=0)
    seed: int = 1
    """Chosen by hand, near the library's defaults; not tuned. The profiles in `conf/models` set others."""


class CatBoostForecaster(HourlyForecaster[CatBoostSettings]):
    """CatBoost MultiQuantile."""

    name: ClassVar[str] = "catboost"
    settings_type: ClassVar[type[ForecasterSettings]] = CatBoostSettings

    def __init__(self, settings: CatBoostSettings) -> None:
        super().__init__(settings)
        self._model: Any = None
        self._stretch: Floats = np.ones(len(settings.levels))

    def _learn(self, history: FilledHistory) -> Floats:
        table = hour_table(history, self.anchors, slice(WARM_UP_DAYS, len(history)))
        n_held_out = min(_HELD_OUT_DAYS, int(len(table.is_known) * _HELD_OUT_SHARE))
        first = len(table.is_known) - n_held_out
        trial = self._train(table, stop=first)
        quantiles = self._raw_quantiles(trial, table, slice(first, None))
        self._stretch = _stretch(quantiles, table, first, self.settings.levels)
        self._model = self._train(table, stop=len(table.is_known))
        points = np.full((len(history), HOURS), np.nan)
        rows = slice(WARM_UP_DAYS + first, len(history))
        middle = np.argmin(np.abs(np.array(self.settings.levels) - 0.5))
        points[rows] = restore(quantiles[:, :, middle], table.centre[first:], table.spread[first:])
        return points

    def _train(self, table: HourTable, *, stop: int) -> Any:
        from catboost import CatBoostRegressor, Pool

        rows = np.flatnonzero(table.is_known[:stop])
        age = (len(table.is_known) - rows).astype(np.float64)
        weight = np.repeat(0.5 ** (age / self.settings.half_life_days), HOURS)
        pool = Pool(
            table.columns[rows].reshape(-1, len(table.names)),
            table.outcomes[rows].ravel(),
            weight=weight,
            feature_names=list(table.names),
        )
        model = CatBoostRegressor(
            **self.settings.parameters(multi_quantile(self.settings.levels)), random_seed=self.settings.seed
        )
        return model.fit(pool)

    def _raw_quantiles(self, model: Any, table: HourTable, rows: slice) -> Floats:
        """(n, 24, Q) ascending quantiles of transformed prices."""
        columns = table.columns[rows]
        raw = model.predict(columns.reshape(-1, len(table.names)), thread_count=1)
        return np.sort(np.asarray(raw, dtype=np.float64).reshape(len(columns), HOURS, -1), axis=2)

    def _last_quantiles(self, history: FilledHistory) -> tuple[Floats, HourTable]:
        table = hour_table(history, self.anchors, slice(len(history) - 1, len(history)))
        return self._raw_quantiles(self._model, table, slice(None))[0], table

    def _next_day(self, history: FilledHistory) -> Floats:
        quantiles, table = self._last_quantiles(history)
        middle = int(np.argmin(np.abs(np.array(self.settings.levels) - 0.5)))
        return np.asarray(restore(quantiles[None, :, middle], table.centre, table.spread)[0])

    def _prepare_next(self) -> None:
        """Nothing to prepare: the quantiles are the model's own."""

    def _quantiles(
        self,
        history: FilledHistory,
        point: Floats,  # noqa: ARG002 - the model gives quantiles, not the errors of its points
        points: Floats,  # noqa: ARG002
    ) -> Floats:
        raw, table = self._last_quantiles(history)
        middle = int(np.argmin(np.abs(np.array(self.settings.levels) - 0.5)))
        centre = raw[:, middle : middle + 1]
        transformed = np.sort(centre + (raw - centre) * self._stretch * widening(history), axis=1)
        return restore(
            transformed.T, np.repeat(table.centre, raw.shape[1]), np.repeat(table.spread, raw.shape[1])
        ).T

    def forecast_parts(self, history: FilledHistory) -> ForecastParts:
        """SHAP values of the median, added up by family of inputs."""
        return ForecastParts(contributions=by_family(self.shap_contributions(history)))

    def shap_contributions(self, history: FilledHistory) -> dict[str, Floats]:
        """Column of the hour table to (24,) its SHAP value, EUR/MWh.

        For the median of the last day of `history`.
        """
        from catboost import Pool

        table = hour_table(history, self.anchors, slice(len(history) - 1, len(history)))
        values = np.asarray(
            self._model.get_feature_importance(
                Pool(table.columns[0], feature_names=list(table.names)), type="ShapValues"
            )
        )
        middle = int(np.argmin(np.abs(np.array(self.settings.levels) - 0.5)))
        shares, base = values[:, middle, :-1], values[:, middle, -1]
        total = shares.sum(axis=1)
        here, usual = (restore(z[None], table.centre, table.spread)[0] for z in (base + total, base))
        # In transformed prices the parts add up exactly. The mean slope between the two ends converts them to
        # EUR/MWh.
        slope = np.where(
            np.abs(total) > 1e-9, (here - usual) / np.where(np.abs(total) > 1e-9, total, 1.0), table.spread[0]
        )
        return {name: shares[:, i] * slope for i, name in enumerate(table.names)}

    def _model_arrays(self) -> Arrays:
        return {"stretch": self._stretch}

    def _model_files(self) -> dict[str, bytes]:
        return {MODEL_FILE: save_catboost(self._model)}

    def _restore(self, history: FilledHistory, arrays: Arrays, files: Mapping[str, bytes]) -> None:
        if MODEL_FILE not in files or "stretch" not in arrays:
            raise ModelIntegrityError(
                f"model file {MODEL_FILE} or its stretch is missing: got {', '.join(sorted(files))}"
            )
        self._stretch = arrays["stretch"]
        self._model = load_catboost(
            files[MODEL_FILE], hour_table(history, self.anchors, slice(len(history) - 1, len(history))).names
        )


def _stretch(quantiles: Floats, table: HourTable, first: int, levels: tuple[float, ...]) -> Floats:
    """(Q,) factor on each quantile's distance from the median that makes it right on the held-out days."""
    middle = int(np.argmin(np.abs(np.array(levels) - 0.5)))
    known = table.is_known[first:]
    distance = (table.outcomes[first:][known] - quantiles[known][:, :, middle]).ravel()
    stretch = np.ones(len(levels))
    for i, level in enumerate(levels):
        width = (quantiles[known][:, :, i] - quantiles[known][:, :, middle]).ravel()
        if i == middle or len(distance) < 10 * HOURS:
            continue
        ratio = distance / np.where(np.abs(width) > 1e-6, width, np.sign(level - 0.5) * 1e-6)
        stretch[i] = np.clip(np.quantile(ratio, level if level > 0.5 else 1 - level), 0.5, 3.0)
    return stretch
