"""Alerts: a row of the table `alerts`, a line in the log, and a message to each of the desk's channels.

An alert is never the reason for a failure: a channel that does not answer is itself logged, and the row
stays.
"""

import hashlib
import logging
from datetime import datetime
from typing import Any

import httpx
import polars as pl
from dagster import ResourceDependency

from resources.fixed_resource import FixedResource
from resources.lake.lake import Lake
from resources.providers.http import silence_address_log
from resources.settings.environment import alert_channels
from resources.wall_clock import utc_now
from spot.contracts.monitoring_tables import ALERTS
from spot.contracts.words import AlertKind, Severity

EVERY_ZONE = "all"
_LOG = logging.getLogger("spotdesk.alerts")
silence_address_log()
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
        addresses = (alert_channels() if self.asks_environment else self.channels).split()
        text = f"[{row['severity']}] {row['zone']} {row['kind']}: {row['message']}"
        for n, address in enumerate(addresses, start=1):
            is_webhook = address.startswith(("http://", "https://"))
            failed = self._post_json(address, row, text) if is_webhook else _notify(address, row, text)
            if failed:  # The address may carry a token: its number is logged, not itself.
                _LOG.warning("alert %s: channel %d did not take it (%s)", row["alert_id"], n, failed)

    def _post_json(self, address: str, row: dict[str, object], text: str) -> str:
        """Why the webhook did not take the row; empty where it did."""
        # A replay raises alerts as of a past day; when the message left, the true clock says.
        instants = {"raised_at_utc": str(row["raised_at_utc"]), "sent_at_utc": utc_now().isoformat()}
        body = {**row, **instants, "text": text}
        try:
            httpx.post(address, json=body, timeout=self.timeout_seconds).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return type(error).__name__
        return ""


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


def is_channel(address: str) -> bool:
    """Whether an address is a webhook or one that Apprise knows how to reach."""
    if address.startswith(("http://", "https://")):
        return bool(httpx.URL(address).host)
    return _apprise_of(address) is not None


def _notify(address: str, row: dict[str, object], text: str) -> str:
    """Why the channel of Apprise did not take the message; empty where it did."""
    channel = _apprise_of(address)
    if channel is None:
        return "not an address that Apprise knows"
    kind = {"info": "info", "warning": "warning", "critical": "failure"}[str(row["severity"])]
    return (
        ""
        if channel.notify(body=text, title=f"Spotdesk {row['zone']}", notify_type=kind)
        else "not delivered"
    )


def _apprise_of(address: str) -> Any | None:
    """Apprise with this one address, or None where it does not know it. It is slow to import: only on use."""
    from apprise import Apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it logs addresses, and they hold tokens
    channel = Apprise()
    return channel if channel.add(address) else None
