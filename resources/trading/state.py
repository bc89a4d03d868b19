"""The stop button: trading state per desk and zone as plain files.

Works with Dagster, MLflow and every daemon dead.

Layout of the folder: one file `<scope>.json` per halt or reduction, `desk.json` for the whole desk,
`zone-<ZONE>.json` for a zone, and `log.jsonl`, one line per change; `sending` is locked while a message
leaves (the other locks beside it: `resources/trading/locks.py`). A scope without a file is ACTIVE once the
folder has been set up (`ready` stands in it); a folder that is missing, a file that cannot be read or says
anything unknown is HALTED. Only `resume`, which asks a person for a reason, makes a scope less strict.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from resources.files import write_whole
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError
from spot.market.zones import find_zone
from spot.risk.state import TradingState, stricter

MAX_SENDING_SECONDS = 10.0
"""The longest that one message may take to leave."""
MAX_TURN_SECONDS = 0.5
"""The longest that a halt waits for another change of state."""
_MARKER = "ready"
_STRICT = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED)


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


class TradingStateStore:
    """State files in `folder`; every write is atomic and on disk before it returns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def set_up(self) -> None:
        """Create the folder of a new desk.

        An existing one is left as it is, and one that was lost is not made anew: both could resume something.
        """
        if not (self.folder / _MARKER).exists() and not self._twin.exists():
            self._create()

    def _create(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._twin, b"the trading state folder beside this file has been set up\n", durable=True)
        write_whole(self.folder / _MARKER, b"trading state folder\n", durable=True)

    @property
    def _twin(self) -> Path:
        """A file beside the folder that outlives it."""
        return self.folder.parent / f".{self.folder.name}_was_set_up"

    @property
    def _absent(self) -> str:
        """Why there is no state to read: a new desk, or one whose state was lost."""
        if self._twin.exists():
            return (
                "the trading state was lost, or could not be written by a halt: nobody knows who halted what"
            )
        return "the trading state has not been set up: the first `spotdesk run` does it"

    def state(self, zone: str | None = None) -> TradingState:
        """The stricter of the desk's state and the zone's; HALTED when anything cannot be read."""
        scopes = ["desk"] if zone is None else ["desk", _scope(zone)]
        return stricter(*(self.record(scope).state for scope in scopes))

    def record(self, scope: str) -> StateRecord:
        """The record of `desk` or `zone-<ZONE>`; an unreadable one is HALTED and says so."""
        try:
            if not (self.folder / _MARKER).is_file():
                return _unreadable(scope, self._absent)
            text = (self.folder / f"{scope}.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return StateRecord(scope, TradingState.ACTIVE, "", "", "")
        except (OSError, UnicodeDecodeError) as error:
            return _unreadable(scope, f"cannot be read: {error}")
        return _parse(scope, text)

    def records(self) -> tuple[StateRecord, ...]:
        """Every scope that has a file, and the desk."""
        names = (
            {"desk"} | {path.stem for path in self.folder.glob("*.json")}
            if self.folder.is_dir()
            else {"desk"}
        )
        return tuple(self.record(name) for name in sorted(names))

    def halt(self, zone: str | None = None, *, reason: str, actor: str) -> StateRecord:
        """Halt the desk or a zone.

        When this returns no signal leaves any more, in this process or another, after a restart or not.

        The state is on disk first, so that nothing new begins; then a message that is just leaving is waited
        for. Where the disk takes no file, the whole desk is halted by taking away the mark that makes its
        state readable.

        Raises:
            ConfigurationError: the folder can neither be written nor made unreadable: NOT halted.
        """
        try:
            record = self._set(zone, TradingState.HALTED, reason=reason, actor=actor, may_relax=False)
        except OSError as error:
            record = self._halt_without_writing(zone, error)
        with (
            contextlib.suppress(Timeout, OSError),
            self._sending_lock().acquire(timeout=MAX_SENDING_SECONDS, poll_interval=0.002),
        ):
            pass
        return record

    def _halt_without_writing(self, zone: str | None, error: OSError) -> StateRecord:
        scope = "desk" if zone is None else _scope(zone)
        if self.record(scope).state is not TradingState.HALTED:
            try:
                (self.folder / _MARKER).unlink(missing_ok=True)
            except OSError as second:
                raise ConfigurationError(
                    f"NOT HALTED: the trading state in {self.folder} cannot be written ({error}; {second})."
                    " End the processes that send, or cut their network, and call the exchange"
                ) from second
        before = self.record(scope)
        return StateRecord(
            scope,
            before.state,
            f"{before.reason}; this halt could not be written: {error}",
            before.actor,
            before.since_utc,
        )

    @contextlib.contextmanager
    def sending(self, zone: str) -> Iterator[TradingState]:
        """Hold the right to send one message, and yield the state as it is now.

        What is sent must have left, or failed, within ten seconds.
        """
        with self._sending_lock().acquire(poll_interval=0.002):
            yield self.state(zone)

    def _sending_lock(self) -> FileLock:
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / "sending")

    def reduce(self, zone: str | None = None, *, reason: str, actor: str) -> StateRecord:
        """Allow only what makes open positions smaller; a halt stays a halt."""
        return self._set(zone, TradingState.REDUCING, reason=reason, actor=actor, may_relax=False)

    def resume(self, zone: str | None = None, *, reason: str, actor: str) -> StateRecord:
        """Back to ACTIVE, by a person, with a reason.

        Raises:
            ConfigurationError: the reason or the person's name is empty, or a zone of a desk whose own state
                cannot be known.
        """
        if not reason.strip() or not actor.strip():
            raise ConfigurationError("resuming needs a reason and the name of a person")
        if not (self.folder / _MARKER).exists():
            if zone is not None:  # setting the folder up again for one zone would resume all the others
                raise ConfigurationError(
                    f"{self._absent}; resume the whole desk first: {self.record('desk').cure}"
                )
            self._create()
        return self._set(zone, TradingState.ACTIVE, reason=reason, actor=actor, may_relax=True)

    @contextlib.contextmanager
    def _turn(self, state: TradingState) -> Iterator[None]:
        """The turn to write.

        A halt goes ahead without it where whoever has it, perhaps a frozen process, does not let go.
        """
        with contextlib.ExitStack() as held:
            with contextlib.suppress(Timeout):
                held.enter_context(
                    FileLock(self.folder / "lock").acquire(
                        timeout=MAX_TURN_SECONDS if state is TradingState.HALTED else -1
                    )
                )
            yield

    def _set(
        self, zone: str | None, state: TradingState, *, reason: str, actor: str, may_relax: bool
    ) -> StateRecord:
        scope = "desk" if zone is None else _scope(zone)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._turn(state):
            before = self.record(scope)
            if not may_relax and _STRICT.index(state) < _STRICT.index(before.state):
                return before
            record = StateRecord(
                scope,
                state,
                reason.strip() or "no reason given",
                actor.strip() or "unknown",
                utc_now().isoformat(),
            )
            text = json.dumps(asdict(record), indent=1) + "\n"
            write_whole(self.folder / f"{scope}.json", text.encode(), durable=True)
            _append_durably(
                self.folder / "log.jsonl", json.dumps({**asdict(record), "before": before.state}) + "\n"
            )
        return record


def _scope(zone: str) -> str:
    find_zone(zone)
    return f"zone-{zone}"


def _unreadable(scope: str, why: str) -> StateRecord:
    return StateRecord(scope, TradingState.HALTED, why, "", "")


def _parse(scope: str, text: str) -> StateRecord:
    try:
        document = json.loads(text)
    except ValueError:
        return _unreadable(scope, "the state file is not JSON")
    if (
        not isinstance(document, Mapping)
        or document.get("scope") != scope
        or document.get("state") not in list(TradingState)
    ):
        return _unreadable(scope, "the state file does not say a known state of this scope")
    fields = {name: str(document.get(name, "")) for name in ("reason", "actor", "since_utc")}
    return StateRecord(scope, TradingState(document["state"]), **fields)


def _append_durably(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
