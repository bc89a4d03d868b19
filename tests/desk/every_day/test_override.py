"""A trader's own view: before the gate, within limits, with a name; and what it earned beside the machine."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from desk.figures.opened import OpenedDesk
from desk.figures.overrides import Wish, changes_of, enter, scores_of
from desk.main import app
from resources.books.chain import Chain
from resources.settings.environment import read_environment
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from spot.contracts.words import OverrideAction
from spot.errors import ConfigurationError
from spot.market.delivery import ZoneDays
from spot.simulation.market import simulate
from tests.support.decided_desk import make_decided_desk
from tests.support.sample_market import ZONE
from workflows.decisions.by_hand import Changing

NOW = (utc_now() + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
"""Tomorrow before the gate: the orders of the day after are open, at whatever hour the tests run."""


def at() -> datetime:
    """Five minutes later: somebody asks."""
    return NOW + timedelta(minutes=5)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "desk"))
    make_decided_desk(tmp_path / "desk", NOW)
    return tmp_path / "desk"


def opened(home: Path) -> OpenedDesk:
    return OpenedDesk(read_environment(home=home))


def day_of(home: Path) -> date:
    found = opened(home).lake.newest_day("signals", ZONE)
    assert found is not None
    return found


def wish(home: Path, units: str = "all", action: OverrideAction = "leave_out", **numbers: float) -> Wish:
    return Wish(
        zone=ZONE,
        delivery_day=day_of(home),
        strategy="storage",
        units=units,
        action=action,
        **numbers,
    )


def asked(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--home", str(home), *words])


def test_a_change_is_a_record_with_a_name_in_the_books(home: Path) -> None:
    before = opened(home).lake.version("signals")
    rows = enter(opened(home), wish(home), by="Ann (logged in)", reason="the line is out", clock=at)
    stored = opened(home).lake.read("order_overrides")
    assert stored.height == rows.height > 10
    assert set(stored["entered_by"]) == {"Ann (logged in)"}
    assert set(stored["reason"]) == {"the line is out"}
    assert set(stored["action"]) == {"leave_out"}
    assert opened(home).lake.version("signals") == before, "the machine's own signals stay"
    assert opened(home).unit_positions(ZONE, NOW).is_empty(), "positions show what leaves"
    tables = [record.content.get("table") for record in Chain(home).records() if record.kind == "commit"]
    assert list(dict.fromkeys(tables))[-2:] == ["override_conformance", "order_overrides"]


@pytest.mark.parametrize(
    ("asked_for", "why"),
    [
        ({"units": "06:00", "action": "change", "limit_price_eur_per_mwh": 3500.0}, "max_price_eur_per_mwh"),
        ({"units": "all", "action": "change", "volume_mw": 5.0}, "the battery has 1 MW"),
        ({"units": "06:00", "action": "change", "volume_mw": 0.12345}, "whole steps"),
        ({"units": "00:00-03:00"}, "the battery would be empty"),
        ({"units": "17:00-21:00"}, "would end the day with"),
        ({"units": "09:00"}, "no order in these units"),
        ({"units": "25:00"}, "not a time of the day"),
        ({"units": "soon"}, "not a time of the form"),
        ({"units": "all", "action": "change"}, "a new volume or a new price is missing"),
        ({"units": "all", "action": "change", "volume_mw": float("nan")}, "finite"),
        ({"units": "all", "action": "change", "volume_mw": -1.0}, "above zero"),
        ({"units": "all", "volume_mw": 1.0}, "belong to a change"),
        ({"units": "all", "action": "withdraw"}, "nobody has changed"),
    ],
)
def test_what_the_limits_or_the_asset_do_not_allow_is_refused(
    decided: Path, asked_for: dict[str, float], why: str
) -> None:
    with pytest.raises(ConfigurationError, match="REFUSED, nothing was changed") as refusal:
        enter(opened(decided), wish(decided, **asked_for), by="Ann", reason="x", clock=at)  # type: ignore[arg-type]
    assert why in str(refusal.value)
    assert opened(decided).lake.read("order_overrides").is_empty()


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk on which everything is refused, so that it is made once."""
    folder = tmp_path_factory.mktemp("override") / "desk"
    make_decided_desk(folder, NOW)
    return folder


