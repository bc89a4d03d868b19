"""Challengers compared with the champion on the days they ran together, from stored rows.

No forecast is made again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from resources.clock import Clock
from resources.lake.lake import Lake, WriteReport
from resources.lake.zone_tables import read_raw
from resources.settings.policies import promotion_settings
from resources.settings.zones import Desk
from spot.contracts.days import last_day
from spot.contracts.lineage import SIMULATED, sources_of
from spot.contracts.table import TableContract
from spot.contracts.vintages import known_at
from spot.errors import ContractError
from spot.lifecycle.comparison import PAIR, ComparedVersion, compare_versions, daily_comparison
from spot.lifecycle.spread_evidence import as_scored
from spot.monitoring.watch import scored_forecasts
from workflows.lifecycle.spread_evidence import champion_money, scored_rows, shadow_money


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowComparison:
    """One challenger compared with the champion: rows of `model_comparisons`, and the days for a picture."""

    version: str
    rows: pl.DataFrame
    daily: pl.DataFrame
    is_simulated: bool


def price_comparisons(zone: str, lake: Lake, desk: Desk, clock: Clock) -> list[ShadowComparison]:
    """Every version of the price model that was in shadow within the time that a challenger has.

    Oldest first, on the days whose outcome is known by now.
    """
    raw = read_raw(lake, "day_ahead_prices", zone, desk.zone(zone), first_day=None, last_day=None)
    prices = known_at(raw, clock.now())
    if prices.is_empty():
        return []
    last = last_day(prices)
    first = last - _shadow_time(desk)
    forecasts = lake.read("day_ahead_forecasts", zones=[zone], first_day=first, last_day=last)
    settled = lake.read("settlements", zones=[zone], first_day=first, last_day=last)
    settled = settled.filter(pl.col("known_at_utc") <= clock.now())
    champion = forecasts.filter(pl.col("role") == "champion")
    made = []
    for name in _challengers(forecasts):
        is_mine = (pl.col("role") == "challenger") & (pl.col("model_version") == name)
        shadow = forecasts.filter(is_mine)
        served = champion.filter(pl.col("delivery_day").is_in(shadow["delivery_day"].unique().to_list()))
        made.append(
            _beside(
                zone,
                (name, scored_forecasts(shadow, prices, zone=zone), settled.filter(is_mine)),
                (
                    _versions(served),
                    scored_forecasts(served, prices, zone=zone),
                    settled.filter(pl.col("role") == "champion"),
                ),
                is_simulated=any(source.is_simulated for source in sources_of(shadow)),
            )
        )
    return [comparison for comparison in made if comparison is not None]


def spread_comparisons(zone: str, lake: Lake, desk: Desk, clock: Clock) -> list[ShadowComparison]:
    """The same for versions of the spread model."""
    now = clock.now()
    forecasts = lake.read("spread_forecasts", zones=[zone])
    if forecasts.is_empty():
        return []
    first = last_day(forecasts) - _shadow_time(desk)
    forecasts = forecasts.filter(pl.col("delivery_day") >= first)
    scored = as_scored(scored_rows(forecasts, lake, desk, now))
    champion = scored.filter(pl.col("role") == "champion")
    strategies = forecasts["strategy"].unique().to_list()
    served_money = champion_money(zone, strategies, lake, first, now)
    made = []
    for name in _challengers(forecasts):
        shadow = scored.filter(pl.col("role") == "challenger", pl.col("model_version") == name)
        served = champion.filter(pl.col("delivery_day").is_in(shadow["delivery_day"].unique().to_list()))
        made.append(
            _beside(
                zone,
                (name, shadow, shadow_money(zone, name, lake, first, now)),
                (_versions(served), served, served_money),
                is_simulated=desk.zone(zone).source == SIMULATED,
            )
        )
    return [comparison for comparison in made if comparison is not None]


def write_comparisons(
    contract: TableContract, found: Sequence[ShadowComparison], lake: Lake
) -> tuple[pl.DataFrame, WriteReport | None]:
    """Write the rows of the comparisons. No report where there are none."""
    rows = pl.concat([contract.empty(), *(comparison.rows for comparison in found)])
    return rows, lake.upsert(contract.name, rows, by=PAIR) if rows.height else None


def _shadow_time(desk: Desk) -> timedelta:
    """The time that a challenger has, plus the time that it may wait for a signature."""
    limits = promotion_settings(desk)
    return timedelta(days=limits.maximum_shadow_days + limits.sign_off_days)


def _challengers(forecasts: pl.DataFrame) -> list[str]:
    """Versions that ran in shadow, oldest first."""
    names = forecasts.filter(pl.col("role") == "challenger")["model_version"].unique().to_list()
    return sorted(names, key=int)


def _versions(forecasts: pl.DataFrame) -> str:
    """Versions that served the days of the forecasts."""
    return "+".join(sorted(forecasts["model_version"].unique().to_list(), key=lambda name: (len(name), name)))


def _beside(
    zone: str,
    challenger: tuple[str, pl.DataFrame, pl.DataFrame],
    champion: tuple[str, pl.DataFrame, pl.DataFrame],
    *,
    is_simulated: bool,
) -> ShadowComparison | None:
    """Name, scored forecasts and settlements of both.

    None where no day that both forecast has an outcome yet.
    """
    days = challenger[1]["delivery_day"].unique().to_list()
    a, b = (
        ComparedVersion(version=name, scored=scored, settled=money.filter(pl.col("delivery_day").is_in(days)))
        for name, scored, money in (challenger, champion)
    )
    if not champion[0]:
        return None
    try:
        rows = compare_versions(zone, a, b)
    except ContractError:
        return None
    return ShadowComparison(
        version=a.version, rows=rows, daily=daily_comparison(zone, a, b), is_simulated=is_simulated
    )
