"""Boosted trees on the residual of the bank.

They catch interactions of hour, level and recent errors that a kernel over whole days does not see.

One model serves all hours. It is refitted every few weeks on the difference between the transformed price and
the bank's forecast of it.
"""

from typing import Any

import numpy as np
from pydantic import Field

from spot.arrays import Floats, Singles
from spot.forecast.days.anchors import Anchors
from spot.forecast.days.features import FilledHistory
from spot.forecast.days.normalisation import restore, transform
from spot.forecast.trees.boosting import (
    BoostingSettings,
    BorderCount,
    Depth,
    Iterations,
    LeafRegularisation,
    LearningRate,
)
from spot.forecast.trees.hour_table import HourTable, hour_table
from spot.market.clock import HOURS

_EVENING = slice(HOURS - 4, HOURS)
FIRST_LEARNING_DAY = 42
"""First day of the history from which trees learn. The bank's forecasts of earlier days come from too few
days. Chosen by hand; not tuned.
"""


class TreeSettings(BoostingSettings):
    """CatBoost on the residual."""

    iterations: Iterations = 150
    depth: Depth = 8
    learning_rate: LearningRate = 0.05
    l2_leaf_reg: LeafRegularisation = 5.0
    border_count: BorderCount = 32
    half_life_days: float = Field(default=730.0, gt=0)
    """Shape of the trees, chosen on days 1092 to 1455 of the benchmark (docs/forecasting.md, "Against the
    published benchmark").
    """
    refresh_days: int = Field(default=56, ge=1)
    """Days between refits in a walk-forward."""
    seeds: int = Field(default=1, ge=1)
    """Models with different random seeds whose forecasts are averaged."""


class ResidualTable:
    """The trees' table over the rows of a history, given the bank's forecasts of them."""

    def __init__(self, history: FilledHistory, anchors: Anchors, bank: Floats, rows: slice) -> None:
        """Make the table of `rows`.

        `bank`, (D, 24), holds a forecast for every row of `history`, NaN while warming up.
        """
        start, stop, _ = rows.indices(len(history))
        memory = slice(max(0, start - 29), stop)
        table = hour_table(history, anchors, memory)
        foreseen = transform(
            np.where(np.isfinite(bank[memory]), bank[memory], table.centre[:, None]),
            table.centre,
            table.spread,
        )
        # A day whose price is unknown has no residual. The day to forecast is one of them.
        residual = np.where(
            np.isfinite(bank[memory]) & table.is_known[:, None], table.outcomes - foreseen, 0.0
        )
        keep = slice(start - memory.start, None)
        self._table, self._foreseen = table, foreseen[keep]
        self.centre, self.spread, self.residual = table.centre[keep], table.spread[keep], residual[keep]
        self.is_known = table.is_known[keep]
        columns = _columns(table, foreseen, residual)
        self.names = (*table.names, *columns)
        stacked = np.stack(list(columns.values()), axis=2).astype(np.float32)
        self.columns: Singles = np.concatenate([table.columns, stacked], axis=2)[keep]

    def train(self, settings: TreeSettings, *, first: int, stop: int, scale: float) -> Any:
        """A model of the residual on the known days [first, stop) of this table.

        Newer and more volatile days have more weight. The models of all seeds are merged into one.
        """
        from catboost import CatBoost, Pool, sum_models

        rows = first + np.flatnonzero(self.is_known[first:stop])
        weight = self.spread[rows] / scale * 0.5 ** ((stop - rows) / settings.half_life_days)
        pool = Pool(
            self.columns[rows].reshape(-1, len(self.names)),
            self.residual[rows].ravel(),
            weight=np.repeat(weight, HOURS),
            feature_names=list(self.names),
        )
        params = {
            **settings.parameters("Huber:delta=0.1"),
            "bootstrap_type": "Bernoulli",
            "subsample": 0.6,
            "rsm": 0.5,
        }
        models = [CatBoost({**params, "random_seed": seed}).fit(pool) for seed in range(settings.seeds)]
        return models[0] if len(models) == 1 else sum_models(models, weights=[1 / len(models)] * len(models))

    def predict(self, model: Any, rows: slice) -> Floats:
        """(n, 24) prices of some rows: the bank's forecast plus the forecast residual."""
        columns = self.columns[rows]
        foreseen = np.asarray(model.predict(columns.reshape(-1, len(self.names)), thread_count=1))
        return restore(
            self._foreseen[rows] + foreseen.reshape(len(columns), HOURS), self.centre[rows], self.spread[rows]
        )


def _columns(table: HourTable, foreseen: Floats, residual: Floats) -> dict[str, Floats]:
    """Inputs of the trees besides the hour table: the bank's forecast, and its past errors."""
    yesterday = _lagged(residual, 1)
    return {
        "bank": foreseen,
        "bank.mean": _daily(foreseen.mean(axis=1)),
        "bank.min": _daily(foreseen.min(axis=1)),
        "bank.max": _daily(foreseen.max(axis=1)),
        "bank.step": foreseen - table.columns[:, :, table.names.index("p1")],
        "miss1": yesterday,
        "miss1.mean": _daily(yesterday.mean(axis=1)),
        "miss1.evening": _daily(yesterday[:, _EVENING].mean(axis=1)),
        "miss2": _lagged(residual, 2),
        "miss7": _lagged(residual, 7),
        "miss.week": _trailing_mean(residual, 7),
        "miss.month": _trailing_mean(residual, 28),
    }


def _lagged(values: Floats, lag: int) -> Floats:
    return np.concatenate([np.zeros((min(lag, len(values)), HOURS)), values[:-lag]])


def _trailing_mean(values: Floats, days: int) -> Floats:
    """(n, 24) mean of the `days` rows before each, rows before the first counting as 0."""
    return np.asarray(np.mean([_lagged(values, lag) for lag in range(1, days + 1)], axis=0))


def _daily(values: Floats) -> Floats:
    return np.broadcast_to(values[:, None], (len(values), HOURS))
