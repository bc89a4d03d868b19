"""The clock of the machine as the desk has seen it, in `clock.json` of the trading state.

Every sender looks before each message, and the daemon every minute. Where it cannot be read or written, the
clock is not trusted. The rules are in `spot/risk/clock.py`.
"""

import contextlib
import fcntl
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from resources.files import append_regular, read_regular, write_whole
from resources.trading.state_files import MARKER
from resources.wall_clock import boot_id, boot_seconds
from spot.errors import ConfigurationError
from spot.risk.clock import ClockView, agreed, look_at_clock

_FILE, _LOCK, _LOG = "clock.json", "clock.lock", "clock_log.jsonl"
_LONGEST_FILE = 64 * 1024
"""Chosen by hand: forty hosts need a few kB. A longer file is damaged."""
_LOCK_SECONDS = 2.0
"""Chosen by hand: a sender looks before each message, and a lock is held for milliseconds."""
_MOST_HOSTS = 40
"""Chosen by hand: more than the providers, channels and receivers of a desk."""


@dataclass(frozen=True, slots=True)
class ClockWatch:
    """The watch of the desk whose trading state lies in `folder`."""

    folder: Path

    def look(self) -> str:
        """Look at the clock; why it cannot be trusted, empty where it is."""
        try:
            with self._changing() as (view, heard):
                seen = _look(view, heard)
                self._keep(seen, heard)
        except (OSError, ValueError) as error:
            return f"what is known of it cannot be read or kept: {error}"
        return seen.problem

    def glance(self) -> str:
        """As `problem`, and nothing is written: for a process that only reads."""
        if not (self.folder / MARKER).is_file():
            return ""
        try:
            return _look(*self._read()).problem
        except (OSError, ValueError) as error:
            return f"what is known of it cannot be read: {error}"

    def problem(self) -> str:
        """As `look`. Empty for a desk that was never set up: nothing leaves it anyway."""
        return self.look() if (self.folder / MARKER).is_file() else ""

    def view(self) -> ClockView | None:
        """The clock as last seen. None where it was never seen or cannot be read."""
        try:
            return self._read()[0]
        except (OSError, ValueError):
            return None

    def hear(self, host: str, said: datetime) -> None:
        """Note what a provider says of the time (the header `Date` of its answer).

        A desk that was never set up keeps none. Nothing fails here: `look` finds what is wrong.
        """
        if not (self.folder / MARKER).is_file():
            return
        with contextlib.suppress(OSError, ValueError), self._changing() as (view, heard):
            heard[host] = (said.timestamp(), boot_seconds())
            newest = sorted(heard, key=lambda name: heard[name][1])[-_MOST_HOSTS:]
            kept = {name: heard[name] for name in newest}
            self._keep(_look(view, kept), kept)

    def confirm(self, *, by: str, reason: str) -> ClockView:
        """A person says that the clock is right as it stands.

        Raises:
            ConfigurationError: a name or a reason is missing, or it cannot be kept.
        """
        if not by.strip() or not reason.strip():
            raise ConfigurationError("confirming the clock needs the name of a person and a reason")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._locked():
                seen = look_at_clock(None, wall=time.time(), boot_seconds=boot_seconds(), boot=boot_id())
                line = {"by": by, "reason": reason, "confirmed": _iso(seen.latest)}
                append_regular(self.folder / _LOG, json.dumps(line) + "\n")
                self._keep(seen, {})
        except OSError as error:
            raise ConfigurationError(f"the clock is not confirmed: {error}") from error
        return seen

    @contextlib.contextmanager
    def _changing(self) -> Iterator[tuple[ClockView | None, dict[str, tuple[float, float]]]]:
        with self._locked():
            yield self._read()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of the file. A frozen process holds the others up for a bounded time."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.folder / _LOCK, flags, 0o666)
        try:
            deadline = time.monotonic() + _LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.01)
            yield
        finally:
            os.close(descriptor)

    def _read(self) -> tuple[ClockView | None, dict[str, tuple[float, float]]]:
        """What was seen, and what providers said in this boot."""
        try:
            document = json.loads(read_regular(self.folder / _FILE, _LONGEST_FILE))
        except FileNotFoundError:
            return None, {}
        except RecursionError:
            raise ValueError(f"{_FILE} is damaged") from None
        try:
            return _parsed(document)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"{_FILE} is damaged ({error})") from None

    def _keep(self, view: ClockView, heard: Mapping[str, tuple[float, float]]) -> None:
        document = {**asdict(view), "heard": heard, "heard_boot": boot_id()}
        write_whole(
            self.folder / _FILE, (json.dumps(document, indent=1) + "\n").encode(), durable=bool(view.problem)
        )


def _look(view: ClockView | None, heard: Mapping[str, tuple[float, float]]) -> ClockView:
    seconds = boot_seconds()
    said = agreed(heard, boot_seconds=seconds)
    return look_at_clock(view, wall=time.time(), boot_seconds=seconds, boot=boot_id(), said=said)


def _parsed(document: Mapping[str, Any]) -> tuple[ClockView, dict[str, tuple[float, float]]]:
    numbers = {name: float(document[name]) for name in ("latest", "offset", "since")}
    texts = {name: str(document[name]) for name in ("boot", "problem", "problem_boot")}
    if not all(map(math.isfinite, numbers.values())):
        raise ValueError(f"{_FILE} is damaged (not a number)")
    heard = document["heard"].items() if document["heard_boot"] == boot_id() else ()
    return ClockView(**numbers, **texts), {  # type: ignore[arg-type]  # names of two types of fields
        host: (float(said), float(at)) for host, (said, at) in heard
    }


def _iso(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat()
