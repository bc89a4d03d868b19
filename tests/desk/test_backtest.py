"""`spotdesk backtest` and `spotdesk signals` on a small lake with known content."""

import json
from datetime import date, timedelta

import pytest
import typer
from typer.testing import CliRunner

from desk.backtest import backtest
from desk.signals import signals
from desk.stop import stop_button
from resources.lake import Lake
from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.simulation.market import simulate
from spot.strategy.settings import StorageSettings
from spot.strategy.signals import decide_signals
from tests.spot.strategy.sample_market import ZONE, make_forecast, make_request

FIRST, LAST = date(2025, 6, 1), date(2025, 6, 15)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A lake with 60 days of simulated prices, perfect forecasts of fifteen days, and the signals of one."""
    home = tmp_path_factory.mktemp("home")
    lake = Lake(uri=str(home / "lake"))
    tables = simulate(ZONE, FIRST - timedelta(days=60), LAST, seed=2).tables
    for name in ("day_ahead_prices", "intraday_prices", "imbalance_prices"):
        lake.append(name, tables[name], source="simulated")
    prices = tables["day_ahead_prices"]
    for day in days_between(FIRST, LAST):
        truth = prices.filter(prices["delivery_day"] == day).sort("delivery_start_utc")["price_eur_per_mwh"].to_numpy()
        lake.replace("day_ahead_forecasts", make_forecast(day, truth), zone=ZONE, first_day=day, last_day=day)
    frame = decide_signals(make_request(FIRST, StorageSettings())).frame
    lake.replace("signals", frame, zone=ZONE, first_day=FIRST, last_day=FIRST)
    return home


@pytest.fixture
def run(home, monkeypatch):
    monkeypatch.setenv("SPOTDESK_HOME", str(home))
    app = typer.Typer()
    app.command()(backtest)
    app.command()(signals)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_a_perfect_forecast_earns_what_perfect_foresight_earns_and_the_report_is_written(run, tmp_path):
    page = tmp_path / "report.html"
    done = run("backtest", "--zone", ZONE, "--from", str(FIRST), "--to", str(LAST), "--report", str(page), "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    storage, naive = result["figures"]
    assert storage["share_of_perfect"] == pytest.approx(1.0, abs=0.01)
    assert naive["share_of_perfect"] < storage["share_of_perfect"]
    assert storage["verdict"] == "edge"
    assert sum(month["pnl_eur"] for month in result["months"]) == pytest.approx(storage["pnl_eur"])
    text = page.read_text()
    assert "Verdict: edge" in text
    assert "P&amp;L by month" in text


def test_days_without_forecasts_are_a_usage_error_that_says_what_to_do(run):
    done = run("backtest", "--zone", ZONE, "--from", "2024-01-01", "--to", "2024-01-05")
    assert done.exit_code != 0
    assert "spotdesk run" in str(done.exception)


def test_signals_are_shown_with_their_reasons_and_void_ones_say_so(run):
    shown = run("signals", "--zone", ZONE, "--day", str(FIRST))
    assert shown.exit_code == 0
    assert "VOID" in shown.stdout
    assert "value at risk" in shown.stdout
    rows = json.loads(run("signals", "--zone", ZONE, "--day", str(FIRST), "--json").stdout)["signals"]
    assert len(rows) == 24
    assert all(row["is_void"] for row in rows)
    assert rows[0]["valid_until_utc"] == gate_closure_utc(ZONE, FIRST).isoformat()


def test_no_signal_is_exit_code_1(run):
    assert run("signals", "--zone", ZONE, "--day", "2024-01-01").exit_code == 1


def test_a_halted_zone_is_named_above_its_signals(run):
    CliRunner().invoke(stop_button, ["halt", "--zone", ZONE])
    assert "HALTED" in run("signals", "--zone", ZONE, "--day", str(FIRST)).stdout
