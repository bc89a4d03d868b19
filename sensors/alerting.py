"""Alerts on what failed, and on silence: a run that failed, a blocking check that stopped one, a gate that comes near without a signal."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
from dagster import DefaultSensorStatus, RunFailureSensorContext, SensorResult, SkipReason, run_failure_sensor, sensor

from resources.alerts import Alerts
from resources.clock import Clock
from resources.desk_settings import Desk
from resources.lake import Lake
from spot.market.delivery import delivery_day_of
from spot.market.gates import gate_closure_utc
from spot.market.zones import ZONES

SILENCE_MINUTES = 20
"""So long before a gate the signals have to be there."""


@run_failure_sensor(
    default_status=DefaultSensorStatus.RUNNING,
    monitor_all_code_locations=False,
    description="A run failed, or a blocking check stopped it: an alert in the log, in the table `alerts`, and at the webhook where one is set.",
)
def run_failed(context: RunFailureSensorContext, alerts: Alerts, clock: Clock) -> None:
    """One alert per failed run."""
    alert_on_failure(context, alerts, clock.now())


def alert_on_failure(context: RunFailureSensorContext, alerts: Alerts, now: datetime) -> None:
    """Say which run failed, for which zone, and why: the first cause, without Dagster's wrapping."""
    run = context.dagster_run
    key = run.tags.get("dagster/partition", "")
    zone = key.split("|")[-1]
    errors = [event.step_failure_data.error for event in context.get_step_failure_events()]
    causes = [_root(error) for error in errors if error is not None]
    is_check = any(cause.cls_name == "DagsterAssetCheckFailedError" for cause in causes)
    message = " ".join((causes[0].message if causes else context.failure_event.message or "unknown cause").split())
    alerts.send(
        "blocking_check_failed" if is_check else "run_failed",
        f"{run.job_name} of {key or 'everything'}: {message[:500]} (run {run.run_id})",
        zone=zone if zone in ZONES else "all",
        severity="critical" if run.job_name == "signals_ready" else "warning",
        now=now,
    )


def _root(error: Any) -> Any:
    """What Dagster's own wrapping hides."""
    return error if error.cause is None else _root(error.cause)


@sensor(
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description=f"Silence is an alarm: {SILENCE_MINUTES} minutes before a gate without a signal for every unit of tomorrow.",
)
def signals_are_missing(lake: Lake, desk: Desk, alerts: Alerts, clock: Clock) -> SensorResult | SkipReason:
    """Looks at every scheduled zone whose gate is near."""
    now = clock.now()
    silent = [zone for zone in desk.zones if desk.zone(zone).is_scheduled and is_silent(lake, zone, now)]
    for zone in silent:
        day = delivery_day_of(zone, now) + timedelta(days=1)
        alerts.send(
            "no_signal_before_gate",
            f"no signals for {day}, the gate closes at {gate_closure_utc(zone, day):%H:%M} UTC",
            zone=zone,
            severity="critical",
            now=now,
        )
    return SkipReason(f"silent zones: {', '.join(silent) or 'none'}")


def is_silent(lake: Lake, zone: str, now: datetime) -> bool:
    """Whether the gate for tomorrow closes within `SILENCE_MINUTES` and there is no signal for it."""
    day = delivery_day_of(zone, now) + timedelta(days=1)
    gate = gate_closure_utc(zone, day)
    if not gate - timedelta(minutes=SILENCE_MINUTES) <= now < gate:
        return False
    return lake.read("signals", zones=[zone], first_day=day, last_day=day).filter(pl.col("role") == "champion").is_empty()


ALERTING_SENSORS = (run_failed, signals_are_missing)
