"""The engine: the bank of Gaussian processes, and what is built on it. The default model of every zone."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from spot.forecast.bank import STANDARD_WINDOWS, GaussianBank, Passes
from spot.forecast.clock_grid import Floats
from spot.forecast.day_features import FilledHistory, NormalisationWindow
from spot.forecast.files import Arrays
from spot.forecast.hourly_forecaster import ForecasterSettings, HourlyForecaster
from spot.forecast.kernel import KernelWeights, weights_from_arrays, weights_to_arrays


class WindowSettings(BaseModel):
    """One normalisation window of the bank; see NormalisationWindow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    centre_days: int
    spread_days: int
    spread_share: float
    centring_days: int

    def window(self) -> NormalisationWindow:
        """The window itself."""
        return NormalisationWindow(self.centre_days, self.spread_days, self.spread_share, self.centring_days)


def _standard_windows() -> tuple[WindowSettings, ...]:
    return tuple(
        WindowSettings(centre_days=w.centre_days, spread_days=w.spread_days, spread_share=w.spread_share, centring_days=w.centring_days)
        for w in STANDARD_WINDOWS
    )


class EngineSettings(ForecasterSettings):
    """Settings of the engine."""

    kind: Literal["engine"] = "engine"
    windows: tuple[WindowSettings, ...] = _standard_windows()
    passes: Passes = "both"
    """Which passes of each process speak."""


class EngineForecaster(HourlyForecaster[EngineSettings]):
    """The bank with calibrated quantiles."""

    name: ClassVar[str] = "engine"
    settings_type: ClassVar[type[ForecasterSettings]] = EngineSettings

    def __init__(self, settings: EngineSettings) -> None:
        super().__init__(settings)
        self._bank: GaussianBank | None = None
        self._weights: dict[int, KernelWeights] = {}

    @property
    def bank(self) -> GaussianBank:
        """The fitted bank."""
        _ = self.history
        assert self._bank is not None  # noqa: S101  (a history without a bank cannot be)
        return self._bank

    def _learn(self, history: FilledHistory) -> Floats:
        self._weights = {}
        self._bank = self._build(history)
        self._weights = {index: process.weights for index, process in enumerate(self._bank.processes)}
        return self._bank.backcast()

    def _build(self, history: FilledHistory) -> GaussianBank:
        windows = tuple(window.window() for window in self.settings.windows)
        return GaussianBank(history, self.anchors, windows=windows, passes=self.settings.passes, weights=self._weights)

    def _next_day(self, history: FilledHistory) -> Floats:
        return self.bank.predict(history)

    def _take(self, history: FilledHistory) -> None:
        self.bank.absorb(history)

    def _model_arrays(self) -> Arrays:
        return {f"weights.{index}.{key}": array for index, weights in self._weights.items() for key, array in weights_to_arrays(weights).items()}

    def _restore(self, history: FilledHistory, arrays: Arrays, files: Mapping[str, bytes]) -> None:
        _ = files
        for index in range(len(self.settings.windows)):
            prefix = f"weights.{index}."
            self._weights[index] = weights_from_arrays({key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)})
        self._bank = self._build(history)
