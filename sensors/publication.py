"""Sending signals again that a channel did not accept, until it accepts them or the gate closes."""

from datetime import timedelta

from dagster import DefaultSensorStatus, SkipReason, sensor

from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from resources.trading.outbox import Outbox
from resources.wall_clock import utc_now
from spot.market.delivery import delivery_day_of
from trading_assets.trading.outbox import alert_on_unsent


@sensor(
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description=(
        "Sends signals of tomorrow again that a channel has not accepted. Nothing is sent twice, while halted"
        " or after the gate."
    ),
)
def signals_are_unsent(outbox: Outbox, desk: Desk, alerts: Alerts) -> SkipReason:
    """Make one more attempt per zone, channel and minute."""
    lines: list[str] = []
    alert_on_clock(outbox, alerts)
    for zone in (name for name in desk.zones if desk.zone(name).is_scheduled):
        day = delivery_day_of(zone, utc_now()) + timedelta(days=1)
        rows = outbox.publish(zone, day, day)
        lines += [f"{zone} {row['channel']} {row['status']}" for row in rows.iter_rows(named=True)]
        alert_on_unsent(rows, alerts, utc_now())
    return SkipReason("; ".join(lines) or "nothing to send")


def alert_on_clock(outbox: Outbox, alerts: Alerts) -> None:
    """One alert for each step of the clock: nothing leaves until it is confirmed."""
    problem = outbox.clock_problem()
    if problem:
        message = f"nothing leaves: the clock of the machine is not trusted, {problem}"
        alerts.send("clock_not_believed", message, severity="critical", now=utc_now())


PUBLICATION_SENSORS = (signals_are_unsent,)
