"""What the files of the stop button say, read as if an enemy had written them.

Standard library alone: the process that a message leaves from asks here, and it starts in milliseconds.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resources.files import read_regular
from spot.risk.state import TradingState, stricter

MARKER = "ready"
"""Stands in the folder once it has been set up; without it everything is HALTED."""
MAXIMUM_BYTES = 64 * 1024
"""A state file has some hundred bytes."""


@dataclass(frozen=True, slots=True)
class StateRecord:
    """One scope's state, who set it, when and why."""

    scope: str
    state: TradingState
    reason: str
    actor: str
    since_utc: str

    @property
    def cure(self) -> str:
        """The command by which a person lets the scope trade again; empty where it is ACTIVE."""
        if self.state is TradingState.ACTIVE:
            return ""
        zone = self.scope.removeprefix("zone-")
        return f'spotdesk resume{"" if self.scope == "desk" else f" --zone {zone}"} --reason "..."'


def state_of(folder: Path, zone: str | None = None) -> TradingState:
    """The stricter of the desk's state and the zone's; HALTED when anything cannot be read."""
    scopes = ["desk"] if zone is None else ["desk", f"zone-{zone}"]
    return stricter(*(read_record(folder, scope).state for scope in scopes))


def read_record(folder: Path, scope: str) -> StateRecord:
    """The record of `desk` or `zone-<ZONE>`; one that cannot be read is HALTED and says why."""
    if not os.path.isfile(folder / MARKER):  # noqa: PTH113 - False, and no error, where it cannot be read
        return _unreadable(scope, absent(folder))
    try:
        content = read_regular(folder / f"{scope}.json", MAXIMUM_BYTES)
    except FileNotFoundError:
        return StateRecord(scope, TradingState.ACTIVE, "", "", "")
    except OSError as error:
        return _unreadable(scope, f"the state file cannot be read: {error.strerror or error}")
    return parse_record(scope, content)


def scopes_of(folder: Path) -> list[str]:
    """Every scope that has a file, and the desk."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return ["desk"]
    return sorted({"desk"} | {name.removesuffix(".json") for name in names if is_scope_file(name)})


def is_scope_file(name: str) -> bool:
    """Whether a file of this name holds the state of the desk or a zone."""
    return name == "desk.json" or (name.startswith("zone-") and name.endswith(".json"))


def twin_of(folder: Path) -> Path:
    """A file beside the folder that outlives it: the folder has once been set up."""
    return folder.parent / f".{folder.name}_was_set_up"


def absent(folder: Path) -> str:
    """Why there is no state to read: a new desk, or one whose state was lost."""
    if os.path.lexists(twin_of(folder)):
        return "the trading state was lost, or could not be written by a halt: nobody knows who halted what"
    return "the trading state has not been set up: the first `spotdesk run` does it"


def _unreadable(scope: str, why: str) -> StateRecord:
    return StateRecord(scope, TradingState.HALTED, why, "", "")


def stricter_of(one: StateRecord, other: StateRecord) -> StateRecord:
    """The record of the stricter state; the first of two that are alike."""
    return one if stricter(one.state, other.state) is one.state else other


def parse_record(scope: str, content: bytes) -> StateRecord:
    """What the file of a scope says; HALTED where it is not understood."""
    try:
        document = json.loads(content.decode())
    except UnicodeDecodeError:
        return _unreadable(scope, "the state file is not UTF-8")
    except (ValueError, RecursionError):
        return _unreadable(scope, "the state file is not JSON")
    if (
        not isinstance(document, Mapping)
        or document.get("scope") != scope
        or document.get("state") not in list(TradingState)
    ):
        return _unreadable(scope, "the state file does not say a known state of this scope")
    fields = {name: str(document.get(name, "")) for name in ("reason", "actor", "since_utc")}
    return StateRecord(scope, TradingState(document["state"]), **fields)
