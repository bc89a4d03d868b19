"""What flipped bits and cut files of the lake lead to: a refusal by name, never a wrong row or a crash.

    python -m benchmarks.damage [--flips 300] [--cuts 60] [--seed 7] [--json]

A small lake is written: prices of two zones in 12 commits, so that the log has a checkpoint. Each trial
damages one file of one kind (data file, file of the log, checksum), reads the table as a new process does,
and undoes the damage. A trial is `refused` (an error that names the table), `unharmed` (the rows are right)
or a fault: `silent` (other rows) or `crash` (any other exception). Exit code 1 on a fault.
"""

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from resources.lake.checked_reads import forget_checked
from resources.lake.lake import Lake
from spot.errors import ContractError
from spot.market.delivery import days_between
from tests.support.raw_rows import ramp, raw_day

TABLE = "day_ahead_prices"
KINDS = {"data file": "zone=*/**/*.parquet", "log": "_delta_log/*", "checksum": "_checksums/*"}
FAULTS = ("silent", "crash")
_FIRST = date(2024, 1, 1)
_COMMITS = 12
_DAYS_PER_COMMIT = 4


def make_lake(folder: Path) -> Lake:
    """A lake of one table with 12 commits, and so with a checkpoint of its log, over two months."""
    lake = Lake(uri=str(folder))
    for at in range(_COMMITS):
        first = _FIRST + timedelta(days=_DAYS_PER_COMMIT * at)
        days = days_between(first, first + timedelta(days=_DAYS_PER_COMMIT - 1))
        rows = [raw_day(TABLE, zone, day, ramp(zone, day)) for zone in ("DE_LU", "FR") for day in days]
        lake.append(TABLE, pl.concat(rows), source="files")
    return lake


def flipped(content: bytes, rng: random.Random) -> bytes:
    """`content` with one bit changed."""
    changed = bytearray(content)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(content: bytes, rng: random.Random) -> bytes:
    """`content` without its end."""
    return content[: rng.randrange(len(content))]


def outcome(lake: Lake, sound: pl.DataFrame) -> str:
    """What a reader of the table gets."""
    forget_checked()
    try:
        rows = lake.read(TABLE)
    except ContractError as error:
        return "refused" if TABLE in str(error) else "crash"
    except BaseException as error:  # noqa: BLE001 - a panic of a Rust library is no Exception
        print(f"crash: {type(error).__name__}: {error}", file=sys.stderr)
        return "crash"
    return "unharmed" if rows.equals(sound) else "silent"


def measure(n_flips: int, n_cuts: int, seed: int) -> list[dict[str, object]]:
    """Outcomes of `n_flips` flipped bits and `n_cuts` cuts for each kind of file."""
    rng, found = random.Random(seed), []  # noqa: S311 - places of damage, no secret
    with tempfile.TemporaryDirectory() as folder:
        lake = make_lake(Path(folder) / "lake")
        sound = lake.read(TABLE)
        for kind, pattern in KINDS.items():
            paths = sorted(path for path in (Path(folder) / "lake" / TABLE).glob(pattern) if path.is_file())
            for damage, n_trials in ((flipped, n_flips), (cut, n_cuts)):
                counts: Counter[str] = Counter()
                for _ in range(n_trials):
                    path = rng.choice(paths)
                    content = path.read_bytes()
                    path.write_bytes(damage(content, rng))
                    counts[outcome(lake, sound)] += 1
                    path.write_bytes(content)
                names = ("refused", "unharmed", *FAULTS)
                found.append(
                    {"file": kind, "damage": damage.__name__, "trials": n_trials}
                    | {name: counts[name] for name in names}
                )
    return found


def main() -> None:
    """Print the outcomes of every kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--flips", type=int, default=300)
    parser.add_argument("--cuts", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    rows = measure(chosen.flips, chosen.cuts, chosen.seed)
    print(json.dumps(rows, indent=1) if chosen.json else pl.DataFrame(rows))
    if any(row[fault] for row in rows for fault in FAULTS):
        sys.exit(1)


if __name__ == "__main__":
    main()
