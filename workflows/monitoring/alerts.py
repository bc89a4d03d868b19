"""Alerts from the findings of the monitors.

An alert comes when a state begins and, while it lasts, again after an interval.

The state itself is visible every day: in the tables, in the checks and in `spotdesk status`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from resources.lake.lake import Lake
from resources.trading.alerts import Alerts
from spot.contracts.monitoring_tables import MONITOR_TABLES
from spot.contracts.words import AlertKind, Severity
from spot.market.gates import gate_closure_utc
from spot.monitoring.episodes import Episode, open_episodes
from spot.monitoring.settings import AlertSettings
from spot.strategy.near_limits import near_in_words, near_limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """What each verdict of a monitor is about, and the name of its alert."""

    subject: pl.Expr
    kind: AlertKind
    severity: Severity = "warning"


MONITORS: Mapping[str, Monitor] = {
    "data quality": Monitor(subject=pl.format("{} {}", "series", "check"), kind="bad_data"),
    "drift": Monitor(subject=pl.col("feature"), kind="drift_found"),
    "other drift": Monitor(subject=pl.col("feature"), kind="drift_found", severity="info"),
    "performance": Monitor(subject=pl.format("{} {}", "basis", "metric"), kind="performance_worse"),
    "explanations": Monitor(
        subject=pl.lit("the mix of features"), kind="explanations_shifted", severity="info"
    ),
}
"""Monitors by their names in `MONITOR_TABLES`."""


def alert_on_features(
    lake: Lake, alerts: Alerts, *, zone: str, last_day: date, now: datetime, settings: AlertSettings
) -> None:
    """Raise the alerts on inputs: bad data first.

    Drift waits until the data are good. A blind monitor raises its alert in any case.
    """
    is_bad = alert_on("data quality", lake, alerts, zone=zone, last_day=last_day, now=now, settings=settings)
    alert_on(
        "drift", lake, alerts, zone=zone, last_day=last_day, now=now, settings=settings, only_blind=is_bad
    )
    # Whatever else moved is in the table, the check and `spotdesk status`. Nobody has to act on it.
    alert_on(
        "other drift", lake, alerts, zone=zone, last_day=last_day, now=now, settings=settings, only_blind=True
    )


def alert_on(
    name: str,
    lake: Lake,
    alerts: Alerts,
    *,
    zone: str,
    last_day: date,
    now: datetime,
    settings: AlertSettings,
    only_blind: bool = False,
) -> bool:
    """Raise the due alerts of one monitor as of `last_day`, from what it stored.

    Returns whether anything is in the state `alert`.

    Call it after the verdicts are written, because they are the history that shows what is new. `only_blind`
    keeps findings for another day.
    """
    monitor = MONITORS[name]
    rows = lake.read(MONITOR_TABLES[name], zones=[zone], last_day=last_day).with_columns(
        subject=monitor.subject
    )
    reasons = _reasons(rows, last_day)
    blind = open_episodes(rows, last_day=last_day, status="cannot_see", settings=settings)
    found = open_episodes(rows, last_day=last_day, status="alert", settings=settings)
    for kind, episodes in (("monitor_cannot_see", blind), (monitor.kind, () if only_blind else found)):
        for episode in episodes:
            message = (
                f"{name} {_since(episode, last_day)}: {_what(episode, reasons)}; see docs/runbooks/{kind}.md"
            )
            alerts.send(
                kind,  # type: ignore[arg-type]
                message,
                zone=zone,
                severity=monitor.severity,
                now=now,
                episode=f"{name}: {episode.key}",
            )
    return bool(found)


def alert_on_limits(rows: pl.DataFrame, alerts: Alerts, *, zone: str, last_day: date, now: datetime) -> None:
    """Raise an alert, once for as long as it lasts, when the limits of the newest day were not measured.

    `rows` are those of `limit_conformance` around it. Call it only where the zone has decided before.
    """
    measured = rows["delivery_day"].unique().sort().to_list()
    if last_day in measured:
        return
    since = f"the newest is of {measured[-1]}" if measured else "none in the four weeks before"
    message = (
        f"risk limits on {last_day}: cannot see: no limit was measured, {since}; see"
        " docs/runbooks/monitor_cannot_see.md"
    )
    alerts.send(
        "monitor_cannot_see", message, zone=zone, now=now, episode=f"risk limits: cannot_see, {since}"
    )


def alert_on_near_limits(rows: pl.DataFrame, alerts: Alerts, *, zone: str, now: datetime) -> None:
    """Raise an alert for each limit that is nearly used on a day whose gate is open: one per limit and day.

    `rows` are those of `limit_conformance` of one decision.
    """
    for row in near_limits(rows).iter_rows(named=True):
        day = row["delivery_day"]
        if now < gate_closure_utc(zone, day):
            message = f"on {day}, {near_in_words(row)}"
            episode = f"{row['limit_name']} on {day}"
            alerts.send("limit_nearly_used", message, zone=zone, now=now, episode=episode)


def _since(episode: Episode, last_day: date) -> str:
    return f"on {last_day}" if episode.since == last_day else f"since {episode.since}, still on {last_day}"


def _what(episode: Episode, reasons: Mapping[str, str]) -> str:
    return ", ".join(dict.fromkeys(reasons.get(subject) or subject for subject in episode.subjects))


def _reasons(rows: pl.DataFrame, day: date) -> dict[str, str]:
    """Subject to the reason of its verdict. A long reason begins with the subject already."""
    newest = rows.filter(pl.col("delivery_day") == day)
    return {row["subject"]: row["reason"] or "" for row in newest.iter_rows(named=True)}
