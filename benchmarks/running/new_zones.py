"""A new zone in minutes: how long is the way from an empty desk to "trade" or "do not trade, because".

    .venv/bin/python -m benchmarks.running.new_zones [--zone NAME]... [--days N] [--json]

Each zone gets a desk of its own on the simulated market: `spotdesk init`, then `spotdesk assess`. Aim: at
most 300 seconds and a verdict with its reasons, without a hand. Exit 1 where a zone misses it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from spot.market.zones import TRADED_ZONES
from spot.simulation.profiles import PROFILES

AIM_SECONDS = 300.0
_LONGEST = 900


def assessed(zone: str, folder: Path, n_days: int) -> dict[str, Any]:
    """Seconds and verdict of one zone; why, where there is none."""
    home, started = folder / zone, time.perf_counter()
    make = ["init", str(home), "--zone", zone, "--source", "simulated"]
    look = ["--home", str(home), "assess", "--zone", zone, "--days", str(n_days), "--json"]
    for words in (make, look):
        done = subprocess.run(
            [sys.executable, "-m", "desk.main", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST,
        )
    row: dict[str, Any] = {"zone": zone, "seconds": round(time.perf_counter() - started, 1)}
    if done.returncode not in (0, 1) or not done.stdout.startswith("{"):
        return {**row, "verdict": "none", "why": done.stderr.strip()[-300:]}
    advice = json.loads(done.stdout)["advice"]
    return {**row, "verdict": "trade" if advice["trades"] else "do not trade", "why": advice["reasons"][-1]}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    simulated = sorted(set(TRADED_ZONES) & set(PROFILES))
    parser.add_argument("--zone", action="append", choices=simulated, help="default: all simulated zones")
    parser.add_argument("--days", type=int, default=120, help="days of the backtest")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for zone in given.zone or simulated:
            rows.append(row := assessed(zone, Path(folder), given.days))
            if not given.json:
                print(f"{zone:<20} {row['seconds']:>6} s  {row['verdict']}: {row['why']}", flush=True)
    missed = [row for row in rows if row["verdict"] == "none" or row["seconds"] > AIM_SECONDS]
    if given.json:
        print(json.dumps(rows))
    else:
        slowest = max(row["seconds"] for row in rows)
        print(f"{len(rows) - len(missed)} of {len(rows)} zones within {AIM_SECONDS:g} s, slowest {slowest} s")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
