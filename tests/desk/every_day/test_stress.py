"""`spotdesk stress` on a desk whose tomorrow is decided."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from desk.main import app
from resources.lake.lake import Lake
from resources.wall_clock import utc_now
from tests.support.decided_desk import make_decided_desk
from tests.support.sample_market import ZONE

NOW = (utc_now() + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stress") / "desk"
    make_decided_desk(folder, NOW)
    return folder


def stress(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["stress", *words, "--home", str(home)])


def told(home: Path, *words: str) -> dict[str, Any]:
    done = stress(home, "--json", *words)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_each_strategy_and_all_have_risk_and_every_test(home: Path) -> None:
    found = told(home)
    names = {one["test"] for one in found["tests"]}
    assert names == {"crisis_2022", "minimum_price", "maximum_price", "missing_auction", "decoupling"}
    battery, everything = found["rows"]
    assert (battery["zone"], battery["strategy"], everything["zone"]) == (ZONE, "storage", "all")
    for name in (*names, "expected", "value_at_risk", "expected_shortfall"):
        assert battery[name] == everything[name], "one strategy is the whole desk"
        assert battery[name] is not None
    assert battery["missing_auction"] < -50.0
    assert battery["decoupling"] < battery["expected"]
    assert found["n_days"] >= 30
    assert found["left_out"] == []


def test_the_shown_risk_is_that_of_the_signals(home: Path) -> None:
    (battery, _) = told(home)["rows"]
    signals = Lake(uri=str(home / "lake")).read("signals")
    assert signals["expected_value_eur"].sum() == pytest.approx(battery["expected"], rel=0.1)


def test_levels_are_options_and_a_day_without_orders_has_no_risk(home: Path) -> None:
    mild = told(home, "--decoupling-eur", "1")["rows"][0]["decoupling"]
    assert mild > told(home)["rows"][0]["decoupling"]
    assert told(home, "--day", "2020-01-01")["rows"] == []
    shown = stress(home)
    assert shown.exit_code == 0
    assert "stress tests" in shown.output
