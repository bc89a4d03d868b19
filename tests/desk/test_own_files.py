"""A desk's own CSV through the whole chain.

`spotdesk run --source files --data`, as docs/sources/files.md says.
"""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from resources.home.make import make_home
from resources.lake.lake import Lake
from spot.simulation.market import simulate

FIRST, LAST = date(2024, 1, 1), date(2024, 3, 20)
VALUES = {
    "day_ahead_prices": "price_eur_per_mwh",
    "load_forecasts": "load_forecast_mw",
    "intraday_prices": "price_eur_per_mwh",
}


def own_csv(*, zone_column: bool = False) -> pl.DataFrame:
    """Three tables of a made-up market in the tidy layout, without `available_at`.

    The publication rules say when they were known.
    """
    tables = simulate("NL", FIRST, LAST, seed=3).tables
    parts = [
        tables[table]
        .sort("available_at_utc")
        .unique(["series", "delivery_start_utc"], keep="last", maintain_order=True)
        .select(
            *([pl.lit("NL").alias("zone")] if zone_column else []),
            pl.lit(table).alias("table"),
            "series",
            pl.col("delivery_start_utc").dt.strftime("%Y-%m-%dT%H:%MZ").alias("delivery_start"),
            "resolution_minutes",
            pl.col(value).round(2).alias("value"),
        )
        for table, value in VALUES.items()
    ]
    return pl.concat(parts)


def run(folder: Path, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "desk.main",
        "run",
        "--source",
        "files",
        "--data",
        str(folder),
        "--zone",
        "NL",
        *words,
    ]
    make_home(folder / "home")
    environment = {
        **os.environ,
        "SPOTDESK_HOME": str(folder / "home"),
        "OMP_NUM_THREADS": "1",
        "POLARS_MAX_THREADS": "1",
    }
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_csv_of_ones_own_goes_from_rows_to_forecasts(tmp_path: Path, project_root: Path) -> None:
    own_csv().write_csv(tmp_path / "NL_prices_2024.csv")
    done = run(
        tmp_path,
        project_root,
        "--from",
        "2024-03-19",
        "--to",
        "2024-03-20",
        "--profile",
        "catboost_small",
        "--json",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (zone,) = json.loads(done.stdout)["zones"]
    assert (zone["zone"], zone["source"], zone["forecast_days"]) == ("NL", "files", 2)
    assert zone["mae_eur_per_mwh"] < 100
    lake = Lake(uri=str(tmp_path / "home" / "lake"))
    prices = lake.read("day_ahead_prices", zones=["NL"])
    assert prices["source"].unique().to_list() == ["files"]
    assert prices.height == 24 * 80
    assert prices["availability"].unique().to_list() == ["rule"]
    trained = json.loads(done.stdout)["chain"]["trained"]
    (version,) = [one for one in trained if one["name"] == "day_ahead_price.NL"]
    assert version["trained_from"] == "2024-01-01", "no day before the first price is learnt from"


def test_a_damaged_csv_is_named_before_anything_runs(tmp_path: Path, project_root: Path) -> None:
    own_csv().head(100).with_columns(
        pl.col("value").cast(pl.String).str.replace(".", ",", literal=True)
    ).write_csv(tmp_path / "NL.csv")
    done = run(tmp_path, project_root, "--from", "2024-03-19", "--to", "2024-03-20")
    assert done.returncode == 2
    assert "NL.csv" in done.stderr
    assert "decimal point" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_prices_alone_trade_from_the_first_version_on(tmp_path: Path, project_root: Path) -> None:
    own_csv().filter(pl.col("table") == "day_ahead_prices").write_csv(tmp_path / "NL_prices_2024.csv")
    days = ("--from", "2024-03-15", "--to", "2024-03-20", "--block-days", "2")
    done = run(tmp_path, project_root, *days, "--json")
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout)
    assert said["blocked_days"] == []
    (zone,) = said["zones"]
    assert (zone["forecast_days"], zone["signal_days"]) == (6, 6)
    assert zone["orders"] > 0
