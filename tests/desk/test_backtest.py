"""`spotdesk backtest` and `spotdesk signals` on a small lake with known content."""

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from desk.trading import backtest_setup
from desk.trading.backtest import backtest
from desk.trading.signals import signals
from desk.trading.stop import stop_button
from resources.lake.lake import Lake
from resources.lake.zone_tables import with_desk_curve
from spot.backtest.coverage import assess_coverage
from spot.contracts.signal_tables import BID_CURVES, LIMIT_CONFORMANCE, RISK_EVENTS, SETTLEMENTS, SIGNALS
from spot.contracts.table import check_rows
from spot.errors import ConfigurationError
from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.simulation.market import simulate
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.strategy.reasons import signal_reasons
from spot.strategy.signals import decide_signals
from spot.walk.inputs import WalkInputs
from tests.support.registry import OneVersion
from tests.support.sample_market import ZONE, make_book, make_forecast, make_request

FIRST, LAST = date(2025, 6, 1), date(2025, 6, 15)
SPAN = ("--zone", ZONE, "--from", str(FIRST), "--to", str(LAST), "--strategy", "storage")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with 60 days of simulated prices, perfect forecasts of fifteen days, and the signals of one."""
    home = tmp_path_factory.mktemp("home")
    lake = Lake(uri=str(home / "lake"))
    tables = simulate(ZONE, FIRST - timedelta(days=60), LAST, seed=2).tables
    for name in ("day_ahead_prices", "intraday_prices", "imbalance_prices"):
        lake.append(name, tables[name], source="simulated")
    prices = tables["day_ahead_prices"]
    for day in days_between(FIRST, LAST):
        truth = (
            prices.filter(prices["delivery_day"] == day)
            .sort("delivery_start_utc")["price_eur_per_mwh"]
            .to_numpy()
        )
        lake.replace("day_ahead_forecasts", make_forecast(day, truth), zone=ZONE, first_day=day, last_day=day)
    frame = decide_signals(make_request(FIRST, Storage())).frame
    lake.replace("signals", frame, zone=ZONE, first_day=FIRST, last_day=FIRST)
    return home


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("SPOTDESK_HOME", str(home))
    monkeypatch.setattr(backtest_setup, "make_registry", lambda _: OneVersion(FIRST - timedelta(days=1)))
    app = typer.Typer()
    app.command()(backtest)
    app.command()(signals)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_a_perfect_forecast_earns_what_perfect_foresight_earns_and_the_report_is_written(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    done = run("backtest", *SPAN, "--report", str(page), "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    storage, naive = result["figures"]
    assert storage["share_of_perfect"] == pytest.approx(1.0, abs=0.01)
    assert naive["share_of_perfect"] < storage["share_of_perfect"]
    assert storage["verdict"] == "edge"
    assert sum(month["pnl_eur"] for month in result["months"]) == pytest.approx(storage["pnl_eur"])
    text = page.read_text()
    assert "storage: edge, 15 days judged: 15 of 15 days have forecasts" in text
    for part in ("month", "hour", "direction", "zone", "model version"):
        assert f"P&amp;L by {part}" in text
    assert "resume_after_days" in text


def test_days_without_forecasts_are_a_usage_error_that_says_what_to_do(run: Callable[..., Any]) -> None:
    done = run("backtest", "--zone", ZONE, "--from", "2024-01-01", "--to", "2024-01-05")
    assert done.exit_code != 0
    assert "spotdesk run" in str(done.exception)


def test_days_without_forecasts_are_no_days_of_zero_profit(run: Callable[..., Any]) -> None:
    longer = str(LAST + timedelta(days=30))
    span = ("--zone", ZONE, "--from", str(FIRST), "--to", longer, "--strategy", "storage")
    refused = run("backtest", *span)
    assert isinstance(refused.exception, ConfigurationError)  # exit code 2
    assert "15 of 45 days have forecasts" in str(refused.exception)
    assert "--partial" in str(refused.exception)
    part, whole = (
        json.loads(run("backtest", *words, "--json").stdout) for words in ((*span, "--partial"), SPAN)
    )
    assert part["days"] == [{"strategy": "storage", "asked": 45, "with_forecast": 15, "judged": 15}]
    assert part["figures"] == whole["figures"]
    assert part["figures"][0]["daily_mean_eur"] == pytest.approx(part["figures"][0]["pnl_eur"] / 15)
    assert "15 of 45 days have forecasts" in run("backtest", *span, "--partial").stdout


def test_a_day_whose_second_price_is_not_known_is_not_judged(home: Path) -> None:
    lake = Lake(uri=str(home / "lake"))
    raw = {
        name: lake.read(name, zones=[ZONE])
        for name in ("day_ahead_prices", "intraday_prices", "imbalance_prices")
    }
    raw["imbalance_prices"] = raw["imbalance_prices"].filter(pl.col("delivery_day") != FIRST)
    inputs = WalkInputs(
        zone=ZONE,
        strategies=(),
        forecasts=lake.read("day_ahead_forecasts", zones=[ZONE]),
        raw=raw,
        limits=make_book(),
        now=gate_closure_utc(ZONE, LAST),
    )
    days = days_between(FIRST, LAST)
    assert assess_coverage(inputs, days, SettlementSpread(settled_against="imbalance")).judged == days[1:]
    assert assess_coverage(inputs, days, Storage()).judged == days


def test_a_strategy_of_the_zone_without_a_second_price_trades_and_is_not_judged_unless_it_was_named(
    run: Callable[..., Any], tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(project_root / "resources/home/templates/conf", conf)
    (conf / "strategies" / "early.yaml").write_text("strategy: settlement_spread\nsettled_against: ida3\n")
    (conf / "zones.yaml").write_text(f"zones: {{{ZONE}: {{strategies: [early, storage]}}}}\n")
    monkeypatch.setenv("SPOTDESK_CONF", str(conf))
    span = ("--zone", ZONE, "--from", str(FIRST), "--to", str(LAST))
    done = run("backtest", *span, "--json")
    assert done.exit_code == 0, done.output
    assert "settlement_spread/ida3 trades and is not evaluated: 15 of 15 days have forecasts" in done.stderr
    assert [row["strategy"] for row in json.loads(done.stdout)["figures"]] == ["storage", "naive forecast"]
    named = run("backtest", *span, "--strategy", "early", "--strategy", "storage")
    assert "there is no day to evaluate settlement_spread/ida3 on" in str(named.exception)
    changed = run("backtest", *span, "--against", "imbalance")
    assert "name it with --strategy" in str(changed.exception)


def test_the_tables_of_a_backtest_are_written_on_request(run: Callable[..., Any], tmp_path: Path) -> None:
    done = run("backtest", *SPAN, "--output", str(tmp_path / "made"))
    assert done.exit_code == 0, done.output
    assert "assumed: resume_after_days = 0: a person resumes a zone that a limit halted" in done.stdout
    for contract in (SIGNALS, SETTLEMENTS, RISK_EVENTS, LIMIT_CONFORMANCE, BID_CURVES):
        rows = pl.read_parquet(tmp_path / "made" / f"{contract.name}.parquet")
        assert check_rows(rows, contract).rejected.is_empty()
        assert rows.height > 0 or contract in (RISK_EVENTS, BID_CURVES)


def test_the_money_is_attributed_by_month_hour_direction_zone_and_model_version(
    run: Callable[..., Any],
) -> None:
    result = json.loads(run("backtest", *SPAN, "--json").stdout)
    for by in ("months", "hours", "directions", "zones", "model_versions"):
        assert sum(row["pnl_eur"] for row in result[by]) == pytest.approx(result["figures"][0]["pnl_eur"]), by
    assert {row["direction"] for row in result["directions"]} >= {"buy", "sell"}
    assert [row["zone"] for row in result["zones"]] == [ZONE]


def test_a_price_view_is_judged_beside_the_naive_forecast_and_says_why_it_did_not_trade(
    run: Callable[..., Any], tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    span = ("--zone", ZONE, "--from", str(FIRST), "--to", str(LAST), "--strategy", "price_view")
    page = tmp_path / "report.html"
    flat = run("backtest", *span, "--report", str(page))
    assert flat.exit_code == 1
    assert "verdict: did not trade" in flat.stdout
    assert "no reference price" in flat.stdout
    assert "did not trade" in page.read_text()
    shutil.copytree(project_root / "resources/home/templates/conf", tmp_path / "conf")
    with (tmp_path / "conf" / "strategies" / "price_view.yaml").open("a") as file:
        file.write("reference_eur_per_mwh: 90.0\n")
    monkeypatch.setenv("SPOTDESK_CONF", str(tmp_path / "conf"))
    own, naive = json.loads(run("backtest", *span, "--json").stdout)["figures"]
    assert (own["strategy"], naive["strategy"]) == ("price_view", "naive forecast")
    assert own["n_traded_units"] > 0
    assert own["pnl_eur"] >= naive["pnl_eur"]  # a perfect forecast is at least as good
    assert own["verdict"] in (
        "too few days to judge",
        "edge over the naive forecast",
        "no significant edge over the naive forecast",
    )
    assert own["p_own_not_better"] is None
    assert naive["p_own_not_better"] is not None


def test_the_desks_own_curve_is_traded_against_whoever_brought_it(
    home: Path, run: Callable[..., Any]
) -> None:
    lake, day = Lake(uri=str(home / "lake")), FIRST + timedelta(days=1)
    market = lake.read("intraday_prices", zones=[ZONE], first_day=day, last_day=day).filter(
        pl.col("series") == "vwap"
    )
    given = gate_closure_utc(ZONE, day) - timedelta(hours=3)
    curve = market.with_columns(
        series=pl.lit("reference_curve"),
        price_eur_per_mwh=pl.lit(400.0),
        source=pl.lit("files"),
        availability=pl.lit("stated"),
        available_at_utc=pl.lit(given),
    )
    lake.append("intraday_prices", curve, source="files")
    raw = with_desk_curve({"intraday_prices": market}, lake, ZONE, first_day=FIRST, last_day=LAST)[
        "intraday_prices"
    ]
    assert raw.filter(pl.col("series") == "vwap").equals(market)
    assert raw.filter(pl.col("series") == "reference_curve").height == curve.height
    span = ("--zone", ZONE, "--from", str(FIRST), "--to", str(LAST), "--strategy", "price_view")
    result = json.loads(run("backtest", *span, "--json").stdout)
    assert result["figures"][0]["n_traded_units"] == 24
    assert [row["direction"] for row in result["directions"] if row["energy_mwh"] > 0] == ["buy"]


def test_signals_are_shown_with_their_reasons_and_void_ones_say_so(run: Callable[..., Any]) -> None:
    shown = run("signals", "--zone", ZONE, "--day", str(FIRST))
    assert shown.exit_code == 0
    assert "VOID" in shown.stdout
    assert "value at risk" in shown.stdout
    rows = json.loads(run("signals", "--zone", ZONE, "--day", str(FIRST), "--json").stdout)["signals"]
    assert len(rows) == 24
    assert all(row["is_void"] for row in rows)
    assert rows[0]["valid_until_utc"] == gate_closure_utc(ZONE, FIRST).isoformat()


def test_a_strategy_without_signals_is_told_those_of_the_day(run: Callable[..., Any]) -> None:
    asked = run("signals", "--zone", ZONE, "--day", str(FIRST), "--strategy", "price_veiw")
    assert asked.exit_code == 1
    assert "no signal of price_veiw" in asked.output
    assert "the strategies of that day are storage" in asked.output


def test_a_unit_of_a_batterys_plan_shows_no_edge_limit_or_probability_of_its_own(
    run: Callable[..., Any],
) -> None:
    shown = run("signals", "--zone", ZONE, "--day", str(FIRST)).stdout
    row = next(line for line in shown.splitlines() if " buy " in line)
    assert row.split()[4] == row.split()[6] == row.split()[7] == "-"
    assert "takes any price inside the collar" in shown
    rows = json.loads(run("signals", "--zone", ZONE, "--day", str(FIRST), "--json").stdout)["signals"]
    assert all(row["limit_price_eur_per_mwh"] is not None for row in rows if row["side"] != "flat")


def test_what_moved_the_forecast_is_told_in_words_and_as_bars(run: Callable[..., Any], home: Path) -> None:
    lake = Lake(uri=str(home / "lake"))
    rows = lake.read("signals", zones=[ZONE], first_day=FIRST, last_day=FIRST)
    moved = {
        "wind": np.full(24, -4.0),
        "prices of the days before": np.full(24, 2.0),
        "load": np.arange(24.0) / 100,
    }
    lake.replace(
        "signal_reasons",
        signal_reasons(rows, moved, [(FIRST - timedelta(days=7), 0.8, 71.0)]),
        zone=ZONE,
        first_day=FIRST,
        last_day=FIRST,
    )
    shown = run("signals", "--zone", ZONE, "--day", str(FIRST), "--explain").stdout
    assert (
        "wind takes off 4.0 EUR/MWh; prices of the days before adds 2.0 EUR/MWh; load adds 0.1 EUR/MWh"
        in shown
    )
    assert "resembles 2025-05-25 (80% alike" in shown
    picture = [line for line in shown.splitlines() if "|" in line]
    assert [line.split("|")[0].count("█") for line in picture] == [24, 0, 0]
    assert [line.split("|")[1].count("█") for line in picture] == [0, 12, 1]
    assert picture[0].endswith("-4.0")
    stored = json.loads(run("signals", "--zone", ZONE, "--day", str(FIRST), "--explain", "--json").stdout)[
        "contributions"
    ]
    assert {row["feature"] for row in stored} == {*moved, "similar days"}


def test_no_signal_is_exit_code_1(run: Callable[..., Any]) -> None:
    assert run("signals", "--zone", ZONE, "--day", "2024-01-01").exit_code == 1


def test_a_halted_zone_is_named_above_its_signals(run: Callable[..., Any]) -> None:
    CliRunner().invoke(stop_button, ["halt", "--zone", ZONE])
    assert "HALTED" in run("signals", "--zone", ZONE, "--day", str(FIRST)).stdout


@pytest.mark.parametrize(
    ("settings", "day", "told"),
    [
        (
            "{source: files}",
            "2030-01-01",
            "`spotdesk run --source files --zone SK --from 2030-01-01 --to 2030-01-01` makes them",
        ),
        ("{}", "2030-01-01", "`spotdesk run --zone SK --from 2030-01-01"),
        (
            "{source: entsoe, live: true}",
            "2099-01-01",
            "the schedule, or the job signals_ready of SK and 2099-01-01",
        ),
    ],
)
def test_a_day_without_signals_says_what_makes_them_on_the_data_of_the_zone(
    run: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: str,
    day: str,
    told: str,
) -> None:
    (tmp_path / "zones.yaml").write_text(f"zones:\n  SK: {settings}\n")
    monkeypatch.setenv("SPOTDESK_CONF", str(tmp_path))
    done = run("signals", "--zone", "SK", "--day", day)
    assert done.exit_code == 1
    assert told in done.stderr
