"""A run of the chain killed at random points and repeated leaves the rows of one that was never killed.

    .venv/bin/python -m benchmarks.faults.killed_runs [--kills N] [--seed S] [--dev] [--json]

A child process runs `run_chain` for a zone and some days on a state folder of its own. It is killed with
SIGKILL after a random time, N times over, each time beginning anew on what the last one left; then it may
finish. Every table of the lake, the versions of the model and the champion are compared with a run that was
left alone. After the last run no run may be under way in the Dagster instance of the desk, and no slot of a
pool may be taken. Exit 1 where anything differs.

With --dev it is `spotdesk dev` that is killed, with the server of the code, the daemon and the processes of
runs, while a run loads a history. It is started again: within 60 seconds each dead run is closed and holds no
slot, and the daemon starts it again. Exit 1 where one is not.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
from dagster import DagsterInstance, RunsFilter

from benchmarks.planted.killed_dev import measure_dev
from resources.instance.workers import UNDER_WAY
from resources.settings.environment import read_environment
from resources.wiring import make_lake, make_registry
from spot.contracts.tables import TABLES

ZONE = "FR"
DEV_SECONDS = 60.0
"""From the start of `spotdesk dev` until what died with the one before is closed."""
_CHILD = """
import logging, sys
from datetime import date
from pathlib import Path
from dagster import DagsterInstance
from resources.settings.environment import read_environment
from resources.settings.desk import desk_resource
from resources.instance.prepare import prepare_dagster_home
from desk.in_process import ChainRequest, run_chain

logging.disable(logging.CRITICAL)
environment = read_environment(Path(sys.argv[1]))
desk = desk_resource(
    environment,
    model="fast",
    training_days=90,
    minimum_training_days=60,
    strategies=("settlement_spread", "storage"),
)
request = ChainRequest(zones=("FR",), first_day=date(2025, 9, 24), last_day=date(2025, 10, 7), block_days=7)
print("ready", flush=True)
with DagsterInstance.from_config(str(prepare_dagster_home(environment))) as instance:
    run_chain(request, environment=environment, desk=desk, instance=instance)
"""
_VOLATILE = {"captured_at_utc", "seen_at_utc", "recorded_at_utc"}
"""Instants of our own clock, which say when a row was first seen. They differ between any two runs."""


def run_child(home: Path, *, kill_after: float | None) -> bool:
    """Run the chain on `home`; with `kill_after`, SIGKILL it so many seconds after it is ready.

    Returns whether it finished.
    """
    home.mkdir(exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _CHILD, str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            return child.wait(timeout=kill_after) == 0
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
            return False


def state_of(home: Path) -> dict[str, object]:
    """The rows of every table, and the serving versions."""
    environment = read_environment(home)
    lake, registry = make_lake(environment), make_registry(environment)
    frames = {name: lake.read(name) for name in TABLES}
    state: dict[str, object] = {
        name: frame.drop(_VOLATILE & set(frame.columns)) for name, frame in frames.items()
    }
    state["versions"] = [
        (version.version, version.stage, version.fingerprint) for version in registry.versions(ZONE)
    ]
    champion = registry.champion(ZONE)
    state["champion"] = None if champion is None else champion.version
    return state


def differences(calm: dict[str, Any], killed: dict[str, Any]) -> list[str]:
    """The tables and versions that differ."""
    return [
        name
        for name, value in calm.items()
        if not (value.equals(killed[name]) if isinstance(value, pl.DataFrame) else value == killed[name])
    ]


def held(home: Path) -> tuple[int, int]:
    """How many runs are under way in the instance of the desk, and how many slots of pools are taken."""
    with DagsterInstance.from_config(str(read_environment(home).dagster_home)) as instance:
        storage = instance.event_log_storage
        pools = [storage.get_concurrency_info(pool) for pool in storage.get_concurrency_keys()]
        under_way = instance.get_runs_count(RunsFilter(statuses=list(UNDER_WAY)))
        return under_way, sum(pool.active_slot_count for pool in pools)


def judge_dev(n_kills: int, seed: int, *, as_json: bool) -> int:
    """Kill `spotdesk dev`, print how soon its runs were closed and started again; 1 if one was late."""
    folder = Path(tempfile.mkdtemp(prefix="killed_dev_"))
    rng = random.Random(seed)  # noqa: S311 - when to kill is no secret
    found = []
    for kill in measure_dev(folder, n_kills, rng, DEV_SECONDS):
        found.append(kill)
        print(f"kill {len(found)}: {kill}", file=sys.stderr, flush=True)
    shutil.rmtree(folder)
    n_good = sum(kill.closed_seconds <= DEV_SECONDS and kill.again_seconds < float("inf") for kill in found)
    result = {
        "kills": n_kills,
        "runs": sum(kill.n_runs for kill in found),
        "good": n_good,
        "slowest_closed_seconds": round(max(kill.closed_seconds for kill in found), 1),
        "slowest_again_seconds": round(max(kill.again_seconds for kill in found), 1),
    }
    print(json.dumps(result) if as_json else " ".join(f"{name}: {value}" for name, value in result.items()))
    return 0 if n_good == n_kills else 1


def main() -> int:
    """Kill, repeat, compare, print.

    Raises:
        SystemExit: the run that nobody killed failed.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dev", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.dev:
        return judge_dev(given.kills, given.seed, as_json=given.json)
    random.seed(given.seed)
    folder = Path(tempfile.mkdtemp(prefix="killed_runs_"))
    started = time.perf_counter()
    if not run_child(folder / "calm", kill_after=None):
        raise SystemExit("the run that was left alone failed")
    seconds = time.perf_counter() - started
    n_killed = 0
    for _ in range(given.kills):
        n_killed += not run_child(folder / "killed", kill_after=random.uniform(0.0, seconds * 0.6))  # noqa: S311 - when to kill is no secret
    finished = run_child(folder / "killed", kill_after=None)
    wrong = differences(state_of(folder / "calm"), state_of(folder / "killed"))
    n_runs, n_slots = held(folder / "killed")
    shutil.rmtree(folder)
    result = {
        "kills": given.kills,
        "died": n_killed,
        "finished": finished,
        "tables": len(TABLES),
        "different": wrong,
        "runs_under_way": n_runs,
        "slots_taken": n_slots,
    }
    if given.json:
        print(json.dumps(result))
    else:
        print(
            "| kills | of them before the end | last run finished | tables compared | that differ"
            " | runs under way | slots taken |\n|---|---|---|---|---|---|---|"
        )
        print(
            f"| {given.kills} | {n_killed} | {finished} | {len(TABLES)} | {', '.join(wrong) or 'none'}"
            f" | {n_runs} | {n_slots} |"
        )
    return 0 if finished and not (wrong or n_runs or n_slots) else 1


if __name__ == "__main__":
    sys.exit(main())
