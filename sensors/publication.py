"""Sending again what a channel did not take: until it takes it, or the gate closes."""

from datetime import timedelta

import polars as pl
from dagster import DefaultSensorStatus, SkipReason, sensor

from resources.alerts import Alerts
from resources.clock import Clock
from resources.desk_settings import Desk
from resources.publication import Outbox
from spot.market.delivery import delivery_day_of


@sensor(
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="Signals of tomorrow that a channel has not had yet are sent again; nothing is sent twice, nor while halted or after the gate.",
)
def signals_are_unsent(outbox: Outbox, desk: Desk, alerts: Alerts, clock: Clock) -> SkipReason:
    """One more attempt per zone, channel and minute."""
    now, lines = clock.now(), []
    for zone in (name for name in desk.zones if desk.zone(name).is_scheduled):
        day = delivery_day_of(zone, now) + timedelta(days=1)
        rows = outbox.publish(zone, day, day, now=now)
        lines += [f"{zone} {row['channel']} {row['status']}" for row in rows.iter_rows(named=True)]
        for row in rows.filter(pl.col("status") == "failed").iter_rows(named=True):
            detail = f"{row['strategy']} for {day} to {row['channel']}, attempt {row['attempt']}: {row['detail']}"
            alerts.send("not_published", detail, zone=zone, severity="critical", now=now)
    return SkipReason("; ".join(lines) or "nothing to send")


PUBLICATION_SENSORS = (signals_are_unsent,)
