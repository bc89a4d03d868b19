"""The stop button: trading state per desk and zone as plain files.

Works with Dagster, MLflow and every daemon dead.

Layout of the folder: one file `<scope>.json` per halt or reduction, `desk.json` for the whole desk,
`zone-<ZONE>.json` for a zone, `log.jsonl`, one line per change, and `senders`, the processes that messages
leave from (locks beside them: `resources/trading/locks.py`). A scope without a file is ACTIVE once the
folder has been set up (`ready` stands in it); a folder that is missing, a file that cannot be read or says
anything unknown is HALTED. Only `resume`, which asks a person for a reason, makes a scope less strict.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from filelock import FileLock, Timeout

from resources.books.state_books import record_before, record_stop
from resources.files import append_regular, write_whole
from resources.trading.leaving.senders import end_senders
from resources.trading.state_files import (
    MARKER,
    StateRecord,
    absent,
    read_record,
    scopes_of,
    state_of,
    twin_of,
)
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError
from spot.market.zones import find_zone
from spot.risk.state import TradingState

MAX_TURN_SECONDS = 0.3
"""The longest that a halt waits for another change of state."""
_LOG = "log.jsonl"
_STRICT = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED)


class StillLeavingError(ConfigurationError):
    """The state is written and nothing new begins, but a process that sends could not be ended."""


class TradingStateStore:
    """State files in `folder`; every write is atomic and on disk before it returns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def set_up(self) -> None:
        """Create the folder of a new desk.

        An existing one is left as it is, and one that was lost is not made anew: both could resume something.
        """
        if not os.path.lexists(self.folder / MARKER) and not os.path.lexists(twin_of(self.folder)):
            self._create()

    def _create(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        twin = b"the trading state folder beside this file has been set up\n"
        write_whole(twin_of(self.folder), twin, durable=True)
        write_whole(self.folder / MARKER, b"trading state folder\n", durable=True)

    def state(self, zone: str | None = None) -> TradingState:
        """The stricter of the desk's state and the zone's; HALTED when anything cannot be read.

        Raises:
            ConfigurationError: there is no such zone.
        """
        return state_of(self.folder, None if zone is None else find_zone(zone).name)

    def record(self, scope: str) -> StateRecord:
        """The record of `desk` or `zone-<ZONE>`; an unreadable one is HALTED and says so."""
        return read_record(self.folder, scope)

    def records(self) -> tuple[StateRecord, ...]:
        """Every scope that has a file, and the desk."""
        return tuple(self.record(name) for name in scopes_of(self.folder))

    def halt(self, zone: str | None = None, *, reason: str, actor: str) -> StateRecord:
        """Halt the desk or a zone.

        When this returns no signal leaves any more, from this process or another, after a restart or not.

        The state is on disk first, so that nothing new begins; then every process that a message is leaving
        from is killed, frozen or not, until a last look finds none. Where the disk takes no file, the whole
        desk is halted by taking away the mark that makes its state readable.

        Raises:
            ConfigurationError: there is no such zone, or the folder can neither be written nor made
                unreadable: NOT halted.
            StillLeavingError: the state is HALTED, and a message may still leave from a process that is
                named.
        """
        try:
            record = self._set(zone, TradingState.HALTED, reason=reason, actor=actor, may_relax=False)
        except OSError as error:
            record = self._halt_without_writing(zone, error)
        self._stopped(zone)
        return record

    def _stopped(self, zone: str | None) -> None:
        """End what is leaving; then, in no hurry any more, tell the books."""
        try:
            self._end_senders(zone)
        finally:
            record_stop(self.folder)

    def _end_senders(self, zone: str | None) -> None:
        left = end_senders(self.folder, zone)
        if left:
            raise StillLeavingError(
                f"NOT HALTED YET: the state is on disk and nothing new begins, but a message may still leave:"
                f" {'; '.join(left)}. End it or cut its network, press again, and call the exchange"
            )

    def _halt_without_writing(self, zone: str | None, error: OSError) -> StateRecord:
        scope = "desk" if zone is None else _scope(zone)
        try:
            if self.record(scope).state is not TradingState.HALTED:
                (self.folder / MARKER).unlink(missing_ok=True)
            elif not os.path.lexists(twin_of(self.folder)):
                twin_of(
                    self.folder
                ).touch()  # a desk that was never set up: the first run would make it active
        except OSError as second:
            raise ConfigurationError(
                f"NOT HALTED: the trading state in {self.folder} cannot be written ({error}; {second})."
                " End the processes that send, or cut their network, and call the exchange"
            ) from second
        before = self.record(scope)
        return replace(before, reason=f"{before.reason}; this halt could not be written: {error}")

    def reduce(self, zone: str | None = None, *, reason: str, actor: str) -> StateRecord:
        """Allow only what makes open positions smaller; a halt stays a halt.

        What is just leaving is ended as by a halt: it was decided while more was allowed.

        Raises:
            StillLeavingError: as `halt`.
        """
        record = self._set(zone, TradingState.REDUCING, reason=reason, actor=actor, may_relax=False)
        self._stopped(zone)
        return record

    def resume(self, zone: str | None = None, *, reason: str, actor: str) -> StateRecord:
        """Back to ACTIVE, by a person, with a reason.

        Raises:
            ConfigurationError: the reason or the person's name is empty, or a zone of a desk whose own state
                cannot be known.
        """
        if not reason.strip() or not actor.strip():
            raise ConfigurationError("resuming needs a reason and the name of a person")
        if not os.path.lexists(self.folder / MARKER):
            if zone is not None:  # setting the folder up again for one zone would resume all the others
                raise ConfigurationError(
                    f"{absent(self.folder)}; resume the whole desk first: {self.record('desk').cure}"
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
                        timeout=MAX_TURN_SECONDS if state is TradingState.HALTED else -1, poll_interval=0.005
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
            line = json.dumps({**asdict(record), "before": before.state}) + "\n"
            if state is TradingState.ACTIVE:  # nothing is let go that the books and the log do not know
                record_before(self.folder, line)
                append_regular(self.folder / _LOG, line)
            write_whole(self.folder / f"{scope}.json", text.encode(), durable=True)
            if state is not TradingState.ACTIVE:
                record = self._logged(record, line)
        return record

    def _logged(self, record: StateRecord, line: str) -> StateRecord:
        """The record once the log has it; a log that takes nothing is no reason not to stop."""
        try:
            append_regular(self.folder / _LOG, line)
        except OSError as error:
            return replace(
                record, reason=f"{record.reason}; the log of changes could not be written: {error}"
            )
        return record


def _scope(zone: str) -> str:
    return f"zone-{find_zone(zone).name}"
