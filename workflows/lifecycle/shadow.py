"""Challengers beside the champion on the days they ran together, from what was stored.

No forecast is made again. No asset is defined here.
"""

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw
from resources.settings.policies import promotion_settings
from resources.settings.zones import Desk
from spot.contracts.days import last_day
from spot.contracts.lineage import sources_of
from spot.contracts.vintages import known_at
from spot.errors import ContractError
from spot.lifecycle.comparison import ComparedVersion, compare_versions, daily_comparison
from spot.monitoring.watch import scored_forecasts


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowComparison:
    """One challenger beside the champion: rows of `model_comparisons`, and the days for a picture."""

    version: str
    rows: pl.DataFrame
    daily: pl.DataFrame
    is_simulated: bool


def shadow_comparisons(zone: str, lake: Lake, desk: Desk, clock: Clock) -> list[ShadowComparison]:
    """Every version that ran in shadow within the time a challenger has, oldest version first.

    On the days whose outcome is known by now.
    """
    span = timedelta(
        days=promotion_settings(desk).maximum_shadow_days + promotion_settings(desk).sign_off_days
    )
    prices = known_at(
        read_raw(lake, "day_ahead_prices", zone, desk.zone(zone), first_day=None, last_day=None), clock.now()
    )
    if prices.is_empty():
        return []
    last = last_day(prices)
    forecasts = lake.read("day_ahead_forecasts", zones=[zone], first_day=last - span, last_day=last)
    settled = lake.read("settlements", zones=[zone], first_day=last - span, last_day=last).filter(
        pl.col("known_at_utc") <= clock.now()
    )
    champion = forecasts.filter(pl.col("role") == "champion")
    names = forecasts.filter(pl.col("role") == "challenger")["model_version"].unique().to_list()
    made = [
        _beside(
            zone,
            name,
            champion,
            forecasts.filter(pl.col("role") == "challenger", pl.col("model_version") == name),
            prices,
            settled,
        )
        for name in sorted(names, key=int)
    ]
    return [comparison for comparison in made if comparison is not None]


def _beside(
    zone: str,
    name: str,
    champion: pl.DataFrame,
    shadow: pl.DataFrame,
    prices: pl.DataFrame,
    settled: pl.DataFrame,
) -> ShadowComparison | None:
    """None where no day that both forecast has a price yet."""
    days = shadow["delivery_day"].unique().to_list()
    served = champion.filter(pl.col("delivery_day").is_in(days))
    if served.is_empty():
        return None
    money = settled.filter(pl.col("delivery_day").is_in(days))
    a = ComparedVersion(
        version=name,
        scored=scored_forecasts(shadow, prices, zone=zone),
        settled=money.filter(pl.col("role") == "challenger", pl.col("model_version") == name),
    )
    b = ComparedVersion(
        version="+".join(sorted(served["model_version"].unique().to_list(), key=int)),
        scored=scored_forecasts(served, prices, zone=zone),
        settled=money.filter(pl.col("role") == "champion"),
    )
    try:
        rows = compare_versions(zone, a, b)
    except ContractError:
        return None
    return ShadowComparison(
        version=name,
        rows=rows,
        daily=daily_comparison(zone, a, b),
        is_simulated=any(source.is_simulated for source in sources_of(shadow)),
    )
