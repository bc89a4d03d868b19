"""How many attacks on the UI get through: requests at the guard, and runs at Dagster without the guard.

    python -m benchmarks.safety.guard [--json]

Each attack is one request on loopback to the real webserver. Exit code 1 where one reaches the app behind the
guard, where a run with a configuration of the attacker is launched or anything arrives at the attacker, or
where something that people need is refused.
"""

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.planted import ui_attacks
from benchmarks.planted.run_attacks import measure_runs
from resources.home.make import make_home
from tests.support.guarded_ui import Ui, guarded_uis


@dataclass(slots=True)
class Found:
    """What was tried, what passed though it must not, and what did not pass though it must."""

    n_tried: int = 0
    passed: list[str] = field(default_factory=list)
    n_allowed: int = 0
    kept_out: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether the guard keeps out what it shall and nothing else."""
        return not self.passed and not self.kept_out


def measure(uis: Mapping[str, Ui]) -> Found:
    """Try every attack and every request that must pass on the servers of `guarded_uis`."""
    found = Found()
    attacks = (
        ("open", ui_attacks.of_a_web_page()),
        ("login", ui_attacks.of_a_stranger()),
        ("login", ui_attacks.of_a_user()),
    )
    for name, (server, request) in ui_attacks.allowed().items():
        uis[server].reached.clear()
        request(uis[server])
        found.n_allowed += 1
        found.kept_out += [] if uis[server].reached else [name]
    for server, group in attacks:
        for name, attack in group.items():
            uis[server].reached.clear()
            attack(uis[server])
            found.n_tried += 1
            found.passed += [name] if _got_through(name, uis[server].reached) else []
    with tempfile.TemporaryDirectory() as folder:
        make_home(Path(folder) / "alone")
        for name, starts in ui_attacks.bindings(Path(folder) / "alone"):
            found.n_tried += 1
            found.passed += [f"bound without users: {name}"] if starts else []
    return found


def _got_through(name: str, reached: list[str]) -> bool:
    """A websocket that may be opened is judged by what is said on it."""
    is_opened = name.startswith("mutation ") or name.endswith(" on a websocket")
    return "mutation on a websocket" in reached if is_opened else bool(reached)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)  # the guard says what it refuses
    with tempfile.TemporaryDirectory() as folder:
        with guarded_uis(Path(folder)) as uis:
            found = measure(uis)
        runs = measure_runs(Path(folder) / "runs")
    found.n_tried += len(runs.tried)
    found.passed += sorted({*runs.launched, *runs.arrived})
    found.kept_out += [] if runs.plain_run == {"refused"} else ["the plain run of a halted desk"]
    if asked.json:
        print(
            json.dumps({"tried": found.n_tried, "passed": found.passed, "kept_out": found.kept_out}, indent=2)
        )
    else:
        print(f"{found.n_tried} attacks tried, {found.n_tried - len(found.passed)} refused")
        print(
            f"{found.n_allowed} requests that people need, {found.n_allowed - len(found.kept_out)} answered"
        )
        for name in (*found.passed, *found.kept_out):
            print(f"  WRONG: {name}")
    sys.exit(0 if found.is_good else 1)


if __name__ == "__main__":
    main()
