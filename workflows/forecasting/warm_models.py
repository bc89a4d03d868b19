"""Models kept loaded in this process, so that forecasting day after day costs an update and not a reload.

A loaded model that has absorbed days is used again only for a panel whose days are, bit for bit, those it
absorbed. Otherwise the version's files are loaded again. So a warm process and a cold one make the same
forecasts.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion
from spot.contracts.panel import DeliveryPanel
from spot.forecast.hourly_forecaster import HourlyForecaster

_MOST = 8
"""Models kept in memory at once. Chosen by hand; not tuned.
"""


@dataclass(frozen=True, slots=True)
class _Warm:
    forecaster: HourlyForecaster[Any]
    n_absorbed: int
    """Rows of the panel that it has absorbed: those after the days that it learnt from."""
    digest: str


_KEPT: OrderedDict[tuple[str, str, str], _Warm] = OrderedDict()


def take_forecaster(
    registry: ModelRegistry, version: ModelVersion, panel: DeliveryPanel, first_day: date
) -> HourlyForecaster[Any]:
    """The version's model, ready to forecast `first_day` from `panel`.

    The first row of the panel is the day after those that it learnt from. The model is out of the store until
    it is given back, so nobody else can update it in the meantime.

    Raises:
        ModelNotFoundError, ModelIntegrityError: as `ModelRegistry.load`.
    """
    warm = _KEPT.pop(_key(registry, version), None)
    n_before = int((panel.days < np.datetime64(first_day)).sum())
    if warm is not None and warm.n_absorbed <= n_before and _digest(panel, warm.n_absorbed) == warm.digest:
        return warm.forecaster
    return registry.load(version.zone, version.version)[0]


def give_back(
    registry: ModelRegistry,
    version: ModelVersion,
    panel: DeliveryPanel,
    forecaster: HourlyForecaster[Any],
    days: Sequence[date],
) -> None:
    """Keep a model that has just forecast `days` from `panel`.

    It has absorbed every day before the last of them.
    """
    n_absorbed = int((panel.days < np.datetime64(days[-1])).sum())
    _KEPT[_key(registry, version)] = _Warm(forecaster, n_absorbed, _digest(panel, n_absorbed))
    while len(_KEPT) > _MOST:
        _KEPT.popitem(last=False)


def _key(registry: ModelRegistry, version: ModelVersion) -> tuple[str, str, str]:
    return registry.tracking_uri, version.run_id, version.fingerprint


def _digest(panel: DeliveryPanel, n_rows: int) -> str:
    part = panel.rows(slice(0, n_rows))
    digest = hashlib.sha256(f"{panel.zone}|{n_rows}".encode())
    for array in (part.days, part.n_periods, part.resolution_minutes, part.holiday_fraction):
        digest.update(np.ascontiguousarray(array).tobytes())
    for name, matrix in (("prices", part.prices), *sorted(part.inputs.items())):
        width = int(
            part.n_periods.max(initial=0)
        )  # a longer day later in the panel widens it, and changes nothing before
        digest.update(name.encode() + np.ascontiguousarray(matrix[:, :width]).tobytes())
    return digest.hexdigest()
