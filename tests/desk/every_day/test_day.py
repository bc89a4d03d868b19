"""`spotdesk day explain`: exact steps from expected to net, on rows with known numbers and on a real desk."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from desk.main import app
from resources.home.make import make_home
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from tests.support.made_up_rows import made_up
from tests.support.paper_desk import DAYS, make_paper_desk

DAY, ZONE = date(2025, 10, 10), "DE_LU"
START = datetime(2025, 10, 10, 10, tzinfo=UTC)
STEPS = ("expected", "day_ahead_surprise", "second_price_surprise", "other", "costs")


def explain(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--home", str(home), "day", "explain", *words])


def write(home: Path, table: str, *rows: dict[str, Any]) -> None:
    frame = made_up(table, *({"zone": ZONE, "delivery_day": DAY, "role": "champion"} | row for row in rows))
    make_lake(read_environment(home=home)).replace(table, frame, zone=ZONE, first_day=DAY, last_day=DAY)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An order of 4 MW for half an hour, bought at 50 and sold at 47, where 40 and 45 were expected."""
    make_home(tmp_path / "desk")
    unit = {"signal_id": "a", "delivery_start_utc": START, "resolution_minutes": 30, "side": "buy"}
    prices = {"day_ahead_price_eur_per_mwh": 50.0, "reference_price_eur_per_mwh": 47.0}
    costs = {"fees_eur": 1.0, "slippage_eur": 0.5, "imbalance_cost_eur": 0.0, "degradation_eur": 0.0}
    money = {"gross_pnl_eur": -6.0, "pnl_eur": -7.5, "perfect_foresight_eur": None, "exposure_mw": 4.0}
    expected = {"expected_price_eur_per_mwh": 40.0, "expected_reference_eur_per_mwh": 45.0, "volume_mw": 4.0}
    write(tmp_path / "desk", "settlements", unit | prices | costs | money)
    write(tmp_path / "desk", "signals", unit | expected | {"reasons": "second price above"})
    return tmp_path / "desk"


def test_the_steps_lead_from_expected_to_net(home: Path) -> None:
    told = json.loads(explain(home, str(DAY), "--zone", ZONE, "--json").stdout)
    (row,) = told["money"]
    assert [row[name] for name in STEPS] == [10.0, -20.0, 4.0, 0.0, -1.5]
    assert (row["net"], row["perfect"], row["n_orders"]) == (-7.5, None, 1)
    (unit,) = told["units"]
    assert (unit["local"], unit["net"], unit["reasons"]) == ("12:00", -7.5, "second price above")


def test_forecast_and_limits_are_told_in_words(home: Path) -> None:
    point = {"price_point_eur_per_mwh": 44.0, "price_q100_eur_per_mwh": 42.0, "price_q900_eur_per_mwh": 49.0}
    unit = {"delivery_start_utc": START, "resolution_minutes": 15, "source": "files", "model_version": "7"}
    write(home, "day_ahead_forecasts", point | unit)
    write(home, "risk_events", {"detail": "max_mw_per_mtu: 6 above 4"})
    price = made_up(
        "day_ahead_prices",
        {"series": "day_ahead", "source": "files", "price_eur_per_mwh": 50.0, "delivery_day": DAY}
        | {
            "delivery_start_utc": START,
            "resolution_minutes": 15,
            "available_at_utc": START - timedelta(hours=9),
        },
    )
    make_lake(read_environment(home=home)).append("day_ahead_prices", price, source="files")
    said = explain(home, str(DAY), "--zone", ZONE).stdout
    for words in (
        "the forecast of version 7 was 6.00 EUR/MWh off on average",
        "above the forecast in 1 of 1 units",
        "inside the 80 % interval in 0 of 1 units",
        "max_mw_per_mtu: 6 above 4",
        "day-ahead came",
    ):
        assert words in " ".join(said.split())


def test_a_day_without_money_says_so(home: Path) -> None:
    answer = explain(home, "2025-10-11", "--zone", ZONE)
    assert answer.exit_code == 1
    assert "nothing is settled" in answer.stdout
    told = json.loads(explain(home, "2025-10-11", "--zone", ZONE, "--json").stdout)
    assert (told["money"], told["units"]) == ([], [])
    assert explain(home, "tomorrow", "--zone", ZONE).exit_code == 2


@pytest.mark.slow
def test_on_a_desk_that_ran_nothing_is_left_unexplained(tmp_path: Path) -> None:
    make_paper_desk(tmp_path / "desk")
    for day in DAYS:
        told = json.loads(explain(tmp_path / "desk", day, "--zone", ZONE, "--json").stdout)
        assert {row["strategy"] for row in told["money"]} == {"storage", "settlement_spread"}
        for row in told["money"]:
            assert row["other"] == pytest.approx(0.0, abs=0.01)
            assert sum(row[name] for name in STEPS) == pytest.approx(row["net"], abs=0.05)
