"""How fast another version serves, and what a promotion leaves that is killed.

`python -m benchmarks.lifecycle.model_switch [--json]`.

Kills: a child process promotes and rolls back without a pause and is killed with SIGKILL after a random time;
each time the alias must name the old or the new version, whose files load and have the registered checksums.
Rollbacks: the whole command `spotdesk rollback`, Python's start included, timed until this process, which
stands for the next signal, is given the other version and has loaded it. Exit code 1 where a champion is
broken or a rollback takes 5 seconds or more.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from resources.home.make import make_home
from resources.models.registry import ModelRegistry
from resources.models.version import VersionFacts
from resources.settings.environment import read_environment
from resources.wiring import make_registry
from spot.contracts.panel import DeliveryPanel
from spot.errors import ModelError
from spot.forecast.members import load_settings_mapping, make_forecaster

ROOT = Path(__file__).resolve().parents[2]

ZONE, FIRST, N_DAYS = "BE", date(2024, 1, 1), 60
ALLOWED_SECONDS = 5.0
_SWITCH_FOR_EVER = """
import sys
from pathlib import Path
from resources.settings.environment import read_environment
from resources.wiring import make_registry
registry = make_registry(read_environment(Path(sys.argv[1])))
registry.promote("BE", "1")
print("ready", flush=True)
while True:
    for version in ("2", "1"):
        registry.promote("BE", version)
    for version in ("2", "1"):
        registry.rollback("BE", version)
"""


def registered(home: Path) -> ModelRegistry:
    """A registry with two versions, of which the first serves."""
    make_home(home)
    registry = make_registry(read_environment(home))
    through = FIRST + timedelta(days=N_DAYS - 1)
    for seed in (1, 2):
        prices = np.random.default_rng(seed).normal(60.0, 15.0, (N_DAYS, 24))
        panel = DeliveryPanel(
            zone=ZONE,
            days=np.arange(np.datetime64(FIRST), np.datetime64(FIRST) + N_DAYS),
            n_periods=np.full(N_DAYS, 24),
            resolution_minutes=np.full(N_DAYS, 60),
            prices=prices,
            inputs={},
            holiday_fraction=np.zeros(N_DAYS),
        )
        model = make_forecaster(load_settings_mapping({"kind": "naive", "rule": "weekly"})).fit(panel)
        facts = VersionFacts(
            settings={"kind": "naive"},
            metrics={},
            fingerprint=f"made up {seed}",
            lineage="simulated",
            trained_from=FIRST,
            trained_through=through,
            serves_from=through + timedelta(days=1),
            tags={"data_version": "made up"},
        )
        registry.register(ZONE, model.to_files(), facts)
    registry.promote(ZONE, "1")
    return registry


def kill_promotions(home: Path, registry: ModelRegistry, n_kills: int, seed: int) -> dict[str, Any]:
    """Kill the switching child `n_kills` times; count who served afterwards, and broken champions."""
    moments = random.Random(seed)  # noqa: S311 - when to kill is no secret
    served, broken = [], 0
    for _ in range(n_kills):
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _SWITCH_FOR_EVER, str(home)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(moments.uniform(0.0, 0.5))
            child.kill()
        try:
            model, champion = registry.load(ZONE, "champion")
            broken += champion.version not in ("1", "2") or dict(model.to_files()) != registry.files(champion)
            served.append(champion.version)
        except ModelError:
            broken += 1
    return {
        "kills": n_kills,
        "served_after": {version: served.count(version) for version in ("1", "2")},
        "broken_champions": broken,
    }


def time_rollbacks(home: Path, registry: ModelRegistry, n_trials: int) -> dict[str, Any]:
    """Seconds from the start of the command until the next signal would be made with the other version.

    Raises:
        SystemExit: `spotdesk rollback` failed.
    """
    environment = {**os.environ, "SPOTDESK_HOME": str(home)}
    seconds, busy = [], resource.getrusage(resource.RUSAGE_CHILDREN)
    for number in range(n_trials):
        registry.promote(ZONE, "2")
        words = [
            sys.executable,
            "-m",
            "desk.main",
            "rollback",
            "--zone",
            ZONE,
            "--by",
            "Benchmark",
            "--reason",
            f"trial {number}",
        ]
        started = time.perf_counter()
        with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as command:
            while registry.champion_for(ZONE, FIRST + timedelta(days=N_DAYS), "simulated").version != "1":
                if command.poll() not in (None, 0):
                    raise SystemExit("spotdesk rollback failed")
                time.sleep(0.02)
            registry.load(ZONE, "champion")
            seconds.append(time.perf_counter() - started)
    if not seconds:
        return {"rollbacks": 0}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime - busy.ru_utime - busy.ru_stime) / n_trials
    return {
        "rollbacks": n_trials,
        "median_s": float(np.median(seconds)),
        "slowest_s": max(seconds),
        "cpu_s": cpu,
    }


def main() -> int:
    """Print the figures; 1 where one is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rollbacks", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="model_switch_") as folder:
        home = Path(folder)
        registry = registered(home)
        result = {
            **kill_promotions(home, registry, words.kills, words.seed),
            **time_rollbacks(home, registry, words.rollbacks),
        }
    result["passed"] = result["broken_champions"] == 0 and result.get("slowest_s", 0.0) < ALLOWED_SECONDS
    if words.json:
        print(json.dumps(result, indent=2))
    else:
        print(
            f"killed promotions   {result['kills']}, champion old or new {result['served_after']}, broken"
            f" {result['broken_champions']} (0 allowed)"
        )
        if words.rollbacks:
            print(
                f"spotdesk rollback   {words.rollbacks} times, median {result['median_s']:.2f} s, slowest"
                f" {result['slowest_s']:.2f} s (5 s allowed)"
            )
            busy = os.getloadavg()[0] / (os.cpu_count() or 1)
            print(
                f"                    {result['cpu_s']:.2f} s of CPU each, start included; this machine has"
                f" {busy:.1f} processes per core now"
            )
        print("passed" if result["passed"] else "FAILED")
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
