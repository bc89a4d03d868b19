"""When a serving version is passed over for its errors, and the staged delivery of a promoted one.

The bound of the fallback is no test of quality, which promotion makes. It catches a model that says nonsense,
as after a change of units in its inputs, before the monitors do.

A canary is a promoted version that trades only a share of the size for some days, while the version before it
goes on in the shadow. If it errs too much beside it, the version before serves again. In a group of zones the
first one goes first: the others promote the same code and settings once it has passed.
"""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import polars as pl
from pydantic import Field, field_validator

from spot.arrays import Floats
from spot.strict_settings import StrictSettings

_KEY = "delivery_start_utc"


class FallbackSettings(StrictSettings):
    """What serves where the serving version cannot, in `conf/promotion.yaml`.

    Chosen by hand: only a version that is broken has three times the error of the weekly naive forecast for
    days. Four months of errors make naive intervals of one season.
    """

    error_days: int = Field(default=7, ge=3, description="newest days on which errors are looked at")
    minimum_error_days: int = Field(default=4, ge=2, description="fewest of them with a price")
    maximum_error_ratio: float = Field(
        default=3.0, gt=1.0, description="error of a version that serves, of the weekly naive's at most"
    )
    earlier_versions: int = Field(default=2, ge=0, description="earlier versions that are tried")
    uses_naive: bool = Field(default=True, description="whether the naive forecast serves at last")
    naive_days: int = Field(default=120, ge=30, description="days behind the naive intervals")


def why_passed_over(
    forecasts: pl.DataFrame, prices: pl.DataFrame, day: date, settings: FallbackSettings
) -> str:
    """Why the errors of a version forbid it to serve `day`; empty where they do not.

    Args:
        forecasts: `delivery_day`, `delivery_start_utc`, `price_point_eur_per_mwh` of the version, any days.
        prices: `delivery_start_utc`, `price_eur_per_mwh` as known at the gate of `day`, from a week before
            the days that are looked at.
        day: delivery day.
        settings: the bound.
    """
    first = day - timedelta(days=settings.error_days)
    recent = forecasts.filter(pl.col("delivery_day").is_between(first, day, closed="left"))
    week_ago = prices.select(pl.col(_KEY).dt.offset_by("168h"), naive_eur_per_mwh=pl.col("price_eur_per_mwh"))
    actual = pl.col("price_eur_per_mwh")
    daily = (
        recent.join(prices, on=_KEY)
        .join(week_ago, on=_KEY)
        .group_by("delivery_day")
        .agg(
            own=(actual - pl.col("price_point_eur_per_mwh")).abs().mean(),
            naive=(actual - pl.col("naive_eur_per_mwh")).abs().mean(),
        )
        .sort("delivery_day")
    )
    if daily.height < settings.minimum_error_days:
        return ""
    own, naive = daily["own"].to_numpy().mean(), daily["naive"].to_numpy().mean()
    if own <= settings.maximum_error_ratio * max(float(naive), 1.0):
        return ""
    return (
        f"its error of {own:.1f} EUR/MWh on the newest {daily.height} days is more than"
        f" {settings.maximum_error_ratio:g} times that of the weekly naive, {naive:.1f}"
    )


class CanarySettings(StrictSettings):
    """Staged delivery, in `conf/promotion.yaml`; off with 0 days.

    Chosen by hand: a quarter of the size bounds what a bad version costs. Three days and 1.3 times the error
    are no level of a test; promotion had one.
    """

    days: int = Field(default=0, ge=0, le=90, description="delivery days that a canary lasts; 0 is off")
    share_of_mw: float = Field(default=0.25, gt=0.0, le=1.0, description="of the size that its orders have")
    groups: Mapping[str, tuple[str, ...]] = Field(
        default={}, description="name to zones; the first zone of a group goes first"
    )
    minimum_days: int = Field(default=3, ge=1, description="fewest days on which a canary can fail")
    maximum_error_ratio: float = Field(
        default=1.3, gt=1.0, description="error of the canary, of that of the version before it, at most"
    )

    @field_validator("groups")
    @classmethod
    def _zones_once(cls, value: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        zones = [zone for group in value.values() for zone in group]
        if len(zones) != len(set(zones)):
            raise ValueError("a zone is in one group at most, once")
        return value

    def leader(self, zone: str) -> str | None:
        """The zone that goes before `zone`; None where it goes first or is in no group."""
        group = next((zones for zones in self.groups.values() if zone in zones), ())
        return group[0] if self.days and group and group[0] != zone else None

    def until(self, serves_from: date) -> date:
        """First delivery day after the canary of a version that serves from that day."""
        return serves_from + timedelta(days=self.days)


def why_canary_fails(canary: Floats, before: Floats, settings: CanarySettings) -> str:
    """Why a canary has failed; empty where it has not.

    Args:
        canary: (D,) mean absolute error of its days, EUR/MWh, NaN where it is unknown.
        before: (D,) that of the version before it on the same days.
        settings: the bound.
    """
    known = np.isfinite(canary) & np.isfinite(before)
    if known.sum() < settings.minimum_days:
        return ""
    own, other = float(canary[known].mean()), float(before[known].mean())
    if own <= settings.maximum_error_ratio * other:
        return ""
    return (
        f"failed its canary: {own:.2f} EUR/MWh on {int(known.sum())} days, {other:.2f} of the version before,"
        f" more than {settings.maximum_error_ratio:g} times"
    )
