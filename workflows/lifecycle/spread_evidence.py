"""Results of a challenger of the spread model and of the champion on the same days, from stored rows."""

from datetime import date, datetime

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw_tables
from resources.settings.zones import Desk
from spot.contracts.days import first_day, last_day
from spot.contracts.raw_tables import SETTLING_TABLES
from spot.lifecycle.evidence import Evidence
from spot.lifecycle.spread_evidence import daily_spread_losses, scored_spreads
from spot.market.delivery import days_between
from workflows.lifecycle.family import ShadowRecord
from workflows.lifecycle.ledger import no_record, pnl_by_day


def spread_shadow_record(zone: str, version: str, lake: Lake, desk: Desk, now: datetime) -> ShadowRecord:
    """Daily pinball losses and P&L of a challenger and of the serving versions, since its first shadow day.

    A day counts once all its second prices are known.
    """
    forecasts = lake.read("spread_forecasts", zones=[zone])
    shadow = forecasts.filter(pl.col("role") == "challenger", pl.col("model_version") == version)
    if shadow.is_empty():
        return no_record()
    first, newest = first_day(shadow), last_day(shadow)
    strategies = shadow["strategy"].unique().to_list()
    beside = forecasts.filter(
        pl.col("role") == "champion",
        pl.col("strategy").is_in(strategies),
        pl.col("delivery_day").is_between(first, newest),
    )
    scored = scored_rows(pl.concat([shadow, beside]), lake, desk, now)
    if scored.is_empty():
        return no_record()
    days = days_between(first, last_day(scored))
    is_champion, is_mine = pl.col("role") == "champion", pl.col("role") == "challenger"
    evidence = Evidence(
        candidate_losses=daily_spread_losses(scored.filter(is_mine), days),
        champion_losses=daily_spread_losses(scored.filter(is_champion), days),
        candidate_pnl_eur=pnl_by_day(shadow_money(zone, version, lake, first, now), days),
        champion_pnl_eur=pnl_by_day(champion_money(zone, strategies, lake, first, now), days),
    )
    return ShadowRecord(evidence=evidence, days=days, decided_through=newest)


def scored_rows(forecasts: pl.DataFrame, lake: Lake, desk: Desk, now: datetime) -> pl.DataFrame:
    """Rows of `spread_forecasts` of one zone with the spread that followed, as known at `now`."""
    zone, first, last = forecasts["zone"][0], first_day(forecasts), last_day(forecasts)
    raw = read_raw_tables(lake, zone, desk.zone(zone), first_day=first, last_day=last, tables=SETTLING_TABLES)
    return scored_spreads(forecasts, raw, zone=zone, as_of_utc=now)


def shadow_money(zone: str, version: str, lake: Lake, first: date, now: datetime) -> pl.DataFrame:
    """Paper settlements of a challenger from a day on, as known at `now`."""
    rows = lake.read("spread_shadow_settlements", zones=[zone], first_day=first)
    return rows.filter(pl.col("strategy_model_version") == version, pl.col("known_at_utc") <= now)


def champion_money(zone: str, strategies: list[str], lake: Lake, first: date, now: datetime) -> pl.DataFrame:
    """The desk's own settlements of these strategies from a day on, as known at `now`."""
    rows = lake.read("settlements", zones=[zone], first_day=first)
    return rows.filter(
        pl.col("role") == "champion",
        pl.col("strategy").is_in(strategies),
        pl.col("known_at_utc") <= now,
    )
