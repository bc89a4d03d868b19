"""`spotdesk run`, then `spotdesk backtest` on its record: the same signals and the same money, to the
last bit.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from desk.main import app
from resources.home.find import TEMPLATES
from resources.home.make import make_home
from resources.lake.lake import Lake

pytestmark = pytest.mark.timeout(900)
STRATEGIES = {
    "DE_LU": ["price_view", "real_time_spread", "storage_groups"],
    "FR": ["settlement_spread", "storage", "price_view"],
}


@dataclass(frozen=True)
class Walk:
    """Days that a desk walks in blocks."""

    first: date
    n_days: int
    block_days: int
    training_days: int = 70

    @property
    def last(self) -> date:
        return self.first + timedelta(days=self.n_days - 1)

    @property
    def options(self) -> tuple[str, ...]:
        return ("--from", str(self.first), "--to", str(self.last))


LONG = Walk(date(2025, 8, 4), 60, 30)
"""The last two days have quarter hours in the auction."""
SHORT = Walk(date(2025, 9, 22), 4, 4, training_days=48)
TABLES = ("signals", "settlements", "risk_events", "limit_conformance", "bid_curves", "block_orders")
_SETTINGS = {
    "models/quick.yaml": "kind: naive\nrule: mixed\n",
    "promotion.yaml": (
        "first_champion_maximum_rmae: 3.0\nminimum_walk_forward_days: 10\nrequires_shadow: false\n"
        "sanity: {minimum_training_days: 30, range_widths: 20.0}\n"
    ),
    "strategies/price_view.yaml": "strategy: price_view\nmax_mw: 5.0\nreference_eur_per_mwh: 85.0\n",
    "strategies/storage.yaml": "strategy: storage\nvolume_step_mw: 0.1\n",
    "strategies/storage_groups.yaml": "strategy: storage_groups\nmax_blocks: 2\n",
}


def limits() -> str:
    """Limits that bind: one halts a zone, one asks for drift, one for the model's age, one is the desk's."""
    book = yaml.safe_load((TEMPLATES / "conf" / "risk_limits.yaml").read_text())
    book["zones"]["FR"] = {"max_daily_loss_eur": {"limit": 60, "action": "halt"}}
    book["strategies"]["price_view"] = {"max_drift_level": {"limit": 0, "action": "block"}}
    for name in ("storage", "storage_groups"):
        book["strategies"][name] = {"max_model_age_days": {"limit": 45, "action": "block"}}
    book["desk"]["max_orders_per_day"] = {"limit": 80, "action": "block"}
    return yaml.safe_dump(book)


Spotdesk = Callable[..., tuple[int, str, str]]
"""Runs a command on a home: its exit code, what it printed, what went wrong."""


def in_own_process(home: Path, *words: str) -> tuple[int, str, str]:
    command = [str(Path(sys.executable).parent / "spotdesk"), *words, "--home", str(home), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def in_this_process(home: Path, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [*words, "--home", str(home), "--json"])
    return done.exit_code, done.stdout, f"{done.stderr} {done.exception!r}"


def walked(home: Path, walk: Walk, spotdesk: Spotdesk, *, at_once: int, registry: Path | None = None) -> Path:
    """A desk that has walked the days in two zones, and its backtests in `backtest/<zone>`."""
    defaults = {"source": "simulated", "model": "quick", "minimum_training_days": 45, "evaluation_days": 10}
    defaults |= {"retrain_after_days": 28, "training_days": walk.training_days}
    zones = {zone: {"strategies": names} for zone, names in STRATEGIES.items()}
    settings = {"zones.yaml": yaml.safe_dump({"defaults": defaults, "zones": zones})}
    make_home(home, settings={**_SETTINGS, **settings, "risk_limits.yaml": limits()})
    if registry is not None:
        shutil.copy(registry, home / registry.name)
    names = [word for zone in STRATEGIES for word in ("--zone", zone)]
    code, _, wrong = spotdesk(home, "run", *names, *walk.options, "--block-days", str(walk.block_days))
    assert code == 0, wrong

    def backtest(zone: str) -> None:
        folder = home / "backtest" / zone
        words = ("backtest", "--zone", zone, *walk.options, "--source", "lake", "--output", str(folder))
        code, told, wrong = spotdesk(home, *words)
        assert code in (0, 1), wrong
        (folder / "told.json").write_text(told)

    with ThreadPoolExecutor(at_once) as side_by_side:
        list(side_by_side.map(backtest, STRATEGIES))
    return home


@pytest.fixture(scope="module")
def long_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return walked(tmp_path_factory.mktemp("desk") / "home", LONG, in_own_process, at_once=2)


def stored(home: Path, table: str, zone: str, walk: Walk) -> pl.DataFrame:
    lake = Lake(uri=str(home / "lake"))
    rows = lake.read(table, zones=[zone], first_day=walk.first, last_day=walk.last)
    return rows.filter(pl.col("role") == "champion")


def backtested(home: Path, table: str, zone: str) -> pl.DataFrame:
    return pl.read_parquet(home / "backtest" / zone / f"{table}.parquet")


def assert_equal(home: Path, zone: str, walk: Walk) -> None:
    """The backtest gives every row and every cent of the run."""
    for table in TABLES:
        own = stored(home, table, zone, walk)
        again = backtested(home, table, zone).select(own.columns)
        key = [name for name, dtype in own.schema.items() if dtype != pl.Float64]
        assert again.sort(key).equals(own.sort(key)), table
    money = stored(home, "settlements", zone, walk)["pnl_eur"].sum()
    told = json.loads((home / "backtest" / zone / "told.json").read_text())
    figures = [row for row in told["figures"] if row["strategy"] == row["beside"]]
    assert len(figures) == len(STRATEGIES[zone])
    assert sum(row["pnl_eur"] for row in figures) == pytest.approx(money, abs=0.01)
    assert [row["parameter"] for row in told["assumptions"]] == ["resume_after_days"]


def test_a_backtest_of_four_days_gives_every_row_and_every_cent_of_the_run(
    tmp_path: Path, prepared_home: Path
) -> None:
    registry = prepared_home / "mlflow.db"
    home = walked(tmp_path / "home", SHORT, in_this_process, at_once=1, registry=registry)
    traded = set()
    for zone in STRATEGIES:
        assert_equal(home, zone, SHORT)
        signals = stored(home, "signals", zone, SHORT).filter(pl.col("side") != "flat")
        traded |= set(signals.select("zone", "strategy").unique().rows())
    assert len(traded) >= 3, "price_view waits for a verdict on drift"
    blocks = stored(home, "block_orders", "DE_LU", SHORT)
    assert blocks["delivery_day"].n_unique() >= 2
    settled = stored(home, "settlements", "DE_LU", SHORT).filter(strategy="storage_groups")
    assert settled.filter(pl.col("filled_mwh") > 0).height > 0


@pytest.mark.slow
@pytest.mark.parametrize("zone", STRATEGIES)
def test_a_backtest_of_sixty_days_gives_every_row_and_every_cent_of_the_run(
    long_home: Path, zone: str
) -> None:
    assert_equal(long_home, zone, LONG)


@pytest.mark.slow
def test_what_the_run_stood_on_mattered(long_home: Path) -> None:
    """Else equal rows would say little.

    Limits, drift, age, spread models and the other zone changed orders.
    """
    events = pl.concat([stored(long_home, "risk_events", zone, LONG) for zone in STRATEGIES])
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
    signals = pl.concat([stored(long_home, "signals", zone, LONG) for zone in STRATEGIES])
    traded = signals.filter(pl.col("side") != "flat")
    assert traded.group_by("zone", "strategy").len().height == sum(map(len, STRATEGIES.values()))
    assert traded.filter(zone="FR", strategy="settlement_spread")["strategy_model_version"].max() != "none"
