"""A stop at a second place, for the day on which the disk or the host of the desk is gone.

SPOTDESK_STOP_URI names a folder elsewhere, on S3 or on a file system that is shared. It holds the same files
as the local one: `desk.json` must be there and say ACTIVE, or nothing leaves; `zone-<ZONE>.json` holds one
zone. Every sender asks before each message. What cannot be asked in time is HALTED. So deleting `desk.json`,
or writing anything else there, is a halt that needs nothing of Spotdesk.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from resources.files import read_regular, write_whole
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
_HANGING: dict[str, threading.Thread] = {}
"""A question that does not come back, for example on a network disk that is gone: none is asked beside it."""


@dataclass(frozen=True, slots=True)
class SecondPlace:
    """The stop files below `uri`, a folder (`file://` or a path) or an address on S3."""

    uri: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Region, endpoint and keys of S3, as AWS names them; what is missing the machine or its role knows."""

    def ask(self, zone: str | None = None) -> StateRecord:
        """The record that holds for the zone, or for the desk; HALTED with the reason where there is none."""
        try:
            return _within(ASK_SECONDS, self.uri, lambda: self._record(zone))
        except SourceUnavailableError as error:
            return StateRecord("desk", TradingState.HALTED, f"the second place {error}", "", "")

    def write(self, record: StateRecord) -> StateRecord:
        """Write a change of state there; what is stricter there stays, unless it is a resumption.

        Returns what stands there now.

        Raises:
            SourceUnavailableError: it cannot be written within the time.
        """
        return _within(2 * ASK_SECONDS, self.uri, lambda: self._written(record))

    def _written(self, record: StateRecord) -> StateRecord:
        if record.state is TradingState.REDUCING:
            found = self._read(record.scope)
            if found is not None and found.state is TradingState.HALTED:
                return found
        text = (json.dumps(asdict(record), indent=1) + "\n").encode()
        if self.uri.startswith("s3://"):
            files, folder = self._s3()
            with files.open_output_stream(f"{folder}/{record.scope}.json") as stream:
                stream.write(text)
        else:
            write_whole(self._folder / f"{record.scope}.json", text, durable=True)
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
            content = self._content(f"{scope}.json")
        except FileNotFoundError:
            return None
        return parse_record(scope, content)

    def _content(self, name: str) -> bytes:
        if not self.uri.startswith("s3://"):
            if not self._folder.is_dir():
                raise SourceUnavailableError(f"{self.uri} is no folder that can be read")
            return read_regular(self._folder / name, MAXIMUM_BYTES)
        files, folder = self._s3()
        with files.open_input_stream(f"{folder}/{name}") as stream:
            content: bytes = stream.read(MAXIMUM_BYTES + 1)
        return content

    @property
    def _folder(self) -> Path:
        return Path(unquote(self.uri.removeprefix("file://")))

    def _s3(self) -> tuple[Any, str]:
        from pyarrow import fs

        given = {
            "access_key": self.options.get("AWS_ACCESS_KEY_ID"),
            "secret_key": self.options.get("AWS_SECRET_ACCESS_KEY"),
            "session_token": self.options.get("AWS_SESSION_TOKEN"),
            "region": self.options.get("AWS_REGION"),
            "endpoint_override": self.options.get("AWS_ENDPOINT_URL"),
        }
        files = fs.S3FileSystem(
            **{name: value for name, value in given.items() if value},
            connect_timeout=ASK_SECONDS,
            request_timeout=ASK_SECONDS,
        )
        return files, self.uri.removeprefix("s3://").rstrip("/")


def _within(seconds: float, uri: str, ask: Callable[[], StateRecord]) -> StateRecord:
    """The answer, or an error once the time is over; the thread of a question that hangs is left behind."""
    hanging = _HANGING.get(uri)
    if hanging is not None and hanging.is_alive():
        raise SourceUnavailableError(f"{uri} still does not answer an earlier question")
    answers: list[StateRecord] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is no
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if answers:
        return answers[0]
    if errors:
        raise SourceUnavailableError(f"{uri} cannot be asked or written: {errors[0]}") from errors[0]
    _HANGING[uri] = thread
    raise SourceUnavailableError(f"{uri} did not answer within {seconds:g} s")
