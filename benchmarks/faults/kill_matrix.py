"""Each stage of a desk, killed at random instants and given again: nothing lost, doubled or left over.

    python -m benchmarks.faults.kill_matrix [--kills 20] [--stages ingest,promote] [--seed 1] [--json]

Each trial copies a prepared desk, begins the command of the stage in a process of its own, and kills it with
SIGKILL at a random instant of the time that it needs. Right after the kill the desk must be readable, have at
most one champion and no damaged file. Then the same command is given again, in a new process. The desk must
equal one that nobody killed, and no folder or half of a file may be left. Exit code 1 where anything differs.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.planted.killed_stages import STAGES, Stage, State, copy_desk, leftovers, state_of

_CONTEXT = multiprocessing.get_context("forkserver")
"""New processes that have the imports already, and neither threads nor caches of this one."""
_CONTEXT.set_forkserver_preload(["benchmarks.planted.killed_stages"])
_MODELS = ["mlflow", "mlflow.store.tracking.sqlalchemy_store"]
"""Loaded before the stages that use them, so that kills meet the work of a stage and not its imports."""
_LONGEST_SECONDS = 120.0


def _child(name: str, home: str, began: Connection) -> None:
    stage = next(one for one in STAGES if one.name == name)
    began.send("began")
    stage.work(Path(home))


def begin(stage: Stage, home: Path, *, kill_after: float | None) -> tuple[bool, float]:
    """Give the command of a stage; whether it ended by itself, and after how many seconds.

    Raises:
        SystemExit: the command failed, which no kill explains.
    """
    here, there = _CONTEXT.Pipe()
    child = _CONTEXT.Process(target=_child, args=(stage.name, str(home), there))
    child.start()
    here.recv()
    started = time.perf_counter()
    child.join(_LONGEST_SECONDS if kill_after is None else kill_after)
    took = time.perf_counter() - started
    was_killed = child.is_alive()
    if was_killed:
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
    elif child.exitcode != 0:
        raise SystemExit(f"{stage.name} failed by itself (exit code {child.exitcode})")
    return not was_killed, took


def trial(stage: Stage, made: Path, folder: Path, calm: State, kill_after: float) -> tuple[bool, list[str]]:
    """One kill; whether the process died by it, and what was wrong afterwards."""
    home = copy_desk(made, folder / "trial")
    ended, _ = begin(stage, home, kill_after=kill_after)
    wrong = []
    if not ended:
        try:
            between = state_of(home)
        except Exception as error:  # noqa: BLE001 - whatever a reader meets after a kill is what is counted
            wrong.append(f"unreadable after the kill: {type(error).__name__}: {error}"[:300])
        else:
            wrong += ["damaged after the kill"] if between["damaged"] else []
            wrong += [] if between.get("one champion", True) else ["two champions after the kill"]
        begin(stage, home, kill_after=None)
    after = state_of(home)
    wrong += [f"{name} differs" for name in calm | after if calm.get(name) != after.get(name)]
    return not ended, wrong + [f"left over: {name}" for name in leftovers(home)]


def measure(stage: Stage, n_kills: int, seed: int) -> dict[str, Any]:
    """Kills of one stage and what was wrong after them."""
    rng, wrong, n_died = random.Random(seed), Counter[str](), 0  # noqa: S311 - when to kill is no secret
    with tempfile.TemporaryDirectory(prefix="kill_matrix_") as name:
        folder = Path(name)
        made = folder / "made" / "home"
        made.parent.mkdir()
        stage.prepare(made)
        home = copy_desk(made, folder / "calm")
        _, seconds = begin(stage, home, kill_after=None)
        calm = state_of(home)
        for _ in range(n_kills):
            died, faults = trial(stage, made, folder, calm, rng.uniform(0.0, seconds))
            n_died += died
            wrong.update(faults)
    return {
        "stage": stage.name,
        "kills": n_kills,
        "of them before the end": n_died,
        "seconds of the stage": round(seconds, 2),
        "wrong": dict(wrong),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--stages", default=",".join(stage.name for stage in STAGES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    chosen = [stage for stage in STAGES if stage.name in given.stages.split(",")]
    _CONTEXT.set_forkserver_preload(["benchmarks.planted.killed_stages", *_MODELS])
    found = [measure(stage, given.kills, given.seed) for stage in chosen]
    if given.json:
        print(json.dumps(found))
    else:
        print("| stage | kills | before the end | seconds | wrong |\n|---|---|---|---|---|")
        for row in found:
            print("| " + " | ".join(str(value or "nothing") for value in row.values()) + " |")
    return 1 if not found or any(row["wrong"] for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
