"""LEAR as a member, averaged over calibration windows. The literature usually compares with it."""

from collections.abc import Mapping
from copy import copy
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from spot.arrays import Floats
from spot.forecast.days.features import FilledHistory, first_days
from spot.forecast.days.files import Arrays
from spot.forecast.hourly_forecaster import MINIMUM_HISTORY_DAYS, ForecasterSettings, HourlyForecaster
from spot.forecast.lear.window import LearSettings, LearWindow
from spot.market.clock import HOURS


class LearForecasterSettings(ForecasterSettings):
    """Settings of the member."""

    kind: Literal["lear"] = "lear"
    lear: LearSettings = LearSettings()
    calibration_days: int = Field(default=182, ge=28)
    """Newest days of the history that are walked through during the fit, so that their errors are known."""


class LearForecaster(HourlyForecaster[LearForecasterSettings]):
    """Mean of LEAR over its windows, recalibrated every day."""

    name: ClassVar[str] = "lear"
    settings_type: ClassVar[type[ForecasterSettings]] = LearForecasterSettings

    def __init__(self, settings: LearForecasterSettings) -> None:
        super().__init__(settings)
        self._windows = [LearWindow(days, settings.lear) for days in settings.lear.windows_days]

    def _learn(self, history: FilledHistory) -> Floats:
        self._windows = [LearWindow(days, self.settings.lear) for days in self.settings.lear.windows_days]
        points = np.full((len(history), HOURS), np.nan)
        first = max(MINIMUM_HISTORY_DAYS - 1, len(history) - self.settings.calibration_days)
        for row in range(first, len(history)):
            points[row] = _predict_row(self._windows, history, row)
            _commit(self._windows, row)
        return points

    def _next_day(self, history: FilledHistory) -> Floats:
        return _predict_row(self._windows, history, len(history) - 1)

    def _absorb_last_day(self, history: FilledHistory) -> None:
        _commit(self._windows, len(history) - 1)

    def _prepare_next(self) -> None:
        super()._prepare_next()
        for window in self._windows:
            window.prepare_next(self.history)

    def _walk_points(self, history: FilledHistory, first_row: int) -> Floats:
        windows = [copy(window) for window in self._windows]  # a walk leaves no trace
        points = []
        for row in range(first_row, len(history)):
            points.append(_predict_row(windows, first_days(history, row + 1), row))
            _commit(windows, row)
        return np.array(points)

    def _model_arrays(self) -> Arrays:
        return {
            f"lear.{i}.{key}": array
            for i, window in enumerate(self._windows)
            for key, array in window.arrays().items()
        }

    def _restore(
        self,
        history: FilledHistory,  # noqa: ARG002 - the windows hold their state as arrays alone
        arrays: Arrays,
        files: Mapping[str, bytes],  # noqa: ARG002
    ) -> None:
        for index, window in enumerate(self._windows):
            prefix = f"lear.{index}."
            window.restore(
                {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}
            )


def _predict_row(windows: list[LearWindow], history: FilledHistory, row: int) -> Floats:
    return np.asarray(np.mean([window.predict(history, row) for window in windows], axis=0))


def _commit(windows: list[LearWindow], row: int) -> None:
    for window in windows:
        window.commit(row)
