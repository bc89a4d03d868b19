"""Two writers at once, or one that is killed and started again.

They leave the rows of one clean run.
"""

import random
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from subprocess import Popen

import polars as pl
import pytest

from resources.lake.lake import Lake
from spot.market.delivery import days_between
from tests.support.narrow import some
from tests.support.raw_rows import ramp, raw_day

FIRST = date(2024, 6, 28)
N_DAYS = 6
TABLES = ("day_ahead_prices", "load_forecasts")

WRITER = """
import sys
from datetime import date, timedelta
from resources.lake.lake import Lake
from tests.resources.test_lake_concurrency import write_all

print("ready", flush=True)
sys.stdin.readline()
write_all(Lake(uri=sys.argv[1]), sys.argv[2:])
print("done", flush=True)
"""


def write_all(lake: Lake, zones: list[str]) -> None:
    """What a run writes: raw days one by one, with a bad row each, and a derived table day by day."""
    for i in range(N_DAYS):
        day = FIRST + timedelta(days=i)
        for zone in zones:
            for table in TABLES:
                frame = raw_day(table, zone, day, ramp(zone, day))
                lake.append(
                    table, pl.concat([frame, frame[:1].with_columns(series=pl.lit("bad"))]), source="files"
                )
            rows = raw_day("day_ahead_prices", zone, day, ramp(zone, day))
            lake.replace("training_set", training(rows), zone=zone, first_day=day, last_day=day)


def training(prices: pl.DataFrame) -> pl.DataFrame:
    from spot.contracts.tables import find_contract

    contract = find_contract("training_set")
    known = prices.with_columns(as_of_utc=pl.col("available_at_utc"))
    return known.select(
        (
            pl.col(name).cast(column.dtype)
            if name in known.columns
            else pl.lit(None, dtype=column.dtype).alias(name)
        )
        for name, column in contract.columns.items()
    )


def contents(lake: Lake) -> dict[str, pl.DataFrame]:
    tables = {name: lake.read(name) for name in (*TABLES, "training_set")}
    return tables | {"quarantine": lake.read("quarantine").drop("seen_at_utc")}


def start(lake: Lake, *zones: str) -> Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, lake.uri, *zones],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert some(process.stdout).readline() == "ready\n"
    return process


def go(process: Popen[str]) -> None:
    some(process.stdin).write("go\n")
    some(process.stdin).flush()


def finish(process: Popen[str]) -> None:
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert out.endswith("done\n")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    lake = Lake(uri=str(tmp_path_factory.mktemp("clean")))
    write_all(lake, ["DE_LU", "FR"])
    return contents(lake)


def assert_equal(lake: Lake, clean: dict[str, pl.DataFrame]) -> None:
    for name, frame in contents(lake).items():
        assert frame.equals(clean[name]), name
    assert all(verification.is_sound for verification in lake.verify())


def test_a_clean_run_holds_what_it_should(clean: dict[str, pl.DataFrame]) -> None:
    n_hours = 2 * 24 * len(days_between(FIRST, FIRST + timedelta(days=N_DAYS - 1)))
    assert {name: frame.height for name, frame in clean.items()} == {
        "day_ahead_prices": n_hours,
        "load_forecasts": n_hours,
        "training_set": n_hours,
        "quarantine": 2 * 2 * N_DAYS,
    }


def test_two_processes_at_once_on_the_same_and_on_different_zones(
    clean: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    lake = Lake(uri=str(tmp_path / "lake"))
    processes = [start(lake, "DE_LU", "FR"), start(lake, "FR", "DE_LU")]
    for process in processes:
        go(process)
    for process in processes:
        finish(process)
    assert_equal(lake, clean)


def test_killed_at_random_points_and_repeated(clean: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    lake, random_source = Lake(uri=str(tmp_path / "lake")), random.Random(7)
    n_killed_in_the_middle = 0
    for _ in range(2):
        process = start(lake, "DE_LU", "FR")
        go(process)
        time.sleep(random_source.uniform(0.1, 0.8))
        n_killed_in_the_middle += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=300)
    assert n_killed_in_the_middle >= 1
    write_all(lake, ["DE_LU", "FR"])
    assert_equal(lake, clean)
