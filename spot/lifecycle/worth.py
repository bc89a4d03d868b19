"""What each input of a zone's model is worth, in error and in money, with its interval.

A model is fitted on the days before the walk, with all inputs and without each. All walk the same days, each
forecast from what was known at its gate. The money is that of a fixed storage schedule, which needs no limits
and no choice of strategy: one MW is bought in the hours that the forecast shows as cheapest, and sold in the
dearest. Differences are per day; their intervals come from a block bootstrap.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.errors import ForecastError
from spot.forecast.hourly_forecaster import HourlyForecaster
from spot.lifecycle.bootstrap import BootstrapResult, block_bootstrap

STORAGE_HOURS = 4
"""Hours in which the fixed schedule buys, and in which it sells: a common size of batteries."""
LEAST_DAYS = 28
"""Fewest walked days: four blocks of the bootstrap. Chosen by hand; not tuned."""
_TOGETHER: Mapping[str, tuple[str, ...]] = {
    "load forecast": ("load_forecast_mw",),
    "wind forecast": ("wind_forecast_mw",),
    "solar forecast": ("solar_forecast_mw",),
}
_RESIDUAL = "residual_load_mw"
"""It holds each of the three above, so it goes with any of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputWorth:
    """What leaving an input out costs. A positive number is in favour of the input."""

    name: str
    is_used: bool
    """Whether the model with all inputs keeps it."""
    error: BootstrapResult
    """Mean absolute error without it minus that with it, EUR/MWh."""
    money: BootstrapResult
    """Money of the storage schedule with it minus that without it, EUR a day for each MW."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorthReport:
    """The walk with all inputs, and the worth of each."""

    n_days: int
    mae_eur_per_mwh: float
    storage_eur_per_day: float
    inputs: tuple[InputWorth, ...]
    """The most useful first."""


def worth_of_inputs(
    panel: DeliveryPanel, first_row: int, new_forecaster: Callable[[], HourlyForecaster[Any]]
) -> WorthReport:
    """Leave each input out in turn, and walk the days of `panel` from `first_row` on.

    `new_forecaster` makes an unfitted model; it learns from the days before `first_row`.

    Raises:
        ForecastError: fewer than `LEAST_DAYS` days can be compared, or a model cannot be fitted.
    """
    full, used = _walked(panel, first_row, new_forecaster)
    actual = panel.prices[first_row:]
    known = np.flatnonzero(np.isfinite(actual).any(axis=1))
    if len(known) < LEAST_DAYS:
        raise ForecastError(
            f"{panel.zone}: {len(known)} days with prices to compare, {LEAST_DAYS} are needed"
        )
    error, money = _losses(full, actual)[known], storage_money(panel, first_row, full)[known]
    found = []
    for name, inputs in input_groups(tuple(panel.inputs)).items():
        reduced = {key: array for key, array in panel.inputs.items() if key not in inputs}
        points, _ = _walked(replace(panel, inputs=reduced), first_row, new_forecaster)
        found.append(
            InputWorth(
                name=name,
                is_used=any(one in used for one in inputs),
                error=block_bootstrap(_losses(points, actual)[known] - error),
                money=block_bootstrap(money - storage_money(panel, first_row, points)[known]),
            )
        )
    return WorthReport(
        n_days=len(known),
        mae_eur_per_mwh=float(error.mean()),
        storage_eur_per_day=float(money.mean()),
        inputs=tuple(sorted(found, key=lambda one: -one.error.mean)),
    )


def input_groups(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Name of each group that is left out to its inputs: load, wind, solar, then every other input alone."""
    groups = {name: (*inputs, _RESIDUAL) for name, inputs in _TOGETHER.items() if set(inputs) & set(names)}
    taken = {one for inputs in groups.values() for one in inputs}
    return groups | {name: (name,) for name in names if name not in taken}


def storage_money(panel: DeliveryPanel, first_row: int, points: Floats) -> Floats:
    """(D,) money of the fixed schedule at the prices that followed, EUR a day for one MW.

    `points` (D, P) are the forecasts of the days from `first_row` on. NaN on days that lack a price.
    """
    money = np.full(len(points), np.nan)
    for row, forecast in enumerate(points):
        n_periods = int(panel.n_periods[first_row + row])
        hours = panel.resolution_minutes[first_row + row] / 60
        n_traded = round(STORAGE_HOURS / hours)
        order = np.argsort(forecast[:n_periods], kind="stable")
        actual = panel.prices[first_row + row, :n_periods]
        money[row] = hours * (actual[order[-n_traded:]].sum() - actual[order[:n_traded]].sum())
    return money


def _walked(
    panel: DeliveryPanel, first_row: int, new_forecaster: Callable[[], HourlyForecaster[Any]]
) -> tuple[Floats, frozenset[str]]:
    """(D, P) forecasts from `first_row` on, NaN after the end of a day; the inputs that the model uses."""
    model = new_forecaster().fit(panel.first(first_row))
    points = np.full((len(panel) - first_row, panel.prices.shape[1]), np.nan)
    for row, forecast in enumerate(model.walk_forward(panel, first_row)):
        points[row, : len(forecast.point)] = forecast.point
    return points, frozenset(model.anchors.input_range)


def _losses(points: Floats, actual: Floats) -> Floats:
    """(D,) mean absolute error of each day; NaN without a price."""
    known = np.isfinite(actual)
    total = np.where(known, np.abs(points - np.where(known, actual, 0.0)), 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)
