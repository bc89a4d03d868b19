"""Schedules and sensors of live sources.

They capture repeatedly around publication, watch for lateness before the gate, and record freshness every
hour.

Zones on simulated or recorded data do not need them and have none.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import polars as pl
from dagster import (
    DefaultScheduleStatus,
    DefaultSensorStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SensorResult,
    SkipReason,
    schedule,
    sensor,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.market.live_sources import LiveProviders
from resources.plugins.sources import is_live as is_live_source
from resources.providers.open_meteo import OpenMeteo
from resources.settings.zones import Desk, DeskSettings, ZoneSettings
from resources.trading.alerts import Alerts
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.market.delivery import delivery_day_of
from spot.market.gates import gate_closure_utc
from spot.market.zones import find_zone
from spot.sources.judging.publication_lag import late_series, summarise_lags
from spot.sources.providers.open_meteo import PUBLICATION_DELAY
from trading_assets.jobs import raw_captured, sources_watched
from trading_assets.partitions import FIRST_DAY_TAG, partition_key, tomorrow_of

CAPTURED_DAYS = 3
"""Days up to tomorrow that each capture asks for again, because revisions of yesterday are vintages too."""
_CAPTURE_CRON = "10,40 6-21 * * *"
_WATCH_CRON = "5 * * * *"
_GRACE = timedelta(minutes=20)
_BEFORE_GATE = timedelta(hours=3)
"""Time before the gate from which lateness is checked: early enough for a person to act."""


def is_live(settings: ZoneSettings) -> bool:
    """Whether the zone is scheduled and has a live source."""
    return settings.is_scheduled and is_live_source(settings.source)


def source_schedules_of(settings: DeskSettings) -> list[ScheduleDefinition]:
    """Captures for each live zone; the watch over all sources runs by default where there is one."""
    live = [zone for zone, own in settings.zones.items() if is_live(own)]
    watch = ScheduleDefinition(
        name="sources_watched_hourly",
        job=sources_watched,
        cron_schedule=_WATCH_CRON,
        default_status=DefaultScheduleStatus.RUNNING if live else DefaultScheduleStatus.STOPPED,
        description="How fresh every source is and when it really publishes, every hour.",
    )
    return [watch, *_captures(live)]


def _captures(zones: list[str]) -> Iterator[ScheduleDefinition]:
    for zone in zones:

        @schedule(
            name=f"captures_{zone}",
            job=raw_captured,
            cron_schedule=_CAPTURE_CRON,
            execution_timezone=find_zone(zone).market_time_zone,
            default_status=DefaultScheduleStatus.RUNNING,
            description=(
                f"Asks the sources of {zone} repeatedly around publication, to record what was known when."
            ),
        )
        def captures(context: ScheduleEvaluationContext, zone: str = zone) -> RunRequest:
            at = context.scheduled_execution_time
            day = tomorrow_of(delivery_day_of(zone, at))
            since = day - timedelta(days=CAPTURED_DAYS - 1)
            return RunRequest(
                run_key=f"capture-{zone}-{at:%Y%m%dT%H%M}",
                partition_key=partition_key(zone, day),
                tags={FIRST_DAY_TAG: since.isoformat()},
            )

        yield captures


@sensor(
    minimum_interval_seconds=300,
    default_status=DefaultSensorStatus.RUNNING,
    description=(
        "A series of a live zone that is late before its gate: an alert while there is still time to act."
    ),
)
def series_is_late(lake: Lake, desk: Desk, alerts: Alerts, clock: Clock) -> SensorResult | SkipReason:
    """Looks at every live zone whose gate is near; the same lateness is one alert."""
    now = clock.now()
    found = [
        message
        for zone in desk.zones
        if is_live(desk.zone(zone))
        for message in late_before_gate(lake, desk.zone(zone), zone, now)
    ]
    for zone, message in found:
        alerts.send("series_is_late", message, zone=zone, now=now)
    return SkipReason("; ".join(message for _, message in found) or "nothing is late")


def late_before_gate(lake: Lake, settings: ZoneSettings, zone: str, now: datetime) -> list[tuple[str, str]]:
    """Zone and message of every series for tomorrow that is due before the gate and missing.

    The alert comes from three hours before the gate.
    """
    day = tomorrow_of(delivery_day_of(zone, now))
    gate = gate_closure_utc(zone, day)
    if not gate - _BEFORE_GATE <= now < gate:
        return []
    providers = LiveProviders()
    offered = {table for name in settings.sources for table in providers.tables(name, zone)}
    usual = _usual_minutes(lake, zone)
    messages = []
    for table in (name for name in RAW_TABLES_OF_A_ZONE if name in offered):
        rows = lake.read(table, zones=[zone], first_day=day, last_day=day)
        own = rows.filter(pl.col("source").is_in(list(settings.sources)))
        message = late_series(
            table, zone, day, own, now=now, grace=_GRACE, usual_minutes=min(usual.get(table, 0.0), 60.0)
        )
        if message:
            messages.append((zone, message))
    if settings.own_forecasts and (message := _late_run(lake, zone, day, now)):
        messages.append((zone, message))
    return messages


def _late_run(lake: Lake, zone: str, day: date, now: datetime) -> str:
    """Why the weather run behind the zone's own forecasts counts as late.

    Empty where it does not.
    """
    due = (
        datetime.combine(day - timedelta(days=1), time(), tzinfo=UTC)
        + PUBLICATION_DELAY[OpenMeteo().model]
        + _GRACE
    )
    if now < due or lake.read("weather_forecasts", zones=[zone], first_day=day, last_day=day).height:
        return ""
    return (
        f"weather_forecasts of {zone} for {day} were due at {due:%H:%M} UTC and are not there: no own"
        " forecast of wind, solar and load"
    )


def _usual_minutes(lake: Lake, zone: str) -> dict[str, float]:
    """How late each table usually is, so that a provider's habit does not raise an alert every morning."""
    summary = summarise_lags(lake.read("publication_lags", zones=[zone]))
    return dict(summary.group_by("table_name").agg(pl.col("median_minutes").max()).iter_rows())


SOURCE_SENSORS = [series_is_late]
