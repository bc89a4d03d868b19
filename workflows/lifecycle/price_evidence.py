"""Results of a challenger of the price model and of the champion on the same days, from stored rows."""

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw
from resources.settings.zones import Desk
from spot.arrays import Floats
from spot.contracts.days import first_day, last_day
from spot.contracts.vintages import known_at
from spot.lifecycle.evidence import Evidence
from spot.market.delivery import days_between
from workflows.lifecycle.family import ShadowRecord
from workflows.lifecycle.ledger import by_day, no_record, pnl_by_day


def price_shadow_record(zone: str, version: str, lake: Lake, desk: Desk, now: datetime) -> ShadowRecord:
    """Daily losses and P&L of a challenger and of the champions of these days.

    The days are those with known outcomes since its first shadow forecast.
    """
    settings = desk.zone(zone)
    forecasts = lake.read("day_ahead_forecasts", zones=[zone])
    shadow = forecasts.filter(pl.col("role") == "challenger", pl.col("model_version") == version)
    prices = known_at(read_raw(lake, "day_ahead_prices", zone, settings, first_day=None, last_day=None), now)
    if shadow.is_empty() or prices.is_empty():
        return no_record()
    days = days_between(first_day(shadow), last_day(prices))
    if not days:
        return no_record()
    champion = forecasts.filter(pl.col("role") == "champion")
    money = lake.read("settlements", zones=[zone], first_day=days[0]).filter(pl.col("known_at_utc") <= now)
    is_mine = (pl.col("role") == "challenger") & (pl.col("model_version") == version)
    evidence = Evidence(
        candidate_losses=_losses(shadow, prices, days),
        champion_losses=_losses(champion, prices, days),
        candidate_pnl_eur=pnl_by_day(money.filter(is_mine), days),
        champion_pnl_eur=pnl_by_day(money.filter(pl.col("role") == "champion"), days),
    )
    return ShadowRecord(evidence=evidence, days=days, decided_through=days[-1])


def _losses(forecasts: pl.DataFrame, prices: pl.DataFrame, days: Sequence[date]) -> Floats:
    both = forecasts.join(
        prices.select("zone", "delivery_start_utc", "price_eur_per_mwh"),
        on=["zone", "delivery_start_utc"],
        how="inner",
    )
    error = (pl.col("price_eur_per_mwh") - pl.col("price_point_eur_per_mwh")).abs().mean().alias("value")
    return by_day(both.group_by("delivery_day", maintain_order=True).agg(error), days)
