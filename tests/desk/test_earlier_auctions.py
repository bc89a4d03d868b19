"""From files to forecasts: a desk with the result of an earlier auction errs less, and its money agrees."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from desk.main import app
from resources.home.make import make_home
from spot.arrays import Floats
from spot.market.delivery import delivery_starts_utc

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
ZONE, FIRST, N_DAYS = "FR", date(2024, 1, 8), 110
LAST = FIRST + timedelta(days=N_DAYS - 1)
SPAN = ("--from", str(LAST - timedelta(days=9)), "--to", str(LAST))


def tidy(zone: str, prices: Floats) -> pl.DataFrame:
    """Hourly prices (D, 24) in the tidy layout, known by rule: the Swiss ones at 11:30 of the day before."""
    days = [FIRST + timedelta(days=row) for row in range(N_DAYS)]
    starts = [start for day in days for start in delivery_starts_utc(zone, day, 60)]
    values = [value for day, row in zip(days, prices, strict=True) for value in hours(zone, day, row)]
    return pl.DataFrame(
        {
            "table": "day_ahead_prices",
            "series": "day_ahead",
            "delivery_start": [start.isoformat() for start in starts],
            "resolution_minutes": 60,
            "value": values,
        }
    )


def hours(zone: str, day: date, row: Floats) -> list[float]:
    """As many of the day's 24 values as it has hours."""
    return [round(float(value), 2) for value in row[: len(delivery_starts_utc(zone, day, 60))]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prices with a part that changes from day to day, and that the Swiss auction alone shows before."""
    made, rng = tmp_path_factory.mktemp("market"), np.random.default_rng(2)
    shape = 70 + 15 * np.sin((np.arange(24) - 8) / 24 * 2 * np.pi)
    hidden = rng.normal(0, 15, (N_DAYS, 1))
    prices = shape + hidden + rng.normal(0, 2, (N_DAYS, 24))
    tidy(ZONE, prices).write_csv(made / f"{ZONE}.csv")
    tidy("CH", prices + 4 + rng.normal(0, 2, (N_DAYS, 24))).write_csv(made / "CH.csv")
    return made


def call(home: Path, *words: str, ends: int = 0) -> Any:
    done = CliRunner().invoke(app, [*words, "--home", str(home), "--json"])
    assert done.exit_code == ends, f"{done.stderr[-2000:]} {done.exception!r}"
    return json.loads(done.stdout)


def run_of(home: Path, folder: Path, auctions: str) -> dict[str, Any]:
    """The chain on the files in a fresh home, reading these auctions."""
    make_home(home)
    path = home / "conf" / "zones.yaml"
    text = path.read_text(encoding="utf-8").replace("earlier_auctions: null", f"earlier_auctions: {auctions}")
    text = text.replace("training_days: 730", "training_days: 90").replace(
        "source: simulated ", "source: files "
    )
    path.write_text(text, encoding="utf-8")
    said = call(home, "run", "--zone", ZONE, *SPAN, "--data", str(folder))
    zone: dict[str, Any] = said["zones"][0]
    return zone


def test_a_desk_with_the_swiss_result_errs_less_and_its_backtest_agrees(folder: Path, tmp_path: Path) -> None:
    without = run_of(tmp_path / "without", folder, "[]")
    with_it = run_of(tmp_path / "with", folder, "[CH]")
    assert with_it["forecast_days"] == without["forecast_days"] == 10
    assert with_it["mae_eur_per_mwh"] < 0.7 * without["mae_eur_per_mwh"]
    # It ends with 1, because the files hold no second price for the strategy that needs one.
    again = call(tmp_path / "with", "backtest", "--zone", ZONE, *SPAN, ends=1)
    assert again["figures"][0]["pnl_eur"] == pytest.approx(with_it["pnl_eur"], abs=0.005)
