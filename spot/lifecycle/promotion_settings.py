"""The limits of every promotion, as read from `conf/promotion.yaml`."""

from typing import Literal

from pydantic import Field

from spot.lifecycle.fallback import CanarySettings, FallbackSettings
from spot.lifecycle.sanity import SanitySettings
from spot.strict_settings import StrictSettings


class PromotionSettings(StrictSettings):
    """The limits of every promotion, as read from `conf/promotion.yaml`.

    With them `python -m benchmarks.lifecycle.promotion` promotes none of 200 poisoned versions and each of 40
    that are truly better (docs/lifecycle.md). They were chosen by hand: levels as in most tests, whole weeks
    because errors last for days.
    """

    minimum_walk_forward_days: int = Field(default=14, ge=10)
    requires_shadow: bool = Field(
        default=True, description="off: a candidate significantly better on its walk-forward serves at once"
    )
    worse_level: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        description="one-sided level at which a version counts as significantly worse",
    )
    first_champion_maximum_rmae: float = Field(
        default=1.0, gt=0, description="without a champion, a candidate must beat the weekly naive"
    )
    minimum_shadow_days: int = Field(default=14, ge=10)
    look_every_days: int = Field(default=14, ge=1)
    maximum_shadow_days: int = Field(
        default=56, ge=10, description="a challenger that has not won by then expires"
    )
    error_level: float = Field(default=0.05, gt=0, lt=0.5, description="over all looks together")
    error_scale: Literal["relative", "absolute"] = "relative"
    """Relative: each day's losses count in units of their mean on that day, so that one scarcity day is one
    day and no more. The plain means must agree with the test in any case.
    """
    error_margin: float = Field(
        default=0.01, ge=0, lt=0.5, description="share of the champion's loss that a better model must save"
    )
    money_level: float = Field(default=0.10, gt=0, lt=0.5, description="level of the test on P&L")
    money_must_be: Literal["not_worse", "better"] = "not_worse"
    block_days: int = Field(default=7, ge=1)
    maximum_missing_share: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="days on which the challenger had no forecast and the champion had",
    )
    sign_off_zones: tuple[str, ...] = Field(
        default=(), description="zones where a second person signs before a version serves"
    )
    sign_off_days: int = Field(
        default=28,
        ge=1,
        description="a challenger that has won and that nobody signed within so many days expires",
    )
    sanity: SanitySettings = SanitySettings()
    fallback: FallbackSettings = FallbackSettings()
    canary: CanarySettings = CanarySettings()

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of shadow days after which the ledger is tested."""
        return tuple(range(self.minimum_shadow_days, self.maximum_shadow_days + 1, self.look_every_days))
