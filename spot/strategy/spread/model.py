"""A quantile model of the spread behind a small interface: CatBoost with the loss MultiQuantile.

Source: Prokhorenkova et al. (2018), "CatBoost: unbiased boosting with categorical features". Spreads have
very heavy tails (settlement prices reach tens of thousands), so the model learns quantiles, never a mean.
Crossed quantiles are sorted. It is stored in CatBoost's own format and JSON.

Spreads, quantiles and contributions are in EUR/MWh.
"""

import json
from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.errors import ForecastError, ModelIntegrityError
from spot.forecast.days.bounded import bounded_json
from spot.forecast.trees.boosting import (
    BoostingSettings,
    BorderCount,
    Depth,
    Iterations,
    LeafRegularisation,
    LearningRate,
    multi_quantile,
)
from spot.forecast.trees.files import save_catboost
from spot.strategy.proposals.view import LEVELS, mean_of_quantiles

_KEYS = ("zone", "delivery_day", "delivery_start_utc")
_MODEL_FILE, SETTINGS_FILE = "spread_model.cbm", "spread_model.json"
_MIN_ROWS = 24 * 30
"""Fewest rows from which the model learns: a month of hours. Chosen by hand; not tuned."""


class SpreadModel(Protocol):
    """Learns spreads from inputs (`spot.strategy.spread.inputs.spread_inputs`) and gives their quantiles."""

    def fit(self, inputs: pl.DataFrame, spreads: Floats) -> Self:
        """Learn from one row of `inputs` per period and its spread in EUR/MWh, `(n,)`.

        Rows without a finite spread are left out.
        """
        ...

    def predict(self, inputs: pl.DataFrame) -> Floats:
        """(P, 9) quantiles at `LEVELS`, ascending, EUR/MWh."""
        ...

    def contributions(self, inputs: pl.DataFrame) -> Mapping[str, Floats]:
        """Input to (P,) its contribution to the expected spread against a usual unit, EUR/MWh."""
        ...

    def to_files(self) -> Mapping[str, bytes]:
        """The fitted model as named files."""
        ...


class CatBoostSpreadSettings(BoostingSettings):
    """Small trees, because a spread is mostly noise and the model is refitted often.

    Chosen by hand; not tuned.
    """

    iterations: Iterations = 150
    depth: Depth = 4
    learning_rate: LearningRate = 0.05
    l2_leaf_reg: LeafRegularisation = 20.0
    border_count: BorderCount = 32
    seed: int = 1


class CatBoostSpread:
    """CatBoost MultiQuantile."""

    def __init__(self, settings: CatBoostSpreadSettings | None = None) -> None:
        self.settings = settings or CatBoostSpreadSettings()
        self._names: tuple[str, ...] = ()
        self._model: Any = None

    def fit(self, inputs: pl.DataFrame, spreads: Floats) -> Self:
        """Learn from inputs and spreads (N,).

        Raises:
            ForecastError: fewer than 720 rows with a spread.
        """
        from catboost import CatBoostRegressor, Pool

        known = np.isfinite(spreads)
        if known.sum() < _MIN_ROWS:
            raise ForecastError(
                f"spread model: {int(known.sum())} rows with a spread, {_MIN_ROWS} are needed"
            )
        self._names = tuple(name for name in inputs.columns if name not in _KEYS)
        self._model = CatBoostRegressor(
            **self.settings.parameters(multi_quantile(LEVELS.tolist())), random_seed=self.settings.seed
        ).fit(
            Pool(
                inputs.select(self._names).to_numpy()[known], spreads[known], feature_names=list(self._names)
            )
        )
        return self

    def predict(self, inputs: pl.DataFrame) -> Floats:
        """(P, 9) quantiles, sorted.

        Raises:
            ForecastError: the model has not been fitted, or an input it learned from is missing.
        """
        columns = self._columns(inputs)
        raw = self._model.predict(columns, thread_count=1)
        return np.sort(np.asarray(raw, dtype=np.float64).reshape(inputs.height, len(LEVELS)), axis=1)

    def contributions(self, inputs: pl.DataFrame) -> Mapping[str, Floats]:
        """TreeSHAP values (Lundberg et al. 2020) of the expected spread, (P,) per input.

        The mean that the strategy trades is a weighted sum of the quantiles, so its values are the same sum
        of theirs. They add up to it exactly wherever the quantiles did not have to be sorted.

        Raises:
            ForecastError: as `predict`.
        """
        columns = self._columns(inputs)
        from catboost import Pool

        values = self._model.get_feature_importance(
            Pool(columns, feature_names=list(self._names)), type="ShapValues", thread_count=1
        )
        mean = np.einsum(
            "q,pqn->pn", mean_of_quantiles(np.eye(len(LEVELS))), np.asarray(values, dtype=np.float64)
        )
        return {name: mean[:, i] for i, name in enumerate(self._names)}

    def _columns(self, inputs: pl.DataFrame) -> Floats:
        missing = [name for name in self._names if name not in inputs.columns]
        if self._model is None or missing:
            raise ForecastError(f"spread model: not fitted, or inputs are missing: {missing}")
        return inputs.select(self._names).to_numpy()

    def to_files(self) -> Mapping[str, bytes]:
        """CatBoost's own format, and the settings as JSON.

        Raises:
            ForecastError: the model has not been fitted.
        """
        if self._model is None:
            raise ForecastError("spread model: not fitted")
        content = save_catboost(self._model)
        settings = {"settings": self.settings.model_dump(), "names": list(self._names)}
        return {_MODEL_FILE: content, SETTINGS_FILE: json.dumps(settings, sort_keys=True).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """The model of `to_files`. Check its checksum first: a damaged file can crash the process.

        Raises:
            ModelIntegrityError: a file is missing or unreadable.
        """
        from catboost import CatBoostError, CatBoostRegressor

        try:
            document = bounded_json(files[SETTINGS_FILE], SETTINGS_FILE)
            model = cls(CatBoostSpreadSettings.model_validate(document["settings"]))
            model._names = tuple(document["names"])
            model._model = CatBoostRegressor().load_model(blob=files[_MODEL_FILE])
        except (KeyError, ValueError, TypeError, CatBoostError) as error:
            raise ModelIntegrityError(f"spread model: files are missing or unreadable: {error}") from error
        return model
