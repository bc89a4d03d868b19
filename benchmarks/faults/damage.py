"""What flipped bits and cut files of a desk lead to: a refusal by name, never a wrong value or a crash.

    python -m benchmarks.faults.damage [--flips 300] [--cuts 60] [--seed 7] [--only KIND] [--json]

The kinds are `data file`, `log` and `checksum` of the lake, `model`, `registry` (mlflow.db), `Dagster` (its
databases) and `settings` (conf and .env). A small lake is written: prices of two zones in 12 commits, so that
the log has a checkpoint. So is a small desk. Each trial damages one file of one kind, reads as a new process
does, and undoes the damage. A trial is `refused` (an error of Spotdesk that names the table, the file or the
setting), `told` (the setting needs nobody, holds, and `spotdesk settings diff` lists it), `unharmed` (what is
read is right) or a fault: `silent` (it is not) or `crash` (any other
exception). Exit code 1 on a fault.
"""

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.planted.damaged_files import Kind, as_new, kinds, make_desk
from desk.screen.failures import is_damaged_database
from resources.lake.checked_reads import forget_checked
from resources.lake.lake import Lake
from spot.errors import ContractError, SpotdeskError
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


def flipped_where_written(content: bytes, rng: random.Random) -> bytes:
    """`content` with one bit changed in a byte that is not zero: most pages of a small database are empty."""
    written = np.flatnonzero(np.frombuffer(content, dtype=np.uint8))
    changed = bytearray(content)
    changed[int(written[rng.randrange(len(written))])] ^= 1 << rng.randrange(8)
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
                found.append(_row(kind, damage.__name__, n_trials, counts))
    return found


def measure_desk(n_flips: int, n_cuts: int, seed: int, only: str = "") -> list[dict[str, object]]:
    """As `measure`, for the kinds of file beside those of the lake."""
    rng, found = random.Random(seed), []  # noqa: S311 - places of damage, no secret
    with tempfile.TemporaryDirectory() as folder:
        home, trial = make_desk(Path(folder) / "desk"), 0
        for kind in (one for one in kinds() if only in ("", one.name)):
            sound = kind.read(as_new(home, trial := trial + 1))
            for damage, n_trials in ((flipped_where_written, n_flips), (cut, n_cuts)):
                counts: Counter[str] = Counter()
                for _ in range(n_trials):
                    copy = as_new(home, trial := trial + 1)
                    path = rng.choice([one for one in kind.files(copy) if one.stat().st_size])
                    path.write_bytes(damage(path.read_bytes(), rng))
                    counts[_outcome(kind, copy, sound, path)] += 1
                found.append(_row(kind.name, damage.__name__, n_trials, counts))
    return found


def _outcome(kind: Kind, home: Path, sound: object, path: Path) -> str:
    try:
        said = kind.read(home)
    except SpotdeskError:
        return "refused"
    except BaseException as error:  # noqa: BLE001 - a panic of a Rust library is no Exception
        if is_damaged_database(error):  # the command line gives the file and the cure in one line
            return "refused"
        print(f"crash: {path.name}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
        return "crash"
    if said == sound:
        return "unharmed"
    if kind.tells(home):
        return "told"
    print(f"silent: {path.relative_to(home)}", file=sys.stderr)
    return "silent"


def _row(kind: str, damage: str, n_trials: int, counts: Counter[str]) -> dict[str, object]:
    names = ("refused", "told", "unharmed", *FAULTS)
    return {"file": kind, "damage": damage, "trials": n_trials} | {name: counts[name] for name in names}


def main() -> None:
    """Print the outcomes of every kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--flips", type=int, default=300)
    parser.add_argument("--cuts", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", default="", help="one kind of file")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    rows = measure(chosen.flips, chosen.cuts, chosen.seed) if chosen.only in ("", *KINDS) else []
    rows += measure_desk(chosen.flips, chosen.cuts, chosen.seed, chosen.only)
    print(json.dumps(rows, indent=1) if chosen.json else pl.DataFrame(rows))
    if any(row[fault] for row in rows for fault in FAULTS):
        sys.exit(1)


if __name__ == "__main__":
    main()
