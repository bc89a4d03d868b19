"""When a monitor raises an alert: once when a state begins, and again after an interval while it lasts.

People stop reading an alert that comes every day. Episodes follow from the stored verdicts alone. So the same
days judged again, live or in a replay, give the same episodes, and the next run sends the alert that a killed
run did not send.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from spot.monitoring.settings import AlertSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """Subjects of one monitor that entered a state on the same day and are still in it."""

    status: Literal["alert", "cannot_see"]
    since: date
    """First judged day of the episode."""
    n_reminders: int
    """Number of reminders that are due by the judged day."""
    subjects: tuple[str, ...]

    @property
    def key(self) -> str:
        """A text that is the same on all days that need no new alert."""
        return f"{self.status} since {self.since}, reminder {self.n_reminders}"


def open_episodes(
    verdicts: pl.DataFrame, *, last_day: date, status: Literal["alert", "cannot_see"], settings: AlertSettings
) -> tuple[Episode, ...]:
    """Episodes of a state that are open on `last_day`, oldest first; none where that day was not judged.

    Args:
        verdicts: `delivery_day`, `subject` and `status`, one row per judged day and subject, of one monitor;
            later days are ignored.
        last_day: newest judged day.
        status: the state.
        settings: how long a state may be away within one episode, and the days between reminders.
    """
    known = verdicts.filter(pl.col("delivery_day") <= last_day)
    judged = known["delivery_day"].unique().sort(descending=True).to_list()
    in_state = known.filter(pl.col("status") == status)
    began: dict[date, list[str]] = {}
    for subject in in_state.filter(pl.col("delivery_day") == last_day)["subject"].unique().sort().to_list():
        days = set(in_state.filter(pl.col("subject") == subject)["delivery_day"].to_list())
        began.setdefault(_since(days, judged, settings), []).append(subject)
    return tuple(
        Episode(
            status=status,
            since=since,
            n_reminders=(last_day - since).days // settings.reminder_days,
            subjects=tuple(subjects),
        )
        for since, subjects in sorted(began.items())
    )


def _since(days: set[date], judged: list[date], settings: AlertSettings) -> date:
    """First day of the episode that holds the newest judged day; `judged` is descending."""
    since = judged[0]
    for day in judged:
        if day in days:
            since = day
        elif (since - day).days > settings.quiet_days:
            break
    return since
