"""What is wrong now, what was told of it, and what is over: told once, and once more when it ends.

A message that no channel took is sent again with the next look.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from spot.contracts.words import AlertKind, Severity

EVERY_ZONE = "all"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a look found wrong."""

    kind: AlertKind
    message: str
    zone: str = EVERY_ZONE
    ends_utc: datetime | None = None
    """The instant from which it can no longer be mended, such as a gate."""

    @property
    def key(self) -> tuple[str, str]:
        """Findings of one key are one incident, whatever their messages say."""
        return self.kind, self.zone


@dataclass(slots=True)
class Incident:
    """A finding from its first look on."""

    finding: Finding
    since_utc: datetime
    is_told: bool = False

    def over(self, now: datetime) -> str:
        """What is said when it ends."""
        ends, said = self.finding.ends_utc, self.finding.message
        if ends is not None and now >= ends:
            return f"too late, {ends:%H:%M} UTC has passed: {said}"
        return f"over, it lasted {_length((now - self.since_utc).total_seconds())}: {said}"


Tell = Callable[[Finding, str, Severity], bool]
"""Sends a message about a finding; whether a channel took it."""


class Incidents:
    """The incidents that are open."""

    def __init__(self, tell: Tell, open_before: Iterable[Incident] = ()) -> None:
        self._tell = tell
        self._open = {one.finding.key: one for one in open_before}

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of which an incident is open."""
        return frozenset(kind for kind, _ in self._open)

    def update(self, found: Iterable[Finding], now: datetime) -> None:
        """Tell what is new and what is over."""
        present = {finding.key: finding for finding in found}
        for key, finding in present.items():
            self._open.setdefault(key, Incident(finding, now))
        for key, incident in list(self._open.items()):
            if not incident.is_told:
                incident.is_told = self._tell(incident.finding, incident.finding.message, "critical")
            elif key not in present and self._tell(incident.finding, incident.over(now), "info"):
                del self._open[key]

    def documents(self) -> list[dict[str, Any]]:
        """The open incidents as JSON takes them, for the next watch."""
        return [
            {
                **asdict(one.finding),
                "ends_utc": _text(one.finding.ends_utc),
                "since_utc": _text(one.since_utc),
            }
            for one in self._open.values()
            if one.is_told
        ]


def incident_of(document: Mapping[str, Any]) -> Incident:
    """The incident that `documents` wrote, which was told.

    Raises:
        KeyError: a field is missing.
        TypeError: a field is of another type.
        ValueError: an instant is none.
    """
    ends = document["ends_utc"]
    finding = Finding(
        document["kind"],
        str(document["message"]),
        str(document["zone"]),
        None if ends is None else datetime.fromisoformat(ends),
    )
    return Incident(finding, datetime.fromisoformat(document["since_utc"]), is_told=True)


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
