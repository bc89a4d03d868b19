"""Judging the newest forecasts of a zone's champion: how good they are, and how much of each limit was used."""

from datetime import timedelta

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw
from resources.settings.zones import Desk
from spot.market.delivery import ZoneDays
from spot.monitoring.settings import MonitoringSettings
from spot.monitoring.watch import PerformanceWatch, monitor_performance
from workflows.monitoring.rows import performance_rows

_PERFORMANCE_DAYS = 220
"""The days that the monitor compares with, and room for days without outcomes."""
_CONFORMANCE_DAYS = 28


def judge_performance(
    span: ZoneDays, lake: Lake, desk: Desk, settings: MonitoringSettings
) -> tuple[PerformanceWatch, pl.DataFrame]:
    """The verdict on the forecasts up to the last day of the span, and its rows of `forecast_performance`."""
    zone, day = span.zone, span.last_day
    since = day - timedelta(days=_PERFORMANCE_DAYS)
    forecasts = _champions("day_ahead_forecasts", span, lake, _PERFORMANCE_DAYS)
    prices = read_raw(lake, "day_ahead_prices", zone, desk.zone(zone), first_day=since, last_day=day)
    watch = monitor_performance(forecasts, prices, zone=zone, last_day=day, settings=settings)
    return watch, performance_rows(watch, forecasts, zone=zone, last_day=day)


def conformance_of_weeks(span: ZoneDays, lake: Lake) -> pl.DataFrame:
    """The champion's rows of `limit_conformance` of the four weeks up to the last day of the span."""
    return _champions("limit_conformance", span, lake, _CONFORMANCE_DAYS - 1)


def _champions(table: str, span: ZoneDays, lake: Lake, n_days_before: int) -> pl.DataFrame:
    since = span.last_day - timedelta(days=n_days_before)
    rows = lake.read(table, zones=[span.zone], first_day=since, last_day=span.last_day)
    return rows.filter(pl.col("role") == "champion")
