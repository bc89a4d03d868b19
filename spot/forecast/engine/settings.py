"""Settings of the engine, as a desk chooses them in conf/models."""

from typing import Literal, Self

from pydantic import Field, model_validator

from spot.forecast.days.features import NormalisationWindow
from spot.forecast.days.judged_inputs import Choice
from spot.forecast.gp.bank import STANDARD_WINDOWS
from spot.forecast.gp.hyper_parameters import GradientSettings
from spot.forecast.hourly_forecaster import ForecasterSettings
from spot.forecast.lear.window import LearSettings
from spot.forecast.trees.residual import TreeSettings
from spot.strict_settings import StrictSettings


class WindowSettings(StrictSettings):
    """One normalisation window of the bank; see NormalisationWindow."""

    centre_days: int
    spread_days: int
    spread_share: float
    centring_days: int

    def window(self) -> NormalisationWindow:
        """The window itself."""
        return NormalisationWindow(self.centre_days, self.spread_days, self.spread_share, self.centring_days)


def _standard_windows() -> tuple[WindowSettings, ...]:
    return tuple(
        WindowSettings(
            centre_days=w.centre_days,
            spread_days=w.spread_days,
            spread_share=w.spread_share,
            centring_days=w.centring_days,
        )
        for w in STANDARD_WINDOWS
    )


class EngineSettings(ForecasterSettings):
    """Settings of the engine. The bank is always there; all else is optional."""

    kind: Literal["engine"] = "engine"
    windows: tuple[WindowSettings, ...] = _standard_windows()
    robust: bool = True
    """Whether the robust pass is an expert beside the plain one."""
    hour_blocks: tuple[Literal[1, 2, 3, 4, 6], ...] = ()
    """Per window, the number of blocks of hours that have a kernel of their own, in which the same hours of
    prices and inputs have more weight. Every number is 1 or the same larger number. An empty list stands for
    1 in all windows.
    """
    neighbours: Choice = "if_better"
    """Whether inputs of neighbouring zones are used. With `if_better` they are used where the bank under its
    prior had a smaller error with them on the newest days.
    """
    earlier_prices: Choice = "if_better"
    """Whether prices of auctions that cleared before the gate are used, judged as `neighbours`."""
    fuels: Choice = "if_better"
    """Whether prices of fuels and emission allowances are used, judged as `neighbours`."""
    gradient: GradientSettings | None = None
    """How kernel weights are fitted. Without it the fixed prior is used."""
    trees: TreeSettings | None = None
    lear: LearSettings | None = None
    is_aggregated: bool = False
    """Blend all experts online; otherwise the forecast is the mean of bank and trees."""
    calibration_days: int = Field(default=364, ge=28)
    """Newest days of the history that trees, LEAR and aggregation walk through during the fit, so that their
    errors are known.
    """

    @model_validator(mode="after")
    def _has_blocks_for_every_window(self) -> Self:
        if self.hour_blocks and len(self.hour_blocks) != len(self.windows):
            raise ValueError(
                f"hour_blocks has {len(self.hour_blocks)} numbers for {len(self.windows)} windows: give one"
                " for each, or none"
            )
        if len(set(self.hour_blocks) - {1}) > 1:
            raise ValueError(
                f"hour_blocks holds different numbers of blocks, {list(self.hour_blocks)}: every number is 1"
                " or the same"
            )
        return self

    def blocks_by_window(self) -> tuple[int, ...]:
        """Number of blocks of each window."""
        return self.hour_blocks or (1,) * len(self.windows)

    def reduced(self) -> "EngineSettings":
        """The bank alone under its prior. It forecasts days whose inputs are missing."""
        return self.model_copy(
            update={"gradient": None, "trees": None, "lear": None, "is_aggregated": False, "hour_blocks": ()}
        )
