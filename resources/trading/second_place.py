"""A stop at a second place, for the day on which the disk or the host of the desk is gone.

SPOTDESK_STOP_URI names a folder elsewhere, on S3 or on a file system that is shared. It holds the same files
as the local one: `desk.json` must be there and say ACTIVE, or nothing leaves; `zone-<ZONE>.json` holds one
zone. Every sender asks before each message. What cannot be asked in time is HALTED. So deleting `desk.json`,
or writing anything else there, is a halt that needs nothing of Spotdesk.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from resources.trading.place import Place, within
from resources.trading.state_files import MAXIMUM_BYTES, StateRecord, parse_record, stricter_of
from spot.errors import SourceUnavailableError
from spot.risk.state import TradingState

LEASE_SECONDS = 5.0
"""How long an answer holds: a message that has not begun to leave by then does not leave. It is what a halt
at the second place takes to reach a sender on another host.
"""
AWS_VARIABLES = (
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
"""What a place on S3 wants, where the machine or its role does not know it."""
ASK_SECONDS = 2.0
"""Longest wait for an answer."""
_MISSING = (
    "runs of this desk work on several hosts, and one cannot stop what leaves from another: set"
    " SPOTDESK_STOP_URI to a folder or an S3 prefix that every host sees"
)


@dataclass(frozen=True, slots=True)
class SecondPlace:
    """The stop files below `uri`, a folder (`file://` or a path) or an address on S3.

    An empty one stands for a place that is needed and not set: it says HALTED.
    """

    uri: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Region, endpoint and keys of S3, as AWS names them; what is missing the machine or its role knows."""

    def ask(self, zone: str | None = None) -> StateRecord:
        """The record that holds for the zone, or for the desk; HALTED with the reason where there is none."""
        if not self.uri:
            return StateRecord("desk", TradingState.HALTED, _MISSING, "", "")
        try:
            return within(ASK_SECONDS, self.uri, lambda: self._record(zone))
        except SourceUnavailableError as error:
            return StateRecord("desk", TradingState.HALTED, f"the second place {error}", "", "")

    def write(self, record: StateRecord) -> StateRecord:
        """Write a change of state there; what is stricter there stays, unless it is a resumption.

        Returns what stands there now.

        Raises:
            SourceUnavailableError: it cannot be written within the time, or there is no such place.
        """
        if not self.uri:
            raise SourceUnavailableError(_MISSING)
        return within(2 * ASK_SECONDS, self.uri, lambda: self._written(record))

    def _written(self, record: StateRecord) -> StateRecord:
        if record.state is TradingState.REDUCING:
            found = self._read(record.scope)
            if found is not None and found.state is TradingState.HALTED:
                return found
        self._place.write(f"{record.scope}.json", (json.dumps(asdict(record), indent=1) + "\n").encode())
        return record

    def _record(self, zone: str | None) -> StateRecord:
        desk = self._read("desk")
        if desk is None:
            why = f'has no desk.json: `spotdesk resume --reason "..."` writes it ({self.uri})'
            return StateRecord("desk", TradingState.HALTED, f"the second place {why}", "", "")
        own = None if zone is None else self._read(f"zone-{zone}")
        return desk if own is None else stricter_of(desk, own)

    def _read(self, scope: str) -> StateRecord | None:
        """The record of a scope; None where there is no file."""
        try:
            content = self._place.read(f"{scope}.json", MAXIMUM_BYTES)
        except FileNotFoundError:
            return None
        return parse_record(scope, content)

    @property
    def _place(self) -> Place:
        return Place(self.uri, self.options)
