"""Judging the newest forecasts of a zone's champion.

It judges how good they are, and how much of each limit was used.
"""

from datetime import timedelta

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw
from resources.settings.zones import Desk
from spot.market.delivery import ZoneDays
from spot.monitoring.settings import MonitoringSettings
from spot.monitoring.watch import PerformanceWatch, monitor_performance
from spot.monitoring.young import young_performance
from workflows.monitoring.begun import has_begun
from workflows.monitoring.rows import performance_rows

_PERFORMANCE_DAYS = 220
"""Days that the monitor compares with, and some more for days without outcomes."""
_CONFORMANCE_DAYS = 28
"""Days whose use of the limits is checked again. Chosen by hand; not tuned."""


def judge_performance(
    span: ZoneDays, lake: Lake, desk: Desk, settings: MonitoringSettings
) -> tuple[PerformanceWatch, pl.DataFrame]:
    """The verdict on the forecasts up to the last day of the span, and its rows of `forecast_performance`."""
    zone, day = span.zone, span.last_day
    since = day - timedelta(days=_PERFORMANCE_DAYS)
    # Forecasts of later days, where there are no others, show that forecasts begin later.
    forecasts = lake.read("day_ahead_forecasts", zones=[zone], first_day=since)
    forecasts = forecasts.filter(pl.col("role") == "champion")
    prices = read_raw(lake, "day_ahead_prices", zone, desk.zone(zone), first_day=since, last_day=day)
    watch = monitor_performance(forecasts, prices, zone=zone, last_day=day, settings=settings)
    if forecasts.is_empty() and not has_begun(lake, "day_ahead_forecasts", zone, by=day):
        text = "too young: no forecast was made yet"
        watch = PerformanceWatch(
            realised=young_performance(watch.realised, text),
            estimated=young_performance(watch.estimated, text),
        )
    judged = forecasts.filter(pl.col("delivery_day") <= day)
    return watch, performance_rows(watch, judged, zone=zone, last_day=day)


def conformance_of_weeks(span: ZoneDays, lake: Lake) -> pl.DataFrame:
    """The champion's rows of `limit_conformance` of the four weeks up to the last day of the span."""
    since = span.last_day - timedelta(days=_CONFORMANCE_DAYS - 1)
    rows = lake.read("limit_conformance", zones=[span.zone], first_day=since, last_day=span.last_day)
    return rows.filter(pl.col("role") == "champion")


def youth_of_limits(span: ZoneDays, lake: Lake) -> str:
    """Why there are no limits to judge yet; empty where the zone has decided before."""
    if has_begun(lake, "limit_conformance", span.zone, by=span.last_day):
        return ""
    return f"too young: nothing was decided yet up to {span.last_day}"
