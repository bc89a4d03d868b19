"""What all members share: days in order, honest refusals, calibrated quantiles, real periods, files.

A member says how to forecast the 24 clock hours of the next day from a history; this class does the rest. It
keeps every absorbed day and the forecast made for it, which is all that calibration needs.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from pydantic import field_validator

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.errors import ForecastError, LookAheadError, ModelIntegrityError
from spot.forecast.days.anchors import Anchors, anchor_arrays, anchors_from_arrays, anchors_of
from spot.forecast.days.clock_grid import ClockGrid, grid_of
from spot.forecast.days.delivery_forecast import delivery_forecast
from spot.forecast.days.features import (
    FilledHistory,
    extended_history,
    filled_history,
    first_days,
)
from spot.forecast.days.files import (
    SETTINGS_FILE,
    STATE_FILE,
    Arrays,
    grid_arrays,
    grid_from_arrays,
    pack_arrays,
    pack_settings,
    unpack_arrays,
    unpack_settings,
)
from spot.forecast.days.input_ranges import InputRanges, Ranges
from spot.forecast.days.judged_inputs import JudgedInputs
from spot.forecast.forecast_width import ForecastWidth
from spot.forecast.interface import QUANTILE_LEVELS, PriceForecast
from spot.forecast.one_thread import one_thread
from spot.forecast.parts import ForecastParts
from spot.strict_settings import StrictSettings
from spot.wrong_settings import WrongSettingsError, checked_settings

MINIMUM_HISTORY_DAYS = 42
"""Fewest days with a price from which a model is fitted: six weeks. Chosen by hand; not tuned."""


class ForecasterSettings(StrictSettings):
    """Settings that every member has."""

    levels: tuple[float, ...] = QUANTILE_LEVELS
    """Quantile levels of the forecasts, ascending, the median among them."""
    kind: str
    """Name of the member: a `Literal` with itself as default in each class of settings."""

    @field_validator("levels")
    @classmethod
    def _ascending(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if list(levels) != sorted(set(levels)) or 0.5 not in levels or not 0 < levels[0] <= levels[-1] < 1:
            raise ValueError(f"levels must ascend between 0 and 1 and hold 0.5, got {levels}")
        return levels


Settings = TypeVar("Settings", bound=ForecasterSettings)


class HourlyForecaster(ABC, Generic[Settings]):
    """Base of all members.

    Subclasses implement `_learn` and `_next_day`, and the hooks after them where they keep more than days.
    """

    name: ClassVar[str]
    """The same as `kind` of its settings."""
    settings_type: ClassVar[type[ForecasterSettings]]
    reads_inputs: ClassVar[bool] = True
    """Whether a forecast depends on more than earlier prices and the calendar."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._history: FilledHistory | None = None
        self._anchors: Anchors | None = None
        self._input_ranges = InputRanges.of_fit({})
        self._points: Floats = np.empty((0, 24))
        self._n_fitted = 0
        self.judged_inputs: tuple[JudgedInputs, ...] = ()
        """Optional inputs that `fit` kept or dropped, in the order in which they were judged. Not stored."""
        self._width = ForecastWidth(settings.levels, price_spread=np.nan)

    @abstractmethod
    def _learn(self, history: FilledHistory) -> Floats:
        """Fit on a history.

        Returns (D, 24) the forecasts it would have made day after day, NaN where it could not.
        """

    @abstractmethod
    def _next_day(self, history: FilledHistory) -> Floats:
        """(24,) forecast of the last day of `history`, whose price is not known."""

    def _absorb_last_day(self, history: FilledHistory) -> None:
        """Absorb the last day of `history`, whose price is known."""

    def _prepare_next(self) -> None:
        """Compute now what the next forecast needs and what depends on the absorbed days only."""
        self._width.prepare(self.history, self._points)

    def forecast_parts(self, history: FilledHistory) -> ForecastParts:  # noqa: ARG002 - for members that explain
        """What the forecast of the last day of `history` is made of, for the reasons of signals.

        Raises:
            ForecastError: the member does not say; it then serves without reasons.
        """
        raise ForecastError(f"{self.name} does not explain its forecasts")

    def _model_files(self) -> dict[str, bytes]:
        """Files of the member's own, beside settings and days."""
        return {}

    def _model_arrays(self) -> Arrays:
        """Arrays of the member's own."""
        return {}

    def _restore(
        self,
        history: FilledHistory,
        arrays: Arrays,  # noqa: ARG002 - for members that store arrays
        files: Mapping[str, bytes],  # noqa: ARG002 - for members that store files
    ) -> None:
        """Rebuild the member's own state for the days of its fit."""
        self._learn(history)

    # -- the interface of PriceForecaster

    def fit(self, history: DeliveryPanel) -> Self:
        """Learn from `history` alone."""
        return self.fit_grid(grid_of(history))

    @one_thread()
    def fit_grid(self, grid: ClockGrid) -> Self:
        """Learn from days on the local clock.

        Raises:
            ForecastError: too few days have a price, or it never varies.
        """
        n_known = int(np.isfinite(grid.prices).all(axis=1).sum())
        if n_known < MINIMUM_HISTORY_DAYS:
            raise ForecastError(
                f"{grid.zone}: {n_known} days with a price, at least {MINIMUM_HISTORY_DAYS} are needed to"
                " learn"
            )
        self._anchors = anchors_of(grid)
        self._input_ranges = InputRanges.of_fit(self._anchors.input_range)
        self._history = filled_history(self._input_ranges.within_range(grid))
        self._n_fitted = len(self._history)
        self._width = ForecastWidth(self.settings.levels, self._anchors.price_spread)
        self._points = self._learn(self._history)
        self._prepare_next()
        return self

    @one_thread()
    def update(self, history: DeliveryPanel) -> Self:
        """Absorb the days of `history` that are newer than those absorbed before.

        Up to the newest one with a price: later days may get theirs yet.
        """
        self._absorb_priced(self._newer_days(history))
        self._prepare_next()
        return self

    @one_thread()
    def predict(self, panel: DeliveryPanel) -> PriceForecast:
        """Forecast the last day of `panel`; days newer than the last absorbed one are absorbed on the way.

        Raises:
            LookAheadError: the day was absorbed before.
            ForecastError: no honest forecast can be made of these inputs.
        """
        model, history = self.self_or_stand_in(panel)
        return model.forecast_last(panel, history)

    def to_files(self) -> Mapping[str, bytes]:
        """Settings, days, forecasts made and the member's own state."""
        arrays = {
            **grid_arrays(self.history.grid),
            **anchor_arrays(self.anchors),
            **self._model_arrays(),
            "points": self._points,
            "n_fitted": np.array(self._n_fitted),
        }
        settings = {"name": self.name, **self.settings.model_dump(mode="json")}
        return {
            SETTINGS_FILE: pack_settings(settings),
            STATE_FILE: pack_arrays(arrays),
            **self._model_files(),
        }

    @classmethod
    @one_thread()
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """The model of `to_files`.

        Raises:
            ModelIntegrityError: a file is missing or unreadable.
        """
        arrays = unpack_arrays(files)
        model = cls(cls._settings_of(unpack_settings(files)))
        grid = grid_from_arrays(arrays)
        try:
            model._anchors = anchors_from_arrays(arrays)
            model._n_fitted, points = int(arrays["n_fitted"]), arrays["points"]
        except KeyError as error:
            raise ModelIntegrityError(f"model state lacks the array {error}") from None
        model._width = ForecastWidth(model.settings.levels, model._anchors.price_spread)
        model._input_ranges = InputRanges.of_fit(model._anchors.input_range)
        model._history = filled_history(grid.rows(slice(0, model._n_fitted)))
        model._restore(model._history, arrays, files)
        model._points = points[: model._n_fitted]
        for row in range(model._n_fitted, len(grid)):
            model._extend(grid.rows(slice(row, row + 1)), points[row])
        return model

    @classmethod
    def _settings_of(cls, stored: dict[str, Any]) -> Settings:
        try:
            own = {key: value for key, value in stored.items() if key != "name"}
            # A class variable cannot carry the type of the settings.
            return checked_settings(  # type: ignore[return-value]
                cls.settings_type, own, subject=f"settings of a {cls.name} model"
            )
        except WrongSettingsError as error:
            raise ModelIntegrityError(f"stored {error}") from error

    @one_thread()
    def walk_forward(self, panel: DeliveryPanel, first_row: int) -> list[PriceForecast]:
        """Forecasts of the days of `panel` from `first_row` on, without absorbing them.

        Each is made from what was known at its gate.

        The same forecasts as `predict` day after day, up to rounding, at a fraction of the cost; `panel`
        continues the days of the fit, the first of them being day `first_row`. Trees, where a member has
        them, are refitted on the way as often as its settings say.

        Raises:
            ForecastError: `panel` does not continue the days of the fit, or a day cannot be forecast
                honestly.
        """
        if (
            len(self.history) != self._n_fitted
            or first_row != self._n_fitted
            or panel.days[first_row - 1] != self.history.grid.days[-1]
        ):
            raise ForecastError(
                f"{self.name} of {panel.zone}: a walk-forward starts on the day after the last day of the fit"
            )
        try:
            return self._walk_forward(panel, first_row)
        finally:
            self._width.forget_levels_from(self._n_fitted)  # the days walked may yet be revised

    def _walk_forward(self, panel: DeliveryPanel, first_row: int) -> list[PriceForecast]:
        later = grid_of(panel.rows(slice(first_row, None)))
        sound, missing_inputs = self._input_ranges.walk(later, self.history.grid)
        history = extended_history(self.history, sound)
        points = np.concatenate([self._points, self._walk_points(history, first_row)])
        forecasts: list[PriceForecast] = []
        without: dict[tuple[str, ...], list[PriceForecast]] = {}
        for row, missing in enumerate(missing_inputs, start=first_row):
            known = panel.rows(slice(row, row + 1))
            if missing:
                if missing not in without:  # one stand-in for all days that lack the same inputs
                    kept = {name: values for name, values in panel.inputs.items() if name not in missing}
                    without[missing] = self._stand_in(missing, self.history.grid).walk_forward(
                        replace(panel, inputs=kept), first_row
                    )
                forecasts.append(without[missing][row - first_row])
                continue
            quantiles = self._quantiles(first_days(history, row + 1), points[row], points[:row])
            past = history.grid.rows(slice(0, row))
            forecasts.append(
                delivery_forecast(
                    known, past, point=points[row], quantiles=quantiles, levels=self.settings.levels
                )
            )
        return forecasts

    def _walk_points(self, history: FilledHistory, first_row: int) -> Floats:
        """(D - first_row, 24) forecasts of the days from `first_row` on, each from the days before it."""
        return np.array(
            [self._next_day(first_days(history, row + 1)) for row in range(first_row, len(history))]
        )

    @one_thread()
    def self_or_stand_in(self, panel: DeliveryPanel) -> tuple[Self, FilledHistory]:
        """Who forecasts the last day of `panel`, and from what.

        This model or its stand-in; the absorbed days and that day, unpriced.

        Raises:
            LookAheadError: the day was absorbed before.
            ForecastError: an input is outside its range, or no stand-in can be fitted.
        """
        return self.self_or_stand_in_of(_unpriced(self._waiting_days(panel)))

    # -- what the interface is made of

    @property
    def history(self) -> FilledHistory:
        """The absorbed days.

        Raises:
            ForecastError: the forecaster has not been fitted.
        """
        if self._history is None:
            raise ForecastError(f"{self.name} has not been fitted")
        return self._history

    @property
    def anchors(self) -> Anchors:
        """The constants of the fit.

        Raises:
            ForecastError: the forecaster has not been fitted.
        """
        if self._anchors is None:
            raise ForecastError(f"{self.name} has not been fitted")
        return self._anchors

    @property
    def seen_ranges(self) -> Ranges:
        """Each input that is read, and its lowest and highest value of the absorbed days, without margin."""
        return self._input_ranges.seen() if self.reads_inputs else {}

    def _newer_days(self, panel: DeliveryPanel) -> ClockGrid:
        """Days of `panel` after the last absorbed one, on the clock."""
        last = self.history.grid.days[-1]
        if panel.zone != self.history.grid.zone:
            raise ForecastError(f"{self.name} was fitted on {self.history.grid.zone}, not on {panel.zone}")
        if panel.days[0] > last + np.timedelta64(1, "D"):
            raise ForecastError(
                f"{self.name} of {panel.zone}: days between {last} and {panel.days[0]} are missing"
            )
        first = int(np.searchsorted(panel.days, last, side="right"))
        return grid_of(panel.rows(slice(first, None)))

    def _waiting_days(self, panel: DeliveryPanel) -> ClockGrid:
        """The last day of `panel` after those without a price that precede it; all others are absorbed."""
        grid = self._newer_days(panel)
        if not len(grid):
            raise LookAheadError(
                f"{self.name} of {panel.zone} has learnt from days up to {self.history.grid.days[-1]}:"
                f" {panel.last_day} is not ahead of it"
            )
        n_absorbed = self._absorb_priced(grid.rows(slice(0, len(grid) - 1)))
        return grid.rows(slice(n_absorbed, None))

    def _absorb_priced(self, days: ClockGrid) -> int:
        """Absorb `days` up to the newest one with a price; returns their number."""
        priced = np.flatnonzero(np.isfinite(days.prices).any(axis=1))
        n_absorbed = int(priced[-1]) + 1 if len(priced) else 0
        for row in range(n_absorbed):
            self._absorb(days.rows(slice(row, row + 1)))
        return n_absorbed

    def _absorb(self, day: ClockGrid) -> None:
        day = self._input_ranges.within_range(day)
        self._extend(day, self._next_day(extended_history(self.history, _unpriced(day))))

    def _extend(self, day: ClockGrid, point: Floats) -> None:
        """Add a day and the forecast that was made for it."""
        self._input_ranges = self._input_ranges.after(day)
        self._history = extended_history(self.history, day)
        self._absorb_last_day(self._history)
        self._points = np.concatenate([self._points, point[None]])
        self._width.day_absorbed()

    def self_or_stand_in_of(self, waiting: ClockGrid) -> tuple[Self, FilledHistory]:
        """As `self_or_stand_in`, given the unpriced days.

        They follow the absorbed ones up to the one to forecast.
        """
        if missing := self._input_ranges.missing_inputs(waiting, self.history.grid):
            stand_in = self._stand_in(missing, self.history.grid)
            return stand_in.self_or_stand_in_of(waiting.select_inputs(tuple(stand_in.anchors.input_range)))
        return self, extended_history(self.history, self._input_ranges.within_range(waiting))

    def forecast_last(self, panel: DeliveryPanel, history: FilledHistory) -> PriceForecast:
        """The forecast of the last day of `panel`, which is that of `history`."""
        point = self._next_day(history)
        quantiles = self._quantiles(history, point, self._points)
        self._width.forget_levels_from(len(self.history) + 1)  # later ones rest on prices still to come
        return delivery_forecast(
            panel, self.history.grid, point=point, quantiles=quantiles, levels=self.settings.levels
        )

    def _quantiles(self, history: FilledHistory, point: Floats, points: Floats) -> Floats:
        """(24, Q) quantiles of the last day of `history` around its point forecast.

        (n, 24) are the point forecasts of its first days.
        """
        absorbed = len(points) == len(self._points)
        return self._width.quantiles(history, point, points, absorbed=absorbed)

    def _stand_in(self, missing: tuple[str, ...], grid: ClockGrid) -> Self:
        """A model fitted on the days of `grid` without the inputs `missing`."""
        names = tuple(name for name in self.anchors.input_range if name not in missing)
        return type(self)(self._reduced_settings(missing)).fit_grid(grid.select_inputs(names))

    def _reduced_settings(self, missing: tuple[str, ...]) -> Settings:  # noqa: ARG002 - for the engine
        """Settings of a model that stands in for a day without the inputs `missing`."""
        return self.settings


def _unpriced(day: ClockGrid) -> ClockGrid:
    """The day as it stands at its gate."""
    return replace(
        day, prices=np.full_like(day.prices, np.nan), deviations=np.full_like(day.deviations, np.nan)
    )
