"""Alerts on failures and on missing signals.

They cover a failed run, a blocking check that stopped one, and a gate that comes near without a signal.
"""

from datetime import datetime, timedelta
from typing import Any

from dagster import (
    DagsterRun,
    DefaultSensorStatus,
    RunFailureSensorContext,
    SensorResult,
    SkipReason,
    run_failure_sensor,
    sensor,
)
from dagster._core.storage.tags import USER_TAG

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.settings.strategies import strategies_of
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.market.delivery import delivery_day_of
from spot.market.gates import gate_closure_utc
from spot.market.zones import TRADED_ZONES
from spot.strategy.outbox.silence import SilenceVerdict, assess_silence


@run_failure_sensor(
    default_status=DefaultSensorStatus.RUNNING,
    monitor_all_code_locations=False,
    description=(
        "A run failed, or a blocking check stopped it: an alert in the log, in the table `alerts`, and at the"
        " webhook where one is set."
    ),
)
def run_failed(context: RunFailureSensorContext, alerts: Alerts, clock: Clock) -> None:
    """One alert per failed run."""
    alert_on_failure(context, alerts, clock.now())


def alert_on_failure(context: RunFailureSensorContext, alerts: Alerts, now: datetime) -> None:
    """Raise an alert with the failed run, its zone, and the first cause, without Dagster's wrapping."""
    run = context.dagster_run
    key = run.tags.get("dagster/partition", "")
    zone = key.split("|")[-1]
    errors = [event.step_failure_data.error for event in context.get_step_failure_events()]
    causes = [_root(error) for error in errors if error is not None]
    is_check = any(cause.cls_name == "DagsterAssetCheckFailedError" for cause in causes)
    message = " ".join(
        (causes[0].message if causes else context.failure_event.message or "unknown cause").split()
    )
    alerts.send(
        "blocking_check_failed" if is_check else "run_failed",
        f"{run.job_name} of {key or 'everything'}: {message[:500]} (run {run.run_id}{_by(run)})",
        zone=zone if zone in TRADED_ZONES else "all",
        severity="critical" if run.job_name == "signals_ready" else "warning",
        now=now,
    )


def _by(run: DagsterRun) -> str:
    """Who launched the run in the UI; nothing for a run of a schedule or sensor."""
    who = run.tags.get(USER_TAG)
    return f", launched by {who}" if who else ""


def _root(error: Any) -> Any:
    """The error inside Dagster's wrapping."""
    return error if error.cause is None else _root(error.cause)


@sensor(
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description=(
        "Raises an alert `silence_minutes` before a gate if a strategy lacks a signal for a unit of tomorrow."
    ),
)
def signals_are_missing(lake: Lake, desk: Desk, alerts: Alerts, clock: Clock) -> SensorResult | SkipReason:
    """Look at every scheduled zone whose gate is near."""
    now, silent = clock.now(), []
    for zone in (name for name in desk.zones if desk.zone(name).is_scheduled):
        verdict = silence_before_gate(lake, desk, zone, now)
        if verdict.is_silent:
            silent.append(zone)
            closes = gate_closure_utc(zone, delivery_day_of(zone, now) + timedelta(days=1))
            message = f"{'; '.join(verdict.reasons)}; the gate closes at {closes:%H:%M} UTC"
            alerts.send("no_signal_before_gate", message, zone=zone, severity="critical", now=now)
    return SkipReason(f"silent zones: {', '.join(silent) or 'none'}")


def silence_before_gate(lake: Lake, desk: Desk, zone: str, now: datetime) -> SilenceVerdict:
    """Whether the gate for tomorrow is near and a strategy lacks a signal for some unit, flat included.

    After the gate no alert helps.
    """
    day = delivery_day_of(zone, now) + timedelta(days=1)
    if now >= gate_closure_utc(zone, day):
        return SilenceVerdict(False, ())
    names = [strategy.strategy for strategy in strategies_of(desk, zone)]
    rows = lake.read("signals", zones=[zone], first_day=day, last_day=day)
    return assess_silence(
        rows,
        zone=zone,
        delivery_day=day,
        strategies=names,
        now=now,
        minutes_before_gate=desk.zone(zone).silence_minutes,
    )


ALERTING_SENSORS = (run_failed, signals_are_missing)
