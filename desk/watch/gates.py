"""Gates that come near without signals, as `spotdesk watch` asks for them.

The tables are read by a process of its own, `python -m desk.watch.gates`: reading needs large libraries and
may hang, and the watch stays small and goes on. It says which gate comes next in each zone, and what is
missing where one is near.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from desk.watch.incidents import Finding
from resources.home.find import chosen_home, home_of_option
from resources.wall_clock import utc_now

if TYPE_CHECKING:
    import polars as pl

    from resources.settings.environment import Environment
    from resources.settings.zone_settings import ZoneSettings

_BESIDE_A_GATE = timedelta(seconds=60)
_AT_MOST = timedelta(minutes=30)
"""How often is asked while no gate is near: settings may have changed."""
_LONGEST = timedelta(seconds=120)
_BLIND_AFTER = 3
"""Answers in a row that did not come before it is told."""


@dataclass(frozen=True, slots=True)
class GateAhead:
    """The next gate of a zone, and what has no signal where the gate is near."""

    zone: str
    day: str
    gate_utc: str
    asked_from_utc: str
    missing: str


class GateWatch:
    """Asks in the background, and says what the last answer found."""

    def __init__(self) -> None:
        self._asked: tuple[subprocess.Popen[bytes], datetime] | None = None
        self._gates: list[GateAhead] = []
        self._next_utc = datetime.min.replace(tzinfo=UTC)
        self._n_failed, self._why = 0, ""

    def findings(self, now: datetime) -> list[Finding]:
        """What is missing by the last answer; asks for the next one where it is time."""
        if self._asked is not None:
            self._take_answer(*self._asked, now)
        if self._asked is None and now >= self._next_utc:
            self._asked = _ask(), now
        found = [_finding(gate) for gate in self._gates if gate.missing]
        if self._n_failed >= _BLIND_AFTER:
            said = f"the watch cannot see whether there are signals before a gate: {self._why}"
            found.append(Finding("no_signal_before_gate", said))
        return [one for one in found if one.ends_utc is None or now < one.ends_utc]

    def end(self) -> None:
        """End the process that is asked, if there is one."""
        if self._asked is not None:
            self._asked[0].kill()
            self._asked[0].communicate()
            self._asked = None

    def _take_answer(self, asked: "subprocess.Popen[bytes]", since: datetime, now: datetime) -> None:
        if asked.poll() is None:
            if now - since > _LONGEST:
                self.end()
                self._failed(f"no answer within {_LONGEST.total_seconds():.0f} s", now)
            return
        out, err = asked.communicate()
        self._asked = None
        try:
            self._gates = [GateAhead(**one) for one in json.loads(out)]
        except (ValueError, TypeError):
            last = err.decode(errors="replace").strip().splitlines()
            self._failed(last[-1][:300] if last else f"exit code {asked.returncode}", now)
            return
        self._n_failed, self._why = 0, ""
        near = [datetime.fromisoformat(gate.asked_from_utc) for gate in self._gates]
        self._next_utc = min([max(at, now + _BESIDE_A_GATE) for at in near] + [now + _AT_MOST])

    def _failed(self, why: str, now: datetime) -> None:
        self._n_failed, self._why = self._n_failed + 1, why
        self._next_utc = now + _BESIDE_A_GATE


def _ask() -> "subprocess.Popen[bytes]":
    """The process that reads the tables; its answers are some kilobytes, which a pipe holds."""
    home = home_of_option()
    words = [sys.executable, "-m", "desk.watch.gates", *([str(home)] if home else [])]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _finding(gate: GateAhead) -> Finding:
    closes = datetime.fromisoformat(gate.gate_utc)
    said = f"{gate.missing}; the gate closes at {closes:%H:%M} UTC (seen from outside the daemon)"
    return Finding("no_signal_before_gate", said, gate.zone, closes)


def gates_ahead(now: datetime) -> list[GateAhead]:
    """The next gate of each scheduled zone; what is missing is looked up only where it is near.

    Raises:
        ConfigurationError: a setting is wrong.
        ContractError: the table of signals is damaged.
    """
    from resources.settings.desk import desk_settings
    from resources.settings.environment import read_environment

    environment = read_environment()
    zones = desk_settings(environment).zones
    return [_gate_ahead(environment, zone, own, now) for zone, own in zones.items() if own.is_scheduled]


def _gate_ahead(environment: "Environment", zone: str, own: "ZoneSettings", now: datetime) -> GateAhead:
    from spot.market.gates import next_gate

    day, gate = next_gate(zone, now)
    near = gate - timedelta(minutes=own.silence_minutes)
    missing = _missing(environment, zone, own, day, now) if now >= near else ""
    return GateAhead(zone, day.isoformat(), gate.isoformat(), near.isoformat(), missing)


def _missing(environment: "Environment", zone: str, own: "ZoneSettings", day: date, now: datetime) -> str:
    from resources.plugins.shipped import settings_file
    from resources.settings.yaml_file import read_yaml
    from spot.strategy.outbox.silence import assess_silence

    folder = environment.settings_folder
    files = [read_yaml(settings_file(folder, "strategies", name)).content for name in own.strategies]
    verdict = assess_silence(
        _signals(environment, zone, day),
        zone=zone,
        delivery_day=day,
        strategies=[str(file.get("strategy")) for file in files],
        now=now,
        minutes_before_gate=own.silence_minutes,
    )
    return "; ".join(verdict.reasons)


def _signals(environment: "Environment", zone: str, day: date) -> "pl.DataFrame":
    from resources.lake.delta_table import StoredTable
    from resources.lake.s3 import with_credentials
    from spot.contracts.signal_tables import SIGNALS

    uri = f"{environment.lake_uri}/{SIGNALS.name}"
    stored = StoredTable(SIGNALS, uri, with_credentials(uri, environment.storage_options))
    delta = stored.open()
    if delta is None:
        return SIGNALS.empty()
    return stored.rows(delta, zones=[zone], first_day=day, last_day=day).collect()


def main(arguments: list[str]) -> None:
    """Print the gates ahead as JSON; a problem is one line on standard error, and exit code 2."""
    from spot.errors import SpotdeskError

    try:
        with chosen_home(Path(arguments[0]) if arguments else None):
            answer = [asdict(gate) for gate in gates_ahead(utc_now())]
    except SpotdeskError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(2)
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
