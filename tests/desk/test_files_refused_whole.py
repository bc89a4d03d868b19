"""`spotdesk ingest` of a file of which nothing is used: exit code 2, the reason, and no row in the ledger."""

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from resources.home.make import make_home
from resources.lake.lake import Lake
from spot.market.delivery import day_bounds_utc, days_between

HEAD = "table,series,delivery_start,resolution_minutes,value"


def ingest(home: Path, lines: list[str], root: Path) -> subprocess.CompletedProcess[str]:
    file = home / "own.csv"
    home.mkdir(exist_ok=True)
    file.write_text("\n".join([HEAD, *lines]))
    command = [sys.executable, "-m", "desk.main", "ingest", str(file), "--zone", "AT", "--json"]
    make_home(home / "desk")
    environment = {**os.environ, "SPOTDESK_HOME": str(home / "desk"), "POLARS_MAX_THREADS": "1"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def lines(*, minutes_late: int = 0, every: int = 1, quarters: bool = False) -> list[str]:
    """Prices of a week; each `every`th starts late; hours or the hour's quarters, all different."""
    step = 15 if quarters else 60
    found = []
    for day in days_between(date(2024, 4, 1), date(2024, 4, 7)):
        start, end = day_bounds_utc("AT", day)
        for at in range(int((end - start) / timedelta(minutes=step))):
            late = minutes_late if at % every == 0 else 0
            instant = start + timedelta(minutes=step * at + late)
            found.append(f"day_ahead_prices,day_ahead,{instant:%Y-%m-%dT%H:%MZ},{step},{40 + at}")
    return found


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lines(minutes_late=11), "not on a multiple of its resolution"),
        (lines(minutes_late=30, every=6), "not on a multiple of its resolution"),
        (lines(quarters=True), "periods of 15 minutes where the auction of that day has 60"),
    ],
)
def test_a_file_whose_rows_break_the_contract_is_refused_whole(
    wrong: list[str], reason: str, tmp_path: Path, project_root: Path
) -> None:
    done = ingest(tmp_path, wrong, project_root)
    assert done.returncode == 2, done.stdout + done.stderr
    said = " ".join(done.stderr.split())
    assert reason in said
    assert "nothing of the file is used" in said
    assert "Traceback" not in done.stderr
    assert Lake(uri=str(tmp_path / "desk" / "lake")).read("day_ahead_prices", zones=["AT"]).is_empty()


def test_a_clean_file_is_taken(tmp_path: Path, project_root: Path) -> None:
    done = ingest(tmp_path, lines(), project_root)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["new"] == 168
