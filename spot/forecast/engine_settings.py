"""Settings of the engine: what a desk chooses between in conf/models."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from spot.forecast.bank import STANDARD_WINDOWS
from spot.forecast.day_features import NormalisationWindow
from spot.forecast.hourly_forecaster import ForecasterSettings
from spot.forecast.hyper_parameters import GradientSettings
from spot.forecast.lear import LearSettings
from spot.forecast.residual_trees import TreeSettings


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
    """The bank is always there; all else is optional."""

    kind: Literal["engine"] = "engine"
    windows: tuple[WindowSettings, ...] = _standard_windows()
    robust: bool = True
    """Whether the robust pass speaks beside the plain one."""
    neighbours: Literal["always", "never", "if_better"] = "if_better"
    """Whether inputs of neighbouring zones are used; `if_better`: where the bank under its prior erred less with them on the newest days."""
    gradient: GradientSettings | None = None
    """Fit kernel weights; without it the fixed prior serves."""
    trees: TreeSettings | None = None
    lear: LearSettings | None = None
    is_aggregated: bool = False
    """Blend all experts online; else the mean of bank and trees speaks."""
    calibration_days: int = Field(default=364, ge=28)
    """Newest days of the history that trees, LEAR and aggregation walk through at the fit, so that their errors are known."""

    def reduced(self) -> "EngineSettings":
        """The bank alone under its prior: what stands in for a day whose inputs are missing."""
        return self.model_copy(update={"gradient": None, "trees": None, "lear": None, "is_aggregated": False})
