"""Alerts: a row of the table `alerts`, a line in the log, and a message to the desk's webhook where one is set.

An alert is never the reason for a failure: a webhook that does not answer is itself logged, and the row
stays.
"""

import hashlib
import logging
from datetime import datetime

import httpx
import polars as pl
from dagster import ConfigurableResource, ResourceDependency

from resources.lake.lake import Lake
from resources.providers.http import silence_address_log
from resources.settings.environment import alert_webhook
from spot.contracts.monitoring_tables import ALERTS
from spot.contracts.words import AlertKind, Severity

EVERY_ZONE = "all"
_LOG = logging.getLogger("spotdesk.alerts")
silence_address_log()
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.ERROR}


class Alerts(ConfigurableResource["Alerts"]):
    """Where alerts go.

    `webhook_url` may be empty; the message is JSON with `text`, which chat tools show as it is.

    The address of a chat tool's webhook holds a token, and Dagster shows the configuration of a resource:
    with `asks_environment` it is read at use.
    """

    lake: ResourceDependency[Lake]
    webhook_url: str = ""
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
        row = {
            "alert_id": alert_id,
            "raised_at_utc": now,
            "zone": zone,
            "kind": kind,
            "severity": severity,
            "message": message,
        }
        self.lake.upsert(ALERTS.name, pl.DataFrame([row], schema=ALERTS.schema))
        _LOG.log(_LEVELS[severity], "%s %s: %s", zone, kind, message)
        self._post(row)
        return True

    def _post(self, row: dict[str, object]) -> None:
        url = alert_webhook() if self.asks_environment else self.webhook_url
        if not url:
            return
        text = f"[{row['severity']}] {row['zone']} {row['kind']}: {row['message']}"
        try:
            httpx.post(
                url,
                json={**row, "raised_at_utc": str(row["raised_at_utc"]), "text": text},
                timeout=self.timeout_seconds,
            ).raise_for_status()
        except httpx.HTTPError as error:
            # The URL may carry a token: it is not logged.
            _LOG.warning("alert %s: the webhook did not take it (%s)", row["alert_id"], type(error).__name__)
