"""Prices alone, over the day on which the auction turned to quarter hours: every day is traded."""

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from resources.lake.lake import Lake
from spot.market.delivery import days_between, n_periods
from spot.simulation.market import simulate
from spot.sources.files.tidy_rows import tidy_rows

ZONE = "FR"
HISTORY_FROM, FIRST, LAST = date(2025, 6, 10), date(2025, 9, 20), date(2025, 10, 10)
CHANGE = date(2025, 10, 1)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Mapping[str, pl.DataFrame]:
    """What a desk on a file of prices leaves of the three weeks."""
    folder = tmp_path_factory.mktemp("prices")
    home = folder / "desk"
    prices = simulate(ZONE, HISTORY_FROM, LAST, seed=11).tables["day_ahead_prices"]
    (folder / "data").mkdir()
    tidy_rows({"day_ahead_prices": prices}, ZONE).write_csv(folder / "data" / f"{ZONE}.csv")
    environment = {**os.environ, "SPOTDESK_HOME": str(home), "POLARS_MAX_THREADS": "1"}
    days = ("--from", str(FIRST), "--to", str(LAST))
    for words in (
        ("init", str(home), "--zone", ZONE, "--source", "files"),
        ("run", "--source", "files", "--data", str(folder / "data"), "--zone", ZONE, *days),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "desk.main", *words],
            cwd=project_root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    lake = Lake(uri=str(home / "lake"))
    return {name: lake.read(name, zones=[ZONE]) for name in ("signals", "day_ahead_forecasts", "settlements")}


@pytest.mark.slow
def test_every_day_has_orders_in_the_unit_of_its_auction(tables: Mapping[str, pl.DataFrame]) -> None:
    days = list(days_between(FIRST, LAST))
    battery = tables["signals"].filter(
        pl.col("strategy").str.starts_with("storage"), pl.col("role") == "champion"
    )
    minutes = dict(
        battery.group_by("delivery_day").agg(pl.col("resolution_minutes").unique().first()).iter_rows()
    )
    assert minutes == {day: 60 if day < CHANGE else 15 for day in days}
    counts = dict(battery.group_by("delivery_day").len().iter_rows())
    assert counts == {day: n_periods(ZONE, day) for day in days}
    ordered = battery.filter(pl.col("volume_mw") > 0)["delivery_day"].unique().sort().to_list()
    assert ordered == days, "the monitors' looks stop no day"


@pytest.mark.slow
def test_forecasts_of_quarter_hours_are_wider_than_nothing_and_settle(
    tables: Mapping[str, pl.DataFrame],
) -> None:
    forecasts = tables["day_ahead_forecasts"].filter(pl.col("role") == "champion")
    assert forecasts["delivery_day"].unique().sort().to_list() == list(days_between(FIRST, LAST))
    settled = tables["settlements"].filter(pl.col("strategy").str.starts_with("storage"))
    assert settled["delivery_day"].unique().sort().to_list() == list(days_between(FIRST, LAST))
    after = settled.filter(pl.col("delivery_day") >= CHANGE + timedelta(days=2))
    assert after["pnl_eur"].sum() > 0
