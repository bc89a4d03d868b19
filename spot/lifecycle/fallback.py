"""When a serving version is passed over for its errors: far worse than the weekly naive forecast.

The bound is no test of quality, which promotion makes. It catches a model that says nonsense, as after a
change of units in its inputs, before the monitors do.
"""

from datetime import date, timedelta

import polars as pl
from pydantic import Field

from spot.strict_settings import StrictSettings

_KEY = "delivery_start_utc"


class FallbackSettings(StrictSettings):
    """What serves where the serving version cannot, in `conf/promotion.yaml`."""

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
