"""Leases of live zones. `leases.json` of the desk lists every lease that was given, the newest last.

A lease holds for one desk in one place. A copy has another identity or lies in another place, so it holds no
lease. It knows the numbers that were given, and its first lease gets a higher one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from resources.files import write_whole
from resources.home.marker import is_copy, read_marker
from spot.errors import ConfigurationError
from spot.market.zones import find_zone
from spot.strategy.outbox.lease import Lease, next_number

_FILE = "leases.json"
_LOCK_SECONDS = 30.0
"""Longest wait for another process that changes a lease. Chosen by hand: it takes milliseconds, so this only
ends where something hangs.
"""


@dataclass(frozen=True, slots=True)
class LeaseStore:
    """The leases of the desk in `home`."""

    home: Path

    def held(self, zone: str) -> Lease | None:
        """The lease that holds for the zone. None where there is none, or where it cannot be read."""
        try:
            marker = read_marker(self.home)
            if marker.kind != "desk" or is_copy(self.home, marker):
                return None
            newest = (self._given(zone) or [{}])[-1]
            if not newest.get("is_held") or newest["desk_id"] != marker.desk_id:
                return None
            since = datetime.fromisoformat(newest["since_utc"])
            return Lease(zone, int(newest["number"]), marker.desk_id, since)
        except (ConfigurationError, OSError, KeyError, TypeError, ValueError):
            return None

    def give(self, zone: str, *, by: str, reason: str, now: datetime) -> Lease:
        """Give this desk the lease of the zone, under a new number.

        Raises:
            ConfigurationError: the desk is a demo, a study or a copy that was not opened. Or a name or a
                reason is missing, or the leases cannot be read.
        """
        marker = read_marker(self.home)
        if marker.kind != "desk":
            raise ConfigurationError(f"{self.home} is a {marker.kind}: it never goes live")
        if is_copy(self.home, marker):
            raise ConfigurationError(f"{self.home} is a copy of desk {marker.desk_id}: open it first")
        if not by.strip() or not reason.strip():
            raise ConfigurationError("a lease needs the name of a person and a reason")
        record = {"desk_id": marker.desk_id, "is_held": True}
        number = self._add(find_zone(zone).name, record, by=by, reason=reason, now=now)
        return Lease(zone, number, marker.desk_id, now)

    def give_back(self, zone: str, *, by: str, reason: str, now: datetime) -> None:
        """Let the zone trade on paper from now on.

        Raises:
            ConfigurationError: the leases cannot be read.
        """
        record = {"desk_id": read_marker(self.home).desk_id, "is_held": False}
        self._add(find_zone(zone).name, record, by=by, reason=reason, now=now)

    def _add(self, zone: str, record: dict[str, Any], *, by: str, reason: str, now: datetime) -> int:
        with FileLock(self.home / f".{_FILE}.lock", timeout=_LOCK_SECONDS):
            try:
                given = self._given(zone)
                number = next_number([int(one["number"]) for one in given], now)
            except (KeyError, TypeError, ValueError) as error:
                raise ConfigurationError(
                    f"{self.home / _FILE} cannot be read ({error}): restore it from a backup"
                ) from error
            said = {**record, "number": number, "since_utc": now.isoformat(), "by": by, "reason": reason}
            document = {**self._read(), zone: [*given, said]}
            text = json.dumps(document, indent=1, sort_keys=True) + "\n"
            write_whole(self.home / _FILE, text.encode(), durable=True)
        return number

    def _given(self, zone: str) -> list[dict[str, Any]]:
        found = self._read().get(zone, [])
        if not isinstance(found, list):
            raise TypeError(f"leases of {zone} are no list")
        return found

    def _read(self) -> Mapping[str, Any]:
        try:
            document = json.loads((self.home / _FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        if not isinstance(document, Mapping):
            raise TypeError("leases are no mapping")
        return document