def test_after_the_gate_and_while_halted_nothing_is_changed(decided: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"the gate of .* closed at"):
        enter(opened(decided), wish(decided), by="Ann", reason="x", clock=lambda: NOW + timedelta(hours=4))
    store = TradingStateStore(read_environment(home=decided).trading_state)
    store.halt(ZONE, reason="test", actor="test")
    with pytest.raises(ConfigurationError, match="is HALTED, so no order leaves"):
        enter(opened(decided), wish(decided), by="Ann", reason="x", clock=at)
    store.resume(ZONE, reason="test", actor="test")
    with pytest.raises(ConfigurationError, match="a reason is missing"):
        enter(opened(decided), wish(decided), by="Ann", reason=" ", clock=at)


def test_a_change_that_a_new_decision_keeps_is_judged_on_it(home: Path) -> None:
    desk = opened(home)
    enter(desk, wish(home, "06:00", "change", limit_price_eur_per_mwh=60.0), by="Ann", reason="x", clock=at)
    later = NOW + timedelta(minutes=20)
    day = day_of(home)
    for table in ("signals", "limit_conformance"):
        rows = desk.lake.read(table, zones=[ZONE], first_day=day, last_day=day)
        rows = rows.with_columns(as_of_utc=pl.lit(later).cast(rows.schema["as_of_utc"]))
        desk.lake.replace(table, rows, zone=ZONE, first_day=day, last_day=day)
    changing = Changing(desk.lake, desk.desk, desk.registry, desk.environment.trading_state)
    assert changing.judge_again(ZoneDays(ZONE, day, day), later) == {}
    judged = desk.lake.read("override_conformance")
    assert judged.filter(decided_as_of_utc=later).height > 0
    store = TradingStateStore(desk.environment.trading_state)
    store.reduce(ZONE, reason="test", actor="test")
    refused = changing.judge_again(ZoneDays(ZONE, day, day), later + timedelta(minutes=1))
    assert "trading state is REDUCING" in refused[day, "storage"][0]


def test_the_score_is_override_money_minus_machine_money(home: Path) -> None:
    desk, day = opened(home), day_of(home)
    enter(desk, wish(home), by="Ann", reason="no trust in the night", clock=at)
    assert scores_of(changes_of(desk, ZONE, day, day))[0].n_settled == 0
    desk.lake.append(
        "day_ahead_prices", simulate(ZONE, day, day, seed=2).tables["day_ahead_prices"], source="simulated"
    )
    (score,) = scores_of(changes_of(desk, ZONE, day, day))
    assert (score.entered_by, score.override_pnl) == ("Ann", 0.0)
    assert score.n_settled == score.n_orders > 10
    prices = desk.lake.read("day_ahead_prices", zones=[ZONE], first_day=day, last_day=day)
    signals = desk.lake.read("signals", zones=[ZONE], first_day=day, last_day=day)
    both = signals.join(prices, on="delivery_start_utc").filter(pl.col("side") == "buy")
    assert both.height > 0
    assert score.gain == pytest.approx(-score.machine_pnl)
    assert score.machine_pnl != 0.0


def test_the_command_asks_names_and_tells(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.every_day.override.utc_now", at)
    words = ["override", "--zone", ZONE, "--strategy", "storage", "--at", "all", "--reason", "fog"]
    words += ["--leave-out", "--day", str(day_of(home)), "--by", "Ann"]
    assert "say --yes to do it" in str(asked(home, *words).exception)
    assert opened(home).lake.read("order_overrides").is_empty()
    done = asked(home, *words, "--yes")
    assert done.exit_code == 0, done.exception
    assert "orders of storage are left out, by Ann (system user" in " ".join(done.output.split())
    told = json.loads(asked(home, "overrides", "--zone", ZONE, "--json").stdout)
    (score,) = told["scores"]
    assert score["entered_by"].startswith("Ann (system user")
    assert len(told["orders"]) == score["n_orders"] > 10
    back = asked(home, *words[:9], "--withdraw", "--day", str(day_of(home)), "--yes", "--json")
    assert {row["action"] for row in json.loads(back.stdout)} == {"withdraw"}
    assert json.loads(asked(home, "overrides", "--json").stdout)["scores"] == []
    assert datetime.fromisoformat(json.loads(back.stdout)[0]["as_of_utc"]).tzinfo is not None
