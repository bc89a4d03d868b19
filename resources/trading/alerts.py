"""Alerts: a row of the table `alerts`, a line in the log, and a message to each of the desk's channels.

An alert is never the reason for a failure: a channel that does not answer is itself logged, and the row
stays.
"""

import hashlib
import logging
from datetime import datetime

import polars as pl
from dagster import ResourceDependency

from resources.books.leaving import head_to_send, note_departure
from resources.fixed_resource import FixedResource
from resources.lake.lake import Lake
from resources.settings.at_use import alert_channels
from resources.trading.channels import post_alert
from resources.wall_clock import utc_now
from spot.contracts.monitoring_tables import ALERTS
from spot.contracts.words import AlertKind, Severity

EVERY_ZONE = "all"
_LOG = logging.getLogger("spotdesk.alerts")
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.ERROR}


class Alerts(FixedResource):
    """Where alerts go.

    `channels` are addresses, separated by white space; none is fine. An http(s) address is a webhook: it gets
    the row as JSON, with `text` for chat tools. Any other address is one of Apprise's: `mailto://`,
    `slack://`, `msteams://`, `pagerduty://` and a hundred more.

    An address holds a token, and Dagster shows the configuration of a resource: with `asks_environment` the
    addresses are read at use.
    """

    lake: ResourceDependency[Lake]
    channels: str = ""
    asks_environment: bool = False
    timeout_seconds: float = 5.0
    """Longest wait for one channel. Chosen by hand: a run waits for it."""

    def send(
        self,
        kind: AlertKind,
        message: str,
        *,
        zone: str = EVERY_ZONE,
        severity: Severity = "warning",
        now: datetime,
        episode: str = "",
    ) -> bool:
        """Raise an alert.

        Returns whether it is new: what is known already is one row and one message, however often it is
        raised.

        Known is the same zone, kind and message; where the message changes from day to day, the same zone,
        kind and `episode`.
        """
        alert_id = hashlib.sha256(f"{zone}|{kind}|{episode or message}".encode()).hexdigest()[:16]
        known = self.lake.read(ALERTS.name, zones=[zone])
        if alert_id in known["alert_id"]:
            return False
        row = _row(alert_id, kind, message, zone=zone, severity=severity, now=now)
        self.lake.upsert(ALERTS.name, pl.DataFrame([row], schema=ALERTS.schema))
        _LOG.log(_LEVELS[severity], "%s %s: %s", zone, kind, message)
        self._post(row)
        return True

    def send_even_without_lake(
        self, kind: AlertKind, message: str, *, zone: str = EVERY_ZONE, severity: Severity, now: datetime
    ) -> None:
        """Raise an alert that the channels must get although the tables may be gone."""
        try:
            self.send(kind, message, zone=zone, severity=severity, now=now, episode=f"{message} {now}")
        except Exception as error:  # noqa: BLE001 - the lake may fail in any way; the message goes out
            _LOG.warning("an alert could not be written to the lake: %s", error)
            self._post(_row("not_written", kind, message, zone=zone, severity=severity, now=now))

    def _post(self, row: dict[str, object]) -> None:
        addresses = alert_channels() if self.asks_environment else self.channels
        head = head_to_send(self.lake.home)
        said = {**row, "books_head": head} if head else row
        failed = post_alert(addresses, said, timeout_seconds=self.timeout_seconds)
        for n, why in failed.items():
            _LOG.warning("alert %s: channel %d did not take it (%s)", row["alert_id"], n, why)
        if len(failed) < len(addresses.split()):
            note_departure(self.lake.home, head, to="the alert channels", now=utc_now())


def _row(
    alert_id: str, kind: AlertKind, message: str, *, zone: str, severity: Severity, now: datetime
) -> dict[str, object]:
    return {
        "alert_id": alert_id,
        "raised_at_utc": now,
        "zone": zone,
        "kind": kind,
        "severity": severity,
        "message": message,
    }
