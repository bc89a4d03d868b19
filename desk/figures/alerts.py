"""Alerts and who has seen them; acknowledging one is a record with a name."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl

from resources.lake.lake import Lake
from resources.trading.alerts import EVERY_ZONE
from spot.contracts.monitoring_tables import ALERT_ACKNOWLEDGEMENTS, ALERTS
from spot.contracts.words import SEVERITIES, Severity
from spot.errors import ConfigurationError

_SHORTEST_ID = 4
"""Chosen by hand: with fewer characters, one typing error acknowledges another alert."""
_LONGEST_NOTE = 500
"""Chosen by hand: a few sentences. The note is part of a row that pages show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert, and who has seen it."""

    alert_id: str
    raised_at_utc: datetime
    zone: str
    severity: Severity
    kind: str
    message: str
    acknowledged_by: tuple[str, ...]
    note: str

    @property
    def is_open(self) -> bool:
        """Whether nobody has seen it."""
        return not self.acknowledged_by

    @property
    def page(self) -> str:
        """The page that says what to do."""
        return f"docs/runbooks/{self.kind}.md"

    def row(self) -> dict[str, Any]:
        """The row of a table or of JSON."""
        return {**asdict(self), "acknowledged_by": list(self.acknowledged_by), "page": self.page}


def alerts_of(
    lake: Lake, *, since: datetime | None = None, zones: Sequence[str] | None = None
) -> list[Alert]:
    """Alerts of the zones and those that concern every zone: open ones first, then by severity and age."""
    asked = None if zones is None else [*zones, EVERY_ZONE]
    rows = lake.read(ALERTS.name, zones=asked)
    rows = rows if since is None else rows.filter(pl.col("raised_at_utc") >= since)
    seen = lake.read(ALERT_ACKNOWLEDGEMENTS.name, zones=asked).sort("acknowledged_at_utc")
    by = seen.group_by("alert_id").agg(pl.col("acknowledged_by"), pl.col("note").str.join("; "))
    both = rows.join(by, on="alert_id", how="left").sort("raised_at_utc", descending=True)
    return sorted((_alert(row) for row in both.iter_rows(named=True)), key=_urgency)


def find_alert(lake: Lake, alert_id: str) -> Alert:
    """The alert whose id begins so.

    Raises:
        ConfigurationError: there is none, or more than one.
    """
    found = [one for one in alerts_of(lake) if one.alert_id.startswith(alert_id)]
    if len(alert_id) < _SHORTEST_ID or len(found) != 1:
        raise ConfigurationError(
            f"{len(found)} alerts have an id that begins with {alert_id!r}: `spotdesk alerts` shows the ids;"
            f" give at least {_SHORTEST_ID} characters of one"
        )
    return found[0]


def acknowledge(lake: Lake, alert_id: str, *, by: str, note: str, now: datetime) -> Alert:
    """Write down that a person has seen an alert; said twice by the same person, the first stays.

    Raises:
        ConfigurationError: there is no such alert, or the name is missing.
    """
    alert = find_alert(lake, alert_id)
    if not by.strip():
        raise ConfigurationError("an acknowledgement needs the name of a person (--by)")
    if by in alert.acknowledged_by:
        return alert
    row = {
        "alert_id": alert.alert_id,
        "zone": alert.zone,
        "acknowledged_at_utc": now,
        "acknowledged_by": by,
        "note": " ".join(note.split())[:_LONGEST_NOTE],
    }
    lake.append_only(ALERT_ACKNOWLEDGEMENTS.name, pl.DataFrame([row], schema=ALERT_ACKNOWLEDGEMENTS.schema))
    return find_alert(lake, alert.alert_id)


def _alert(row: dict[str, Any]) -> Alert:
    return Alert(
        alert_id=row["alert_id"],
        raised_at_utc=row["raised_at_utc"],
        zone=row["zone"],
        severity=row["severity"],
        kind=row["kind"],
        message=row["message"],
        acknowledged_by=tuple(row["acknowledged_by"] or ()),
        note=row["note"] or "",
    )


def _urgency(alert: Alert) -> tuple[bool, int, float]:
    return not alert.is_open, -SEVERITIES.index(alert.severity), -alert.raised_at_utc.timestamp()
