"""`spotdesk run`, then `spotdesk backtest` on its record: the same signals and the same money, to the
last bit.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from resources.home.find import TEMPLATES
from resources.home.make import make_home
from resources.lake.lake import Lake

pytestmark = [pytest.mark.xdist_group("run_equals_backtest"), pytest.mark.timeout(900)]
FIRST = date(2025, 8, 4)
LAST = FIRST + timedelta(days=59)
"""Sixty days, the last two of them with quarter hours in the auction."""
DAYS = ("--from", str(FIRST), "--to", str(LAST))
STRATEGIES = {
    "DE_LU": ["price_view", "real_time_spread", "storage"],
    "FR": ["settlement_spread", "storage", "price_view"],
}
TABLES = ("signals", "settlements", "risk_events", "limit_conformance", "bid_curves")
_SETTINGS = {
    "models/quick.yaml": "kind: naive\nrule: mixed\n",
    "promotion.yaml": (
        "first_champion_maximum_rmae: 3.0\nminimum_walk_forward_days: 10\nrequires_shadow: false\n"
        "sanity: {minimum_training_days: 30, range_widths: 20.0}\n"
    ),
    "strategies/price_view.yaml": "strategy: price_view\nmax_mw: 5.0\nreference_eur_per_mwh: 85.0\n",
    "strategies/storage.yaml": "strategy: storage\nvolume_step_mw: 0.1\n",
}


def limits() -> str:
    """Limits that bind: one halts a zone, one asks for drift, one for the model's age, one is the desk's."""
    book = yaml.safe_load((TEMPLATES / "conf" / "risk_limits.yaml").read_text())
    book["zones"]["FR"] = {"max_daily_loss_eur": {"limit": 60, "action": "halt"}}
    book["strategies"]["price_view"] = {"max_drift_level": {"limit": 0, "action": "block"}}
    book["strategies"]["storage"] = {"max_model_age_days": {"limit": 45, "action": "block"}}
    book["desk"]["max_orders_per_day"] = {"limit": 80, "action": "block"}
    return yaml.safe_dump(book)


def spotdesk(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "spotdesk"), *words, "--home", str(home), "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def desk_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk that has walked sixty days of two zones in blocks of thirty, and its backtests in
    `backtest/<zone>`.
    """
    home = tmp_path_factory.mktemp("desk") / "home"
    defaults = {"source": "simulated", "model": "quick", "training_days": 70, "minimum_training_days": 45}
    defaults |= {"evaluation_days": 10, "retrain_after_days": 28}
    zones = {zone: {"strategies": names} for zone, names in STRATEGIES.items()}
    settings = {"zones.yaml": yaml.safe_dump({"defaults": defaults, "zones": zones})}
    make_home(home, settings={**_SETTINGS, **settings, "risk_limits.yaml": limits()})
    names = [word for zone in STRATEGIES for word in ("--zone", zone)]
    done = spotdesk(home, "run", *names, *DAYS, "--block-days", "30")
    assert done.returncode == 0, done.stderr
    with ThreadPoolExecutor() as side_by_side:
        list(side_by_side.map(lambda zone: backtest(home, zone), STRATEGIES))
    return home


def backtest(home: Path, zone: str) -> None:
    folder = home / "backtest" / zone
    told = spotdesk(home, "backtest", "--zone", zone, *DAYS, "--source", "lake", "--output", str(folder))
    assert told.returncode in (0, 1), told.stderr
    (folder / "told.json").write_text(told.stdout)


def stored(home: Path, table: str, zone: str) -> pl.DataFrame:
    rows = Lake(uri=str(home / "lake")).read(table, zones=[zone], first_day=FIRST, last_day=LAST)
    return rows.filter(pl.col("role") == "champion")


def backtested(home: Path, table: str, zone: str) -> pl.DataFrame:
    return pl.read_parquet(home / "backtest" / zone / f"{table}.parquet")


@pytest.mark.slow
@pytest.mark.parametrize("zone", STRATEGIES)
def test_a_backtest_on_the_record_gives_every_row_and_every_cent_of_the_run(desk_home, zone) -> None:
    for table in TABLES:
        own = stored(desk_home, table, zone)
        again = backtested(desk_home, table, zone).select(own.columns)
        key = [name for name, dtype in own.schema.items() if dtype != pl.Float64]
        assert again.sort(key).equals(own.sort(key)), table
    money = stored(desk_home, "settlements", zone)["pnl_eur"].sum()
    told = json.loads((desk_home / "backtest" / zone / "told.json").read_text())
    figures = [row for row in told["figures"] if row["strategy"] == row["beside"]]
    assert len(figures) == len(STRATEGIES[zone])
    assert sum(row["pnl_eur"] for row in figures) == pytest.approx(money, abs=0.01)
    assert [row["parameter"] for row in told["assumptions"]] == ["resume_after_days"]


@pytest.mark.slow
def test_what_the_run_stood_on_mattered(desk_home) -> None:
    """Else equal rows would say little.

    Limits, drift, age, spread models and the other zone changed orders.
    """
    events = pl.concat([stored(desk_home, "risk_events", zone) for zone in STRATEGIES])
    days = {
        (zone, limit, action): n
        for zone, limit, action, n in events.group_by("zone", "limit_name", "action")
        .agg(pl.col("delivery_day").n_unique())
        .iter_rows()
    }
    assert 0 < days["FR", "max_daily_loss_eur", "halt"] < 60
    for zone in STRATEGIES:
        assert 0 < days[zone, "max_model_age_days", "block"] < 60
        assert days[zone, "max_drift_level", "block"] == 30, "until the first verdict at the end of a block"
    assert 0 < days["FR", "max_orders_per_day", "block"] < 60, "DE_LU's orders of the day count in FR"
    signals = pl.concat([stored(desk_home, "signals", zone) for zone in STRATEGIES])
    traded = signals.filter(pl.col("side") != "flat")
    assert traded.group_by("zone", "strategy").len().height == sum(map(len, STRATEGIES.values()))
    assert traded.filter(zone="FR", strategy="settlement_spread")["strategy_model_version"].max() != "none"
