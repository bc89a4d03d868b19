"""Changes of the trading state in the books.

A resumption is recorded before it holds. A stop never waits: it is recorded after it holds, and where that
fails, by a later command as late.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.books.chain import Chain, chain_of
from resources.trading.state_files import MARKER, scopes_of
from spot.errors import ConfigurationError, SourceUnavailableError

KIND = "state"
_STOP_WAIT_SECONDS = 0.3
"""What a stop, which already holds, waits for others that write to the books."""
_FIELDS = ("scope", "state", "before", "reason", "actor", "since_utc")


@dataclass(frozen=True, slots=True)
class StateLine:
    """One line of the log of the stop button."""

    sha256: str
    said: dict[str, Any]

    @property
    def content(self) -> dict[str, Any]:
        """What its record says."""
        return {"line": self.sha256, **{name: str(self.said.get(name, "")) for name in _FIELDS}}

    @property
    def may_be_late(self) -> bool:
        """Whether a later command may record it: a stop, which anybody who can write here can make."""
        return self.said.get("state") in ("HALTED", "REDUCING")


def record_before(state_folder: Path, line: str) -> None:
    """Record a change that is about to be written.

    Raises:
        SourceUnavailableError: others hold the books for too long; nothing may be changed.
        ConfigurationError: the books or the key cannot be read.
        OSError: the disk does not take it.
    """
    chain = chain_of(state_folder.parent)
    if chain is not None:
        chain.append(KIND, parsed_line(line).content)


def record_stop(state_folder: Path) -> None:
    """Record the newest change, a stop that holds. Whatever fails, a later command records it."""
    try:
        chain = chain_of(state_folder.parent)
        if chain is None:
            return
        for line in list(lines_of(state_folder))[-1:]:
            chain.append(KIND, line.content, wait_seconds=_STOP_WAIT_SECONDS)
    except (OSError, SourceUnavailableError, ConfigurationError):
        return


def lines_of(state_folder: Path) -> Iterator[StateLine]:
    """Every line of the log; a line that is no JSON is there with an empty text."""
    try:
        text = (state_folder / "log.jsonl").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        yield parsed_line(line)


def state_files(state_folder: Path) -> dict[str, str]:
    """Scope to SHA-256 of its file, and `ready` for the mark that makes the state readable."""
    files = {scope: state_folder / f"{scope}.json" for scope in scopes_of(state_folder)}
    files[MARKER] = state_folder / MARKER
    return {name: _sha256(path) for name, path in files.items() if path.is_file()}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def parsed_line(line: str) -> StateLine:
    """The line, with or without its end."""
    bare = line.rstrip("\n")
    try:
        said = json.loads(bare)
    except (ValueError, RecursionError):
        said = {}
    return StateLine(hashlib.sha256(bare.encode()).hexdigest(), said if isinstance(said, dict) else {})


def record_late_stops(chain: Chain, state_folder: Path, known: set[str]) -> int:
    """Record stops of the log that have no record; returns how many."""
    late = [line for line in lines_of(state_folder) if line.sha256 not in known and line.may_be_late]
    for line in late:
        chain.append(KIND, line.content, is_late=True)
    return len(late)
