"""A battery whose hours the auction chooses, as people meet it: init, upgrade, signals, backtest files."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from desk.main import app
from resources.home.make import make_home
from resources.home.migrations import grow_tables
from resources.lake.lake import Lake
from resources.settings.desk import desk_resource
from resources.settings.environment import read_environment
from resources.settings.strategies import read_strategy
from spot.contracts.block_tables import REACH_COLUMNS
from spot.strategy.proposals.storage_groups import StorageGroups
from spot.strategy.signals import decide_signals
from tests.support.made_up_rows import made_up
from tests.support.sample_market import ZONE, make_request

DAY = date(2025, 6, 3)


def spotdesk(home: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*words, "--home", str(home)])
    return done.exit_code, done.output


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "desk")
    return tmp_path / "desk"


def test_init_proposes_groups_only_where_an_exchange_takes_them_and_keeps_what_a_person_chose(
    tmp_path: Path,
) -> None:
    home = tmp_path / "desk"
    for zone, source in (("FR", "energy_charts"), ("SK", "energy_charts"), ("BE", "simulated")):
        words = () if zone == "FR" else ("--add",)
        done = CliRunner().invoke(app, ["init", str(home), "--zone", zone, "--source", source, *words])
        assert done.exit_code == 0, done.output
    path = home / "conf" / "zones.yaml"
    zones = yaml.safe_load(path.read_text())["zones"]
    assert zones["FR"]["strategies"] == ["settlement_spread", "storage_groups"]
    assert "strategies" not in zones["SK"]
    assert "strategies" not in zones["BE"]
    path.write_text(path.read_text().replace("storage_groups", "storage"))
    done = CliRunner().invoke(app, ["init", str(home), "--zone", "FR", "--source", "energy_charts", "--add"])
    assert done.exit_code == 0, done.output
    assert yaml.safe_load(path.read_text())["zones"]["FR"]["strategies"] == ["settlement_spread", "storage"]


def test_the_template_is_a_strategy_of_this_name(home: Path) -> None:
    desk = desk_resource(read_environment(home))
    strategy = read_strategy(desk, "storage_groups")
    assert isinstance(strategy, StorageGroups)
    assert strategy == StorageGroups(), "the template says what holds by default"


def test_an_older_table_of_signals_is_read_and_grows(home: Path) -> None:
    lake = Lake(uri=str(home / "lake"))
    old = made_up("signals").drop(*REACH_COLUMNS)
    rows = old.with_columns(delivery_month=pl.col("delivery_day").dt.strftime("%Y-%m"))
    rows.write_delta(f"{lake.uri}/signals", delta_write_options={"partition_by": ["zone", "delivery_month"]})
    names = ", ".join(REACH_COLUMNS)
    assert list(grow_tables(read_environment(home))) == [
        f"table signals: columns {names} added, empty in the rows that are there"
    ]
    kept = lake.read("signals")
    assert kept.select(REACH_COLUMNS.keys()).null_count().row(0) == (1, 1, 1)
    assert kept.drop(*REACH_COLUMNS).equals(old.select(kept.drop(*REACH_COLUMNS).columns))


def test_signals_shows_each_group_and_its_blocks_in_json(home: Path) -> None:
    decision = decide_signals(make_request(DAY, StorageGroups(exchange="epex_spot")))
    lake = Lake(uri=str(home / "lake"))
    for table, frame in (("signals", decision.frame), ("block_orders", decision.block_orders)):
        lake.replace(table, frame, zone=ZONE, first_day=DAY, last_day=DAY)
    code, said = spotdesk(home, "signals", "--zone", ZONE, "--day", str(DAY))
    assert code == 0, said
    assert "one plan in groups" in said
    assert "group 1: buys 2.00 MWh in one of" in said
    assert "group 4: sells" in said
    code, said = spotdesk(home, "signals", "--zone", ZONE, "--day", str(DAY), "--json")
    assert len(json.loads(said)["block_orders"]) == decision.block_orders.height
