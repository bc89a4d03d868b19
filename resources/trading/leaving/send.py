"""Sending one message by a process of its own, which a halt can end whatever this process does."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from resources.trading.leaving.senders import arguments
from spot.errors import SourceUnavailableError, TradingHaltedError
from spot.risk.state import TradingState

MAX_SENDING_SECONDS = 10.0
"""The longest that one message may take to leave."""
_ROOT = Path(__file__).resolve().parents[3]
_BEGIN = (
    "import sys; sys.path.insert(0, sys.argv[1]); from resources.trading.leaving.child import main; main()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What was judged before a message may leave; the process that sends it asks the rest again."""

    state_folder: Path
    zone: str
    state: TradingState
    """The strictest state in which it may leave."""
    judged_at: datetime
    valid_until: datetime
    """The gate, or the instant from which the signals are void."""
    judged_at_boot_seconds: float = field(default_factory=lambda: time.clock_gettime(time.CLOCK_BOOTTIME))

    def _document(self) -> dict[str, Any]:
        return {
            "state_folder": str(self.state_folder),
            "zone": self.zone,
            "state": self.state.value,
            "judged_at": self.judged_at.isoformat(),
            "judged_at_boot_seconds": self.judged_at_boot_seconds,
            "valid_seconds": (self.valid_until - self.judged_at).total_seconds(),
            "seconds": MAX_SENDING_SECONDS,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said."""

    status: int
    text: str


def post(
    permission: Permission, *, url: str, secret: str, headers: Mapping[str, str], body: bytes, seconds: float
) -> Answer:
    """Post a message, signed with the instant at which its connection stood.

    `X-Spotdesk-Timestamp` and `X-Spotdesk-Signature` are added to `headers`. Redirects are not followed.
    `seconds` is the longest wait for each step of the connection.

    Raises:
        TradingHaltedError: the desk or zone was halted, or the gate closed, before it left.
        SourceUnavailableError: it was not answered, or its process was ended while it was leaving.
    """
    import certifi

    message = {
        "url": url,
        "secret": secret,
        "headers": dict(headers),
        "body": body.decode(),
        "timeout": min(seconds, MAX_SENDING_SECONDS / 2),
        "cafile": certifi.where(),
    }
    said = _in_a_process(permission, {"post": message}, "the webhook did not answer")
    return Answer(int(said["status"]), str(said["text"]))


def drop(permission: Permission, folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder that others read, each whole or not at all.

    Raises:
        TradingHaltedError, SourceUnavailableError: as `post`.
    """
    texts = {name: content.decode() for name, content in files.items()}
    message = {"drop": {"folder": str(folder), "files": texts}}
    try:
        _in_a_process(permission, message, "the file was not written")
    finally:
        for name in texts:  # a process that was ended leaves what it had begun
            for begun in folder.glob(f".{name}.*.tmp"):
                begun.unlink(missing_ok=True)


def _in_a_process(permission: Permission, message: Mapping[str, Any], failure: str) -> dict[str, Any]:
    """What the process said. The message goes by its standard input: its arguments can be read by anybody."""
    known_by = arguments(permission.state_folder, permission.zone)
    words = [sys.executable, "-I", "-S", "-c", _BEGIN, str(_ROOT), *known_by]
    text = json.dumps({**permission._document(), **message}).encode()  # noqa: SLF001 - the same module
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            answer, _ = process.communicate(text, timeout=MAX_SENDING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise SourceUnavailableError(f"{failure} within {MAX_SENDING_SECONDS:g} s") from None
        except BaseException:  # an interrupt, too, must not leave a message on its way; it is raised again
            process.kill()
            raise
    if process.returncode != 0:
        raise SourceUnavailableError(
            f"{failure}: its process was ended (code {process.returncode}); whether it arrived is not known"
        )
    said: dict[str, Any] = json.loads(answer)
    if said["outcome"] == "refused":
        raise TradingHaltedError(said["detail"])
    if said["outcome"] == "failed":
        why = f"{said['detail']} {said['text']}".strip()
        raise SourceUnavailableError(f"{failure} ({why})")
    return said
