"""A new zone in minutes: how long is the way from an empty desk to "trade" or "do not trade, because".

    .venv/bin/python -m benchmarks.running.new_zones [--zone NAME]... [--days N] [--json]

Each zone gets a desk of its own on the simulated market: `spotdesk init`, then `spotdesk assess`. By default
35 zones: those of the coupled auction without five of Italy, and CH and GB beside it. Aim: at most 300
seconds by the clock and a verdict with its reasons, without a hand, in 30 of 35 zones. Exit 1 where fewer
reach it. The processor time of all processes of a zone stands beside the clock, because on a machine that
other work shares the clock measures that work too.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spot.market.zones import TRADED_ZONES
from spot.simulation.profiles import PROFILES

AIM_SECONDS = 300.0
_AIM = (30, 35)
"""So many of so many zones."""
_LONGEST = 1800
"""Seconds after which a command is given up."""
_LEFT_OUT = frozenset({"IT_CALA", "IT_CNOR", "IT_CSUD", "IT_SARD", "IT_SICI"})
"""So that 35 remain. They are like IT_SUD."""


def simulated_zones() -> list[str]:
    """Zones that live and have a simulated market."""
    return sorted(name for name in PROFILES if TRADED_ZONES[name].last_day is None)


def assessed(zone: str, folder: Path, n_days: int) -> dict[str, Any]:
    """Seconds, processor seconds and verdict of one zone; why, where there is none."""
    home, started, before = folder / zone, time.perf_counter(), _processor_seconds()
    answer = _answer(zone, home, n_days)
    row: dict[str, Any] = {
        "zone": zone,
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(_processor_seconds() - before, 1),
    }
    if not answer.startswith("{"):
        return {**row, "verdict": "none", "why": answer.strip()[-300:]}
    advice = json.loads(answer)["advice"]
    return {**row, "verdict": "trade" if advice["trades"] else "do not trade", "why": advice["reasons"][-1]}


def _answer(zone: str, home: Path, n_days: int) -> str:
    """What `assess` says as JSON, or what went wrong."""
    make = ["init", str(home), "--zone", zone, "--source", "simulated"]
    look = ["--home", str(home), "assess", "--zone", zone, "--days", str(n_days), "--json"]
    answer = ""
    for words in (make, look):
        try:
            done = subprocess.run(
                [sys.executable, "-m", "desk.main", *words],
                capture_output=True,
                text=True,
                check=False,
                timeout=_LONGEST,
            )
        except subprocess.TimeoutExpired:
            return f"{words[0]} gave no answer in {_LONGEST} s"
        if done.returncode not in (0, 1):
            return done.stderr or f"{words[0]} ended with {done.returncode}"
        answer = done.stdout or done.stderr
    return answer


def _processor_seconds() -> float:
    """Of all children that have ended, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def within(rows: Sequence[dict[str, Any]], measure: str) -> int:
    """How many rows have a verdict within the aim by `measure`."""
    return sum(row["verdict"] != "none" and row[measure] <= AIM_SECONDS for row in rows)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--zone", action="append", choices=simulated_zones(), help="default: 35 zones")
    parser.add_argument("--days", type=int, default=120, help="days of the backtest")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for zone in given.zone or [name for name in simulated_zones() if name not in _LEFT_OUT]:
            rows.append(row := assessed(zone, Path(folder), given.days))
            if not given.json:
                spent = f"{row['seconds']:>6} s  {row['processor_seconds']:>6} CPU s"
                print(f"{zone:<8} {spent}  {row['verdict']}: {row['why']}", flush=True)
    if given.json:
        print(json.dumps(rows))
    else:
        clock, processor = (within(rows, name) for name in ("seconds", "processor_seconds"))
        slowest = max(row["seconds"] for row in rows)
        print(f"{clock} of {len(rows)} zones within {AIM_SECONDS:g} s by the clock, slowest {slowest} s")
        print(f"{processor} of {len(rows)} zones within {AIM_SECONDS:g} s of processor time")
    return int(within(rows, "seconds") * _AIM[1] < _AIM[0] * len(rows))


if __name__ == "__main__":
    sys.exit(main())
