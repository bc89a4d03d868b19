"""`spotdesk pnl`, `positions`, `limits`, `alerts` and `status --follow` on a desk whose facts are known."""

import json
import os
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from desk.every_day.follow import countdown
from desk.figures.money import money_of
from desk.figures.positions import FILLED, ORDERED, WAITING, positions_of, unit_positions
from desk.main import app
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from tests.support.decided_desk import EARNED, OPEN_ALERT, PERFECT, make_decided_desk
from tests.support.made_up_rows import made_up
from tests.support.sample_market import ZONE

pytestmark = pytest.mark.slow  # a desk with decided days is made first


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures") / "desk"
    make_decided_desk(folder, utc_now())
    return folder


def ask(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--home", str(home), *words])


def told(home: Path, *words: str) -> list[dict[str, Any]]:
    done = ask(home, *words, "--json")
    answer: list[dict[str, Any]] = json.loads(done.stdout)
    return answer


def test_pnl_sums_the_day_seven_days_and_the_month(home: Path) -> None:
    rows = {row["period"]: row for row in told(home, "pnl")}
    last = date.fromisoformat(rows["day"]["last_day"])
    n_days = {"day": 1, "7 days": 7, "month": last.day}
    for period, row in rows.items():
        assert row["n_days"] == n_days[period]
        assert row["pnl"] == EARNED * row["n_days"]
        assert row["foresight_share"] == pytest.approx(EARNED / PERFECT)
        assert row["naive"] is None
    assert "net P&L" in ask(home, "pnl").stdout


def test_pnl_up_to_a_day_counts_nothing_later(home: Path) -> None:
    last = utc_now().date() - timedelta(days=20)
    row = next(row for row in told(home, "pnl", "--day", str(last)) if row["period"] == "7 days")
    assert (row["last_day"], row["pnl"]) == (str(last), 7 * EARNED)


def test_a_rival_counts_only_where_it_has_every_day() -> None:
    days = [date(2025, 10, 1), date(2025, 10, 2)]
    own = made_up(
        "settlements", *({"delivery_day": day, "pnl_eur": 5.0, "perfect_foresight_eur": 9.0} for day in days)
    )
    rich = made_up("settlements", *({"delivery_day": day, "pnl_eur": 3.0} for day in days))
    naive = {"storage": {"whole": rich, "half": rich.head(1).with_columns(pnl_eur=99.0)}}
    row = next(row for row in money_of(own, days[-1], naive=naive) if row.period == "month")
    assert (row.naive_name, row.naive) == ("whole", 6.0)


def test_perfect_foresight_that_is_not_known_everywhere_gives_no_share() -> None:
    unknown = {"perfect_foresight_eur": None, "signal_id": "y"}
    row = money_of(made_up("settlements", {}, unknown), date(2025, 10, 10))[0]
    assert (row.perfect_foresight, row.foresight_share) == (None, None)


def test_positions_are_orders_until_they_are_filled(home: Path) -> None:
    (row,) = told(home, "positions")
    assert row["n_orders"] > 0
    assert row["bought_mwh"] > 0 < row["sold_mwh"]
    units = told(home, "positions", "--units", "--zone", ZONE)
    assert len(units) == row["n_orders"]
    energy = sum(unit["power_mw"] * unit["resolution_minutes"] / 60 for unit in units)
    assert energy == pytest.approx(row["net_mwh"])
    assert all(len(unit["local"]) == len("12:00") for unit in units)


def test_a_filled_unit_has_the_power_that_was_filled_and_an_unsent_live_order_is_none() -> None:
    now = utc_now()
    start = {"signal_id": "a", "side": "sell", "volume_mw": 4.0, "gate_closure_utc": now - timedelta(hours=1)}
    other = {**start, "signal_id": "b", "strategy": "settlement_spread"}
    unsent = {**start, "signal_id": "c", "mode": "live", "strategy": "other"}
    later = {**start, "signal_id": "d", "zone": "FR", "gate_closure_utc": now + timedelta(hours=1)}
    signals = made_up("signals", start, other, unsent, later)
    filled = made_up("settlements", {"signal_id": "a", "exposure_mw": -3.0})
    units = unit_positions(signals, made_up("publications").clear(), filled, now)
    found = {row["signal_id"]: (row["power_mw"], row["state"]) for row in units.iter_rows(named=True)}
    assert found == {"a": (-3.0, FILLED), "b": (-4.0, WAITING), "d": (-4.0, ORDERED)}
    assert {row.net_mwh * 4 for row in positions_of(units)} <= {-3.0, -4.0, -12.0, -16.0}


def test_limits_show_what_is_used_and_fail_where_one_stops(home: Path) -> None:
    done = ask(home, "limits", "--json")
    rows = json.loads(done.stdout)
    assert done.exit_code == 0
    energy = next(row for row in rows if row["limit"] == "max_mwh_per_day" and row["scope"] == "zone")
    assert energy["headroom_frac"] == pytest.approx(1 - energy["used"] / energy["allowed"])
    assert energy["means"].startswith("energy of a delivery day")
    lake, day = make_lake(read_environment(home=home)), date(2024, 5, 5)
    breach = {"zone": ZONE, "delivery_day": day, "status": "breached", "limit_name": "max_net_mw"}
    lake.upsert("limit_conformance", made_up("limit_conformance", breach))
    stopped = ask(home, "limits", "--day", str(day))
    assert stopped.exit_code == 1
    assert "breached" in stopped.stdout


def test_an_acknowledged_alert_keeps_name_and_note_and_leaves_the_open_ones(home: Path) -> None:
    assert ask(home, "alerts").exit_code == 1, "a critical alert is open"
    first = told(home, "alerts")[0]
    assert (first["message"], first["acknowledged_by"]) == (OPEN_ALERT, [])
    words = ("alerts", "--acknowledge", first["alert_id"][:8], "--by", "Ann", "--reason", "called the source")
    assert ask(home, *words).exit_code == 0
    assert ask(home, *words).exit_code == 0, "said twice, it stays as it is"
    rows = told(home, "alerts")
    seen = next(row for row in rows if row["alert_id"] == first["alert_id"])
    assert seen["acknowledged_by"][0].startswith("Ann (system user ")
    assert seen["note"] == "called the source"
    assert [row["kind"] for row in told(home, "alerts", "--open")] == ["drift_found"]
    assert make_lake(read_environment(home=home)).read("alert_acknowledgements").height == 1


def test_an_alert_that_is_none_is_told(home: Path) -> None:
    done = CliRunner().invoke(app, ["--home", str(home), "alerts", "--acknowledge", "zzzz"])
    assert "0 alerts have an id that begins with 'zzzz'" in str(done.exception)


def test_a_zone_that_the_desk_does_not_have_is_told(home: Path) -> None:
    done = ask(home, "pnl", "--zone", "FR")
    assert f"the desk does not have FR: it has {ZONE}" in str(done.exception)


def test_follow_prints_a_document_a_line_until_it_is_interrupted(home: Path) -> None:
    words = [sys.executable, "-m", "desk.main", "--home", str(home), "status"]
    environment = {**os.environ, "SPOTDESK_HOME": str(home)}
    with subprocess.Popen(
        [*words, "--follow", "--every", "1", "--json"], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert lines[0]["at_utc"] < lines[1]["at_utc"]
    assert lines[0]["zones"][0]["zone"] == ZONE
    assert {row["period"] for row in lines[1]["pnl"]} == {"day", "7 days", "month"}


def test_a_countdown_in_words() -> None:
    now = utc_now()
    found = [countdown(now + timedelta(seconds=left), now) for left in (7500, 250, -5)]
    assert found == ["in 2 h 05 min", "in 4 min 10 s", "closed"]


def test_money_of_nothing_is_nothing() -> None:
    assert money_of(pl.DataFrame(schema=made_up("settlements").schema), date(2025, 1, 1)) == []
