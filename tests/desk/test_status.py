"""`spotdesk status`: can we trade tomorrow, asked of a desk that is fresh, in order, halted and old."""

import json
import shutil
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from desk.trading.status import status
from desk.trading.zone_status import zone_statuses
from resources.lake.lake import Lake
from resources.models.version import VersionFacts
from resources.settings.desk import desk_resource
from resources.settings.environment import Environment, read_environment
from resources.trading.clock_watch import ClockWatch
from resources.trading.second_place import SecondPlace
from resources.trading.state import TradingStateStore
from resources.wiring import make_lake, make_registry
from spot.market.gates import gate_closure_utc
from spot.simulation.market import simulate
from spot.strategy.proposals.storage import Storage
from spot.strategy.signals import decide_signals
from tests.support.sample_market import ZONE, make_book, make_forecast, make_request

DAY = date(2025, 6, 3)
GATE = gate_closure_utc(ZONE, DAY)
NOW = GATE - timedelta(minutes=20)
"""Half an hour after the forecasts, before the gate."""
AGES = ((1, 200), (2, 120), (3, 20))
"""Version and days between what it learnt and DAY."""


@pytest.fixture(scope="module")
def desk_home(tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Path:
    """A desk of one zone with a battery: prices, a forecast and signals of DAY, three versions, ACTIVE."""
    folder = tmp_path_factory.mktemp("status")
    conf = folder / "conf"
    for name in ("risk_limits.yaml", "strategies/storage.yaml"):
        (conf / name).parent.mkdir(parents=True, exist_ok=True)
        (conf / name).write_text(
            (project_root / "resources/home/templates/conf" / name)
            .read_text()
            .replace("max_model_age_days: {limit: 550", "max_model_age_days: {limit: 120")
        )
    (conf / "zones.yaml").write_text(
        yaml.safe_dump({"zones": {ZONE: {"source": "simulated", "strategies": ["storage"]}}})
    )
    lake = Lake(uri=str(folder / "home" / "lake"))
    lake.append(
        "day_ahead_prices",
        simulate(ZONE, DAY - timedelta(days=9), DAY - timedelta(days=1), seed=2).tables["day_ahead_prices"],
        source="simulated",
    )
    forecast = make_forecast(DAY).with_columns(as_of_utc=NOW)
    decision = decide_signals(
        make_request(DAY, Storage(), forecast=forecast, as_of_utc=NOW, limits=make_book())
    )
    lake.replace("day_ahead_forecasts", forecast, zone=ZONE, first_day=DAY, last_day=DAY)
    lake.replace("signals", decision.frame, zone=ZONE, first_day=DAY, last_day=DAY)
    registry = make_registry(read_environment(folder / "home"))
    for number, age in AGES:
        facts = VersionFacts(
            settings={"kind": "naive"},
            metrics={},
            fingerprint=f"f{number}",
            lineage="simulated",
            trained_from=date(2024, 1, 1),
            trained_through=DAY - timedelta(days=age),
            serves_from=DAY - timedelta(days=age - 1),
            tags={},
        )
        registry.register(ZONE, {"model.json": b"{}"}, facts)
        registry.promote(ZONE, str(number))
    return folder


@pytest.fixture
def environment(desk_home: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("SPOTDESK_HOME", str(desk_home / "home"))
    monkeypatch.setenv("SPOTDESK_CONF", str(desk_home / "conf"))
    for name in ("SPOTDESK_LAKE_URI", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    environment = read_environment()
    store = TradingStateStore(environment.trading_state)
    store.set_up()
    store.resume(reason="a new test", actor="test")
    store.resume(ZONE, reason="a new test", actor="test")
    make_registry(environment).rollback(ZONE, "3")
    return environment


def ask(environment: Environment, now: datetime = NOW) -> dict[date, dict[str, object]]:
    made = zone_statuses(make_lake(environment), environment, desk_resource(environment), ZONE, now)
    return {one.delivery_day: one.row() for one in made}


def test_a_desk_in_order_can_trade_and_shows_the_age_of_model_and_data(environment: Environment) -> None:
    row = ask(environment)[DAY]
    assert row["can_trade"], row
    assert str(row["why"]).startswith("storage: ")
    assert (row["champion"], row["champion_age_days"]) == ("3", 20)
    assert 0.0 < float(str(row["data_age_hours"])) < 48.0


def test_a_halt_an_old_model_and_old_data_are_reasons_with_their_cure(environment: Environment) -> None:
    TradingStateStore(environment.trading_state).halt(ZONE, reason="odd prices", actor="Ann")
    make_registry(environment).rollback(ZONE, "1")
    later = ask(environment, NOW + timedelta(days=9))[DAY + timedelta(days=9)]
    assert not later["can_trade"]
    for words in (
        f'{ZONE} HALTED, odd prices; to resume: `spotdesk resume --zone {ZONE} --reason "..."`',
        "champion 1 is 209 days old, max_model_age_days allows 120",
        "data too old",
        "no forecast yet",
    ):
        assert words in str(later["why"])


def test_a_clock_that_is_not_believed_and_a_second_place_that_says_halted_are_reasons(
    environment: Environment, tmp_path: Path
) -> None:
    watch = ClockWatch(environment.trading_state)
    watch.confirm(by="Ann", reason="set up")
    path = environment.trading_state / "clock.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"latest": 1e10}))
    place = SecondPlace(str(tmp_path / "elsewhere"))
    row = ask(environment.model_copy(update={"stop_uri": place.uri}))[DAY]
    watch.confirm(by="Ann", reason="set up")
    assert not row["can_trade"]
    assert "the clock is not trusted, it stands" in str(row["why"])
    assert "spotdesk clock confirm" in str(row["why"])
    assert "HALTED at the second place" in str(row["why"])
    assert ask(environment)[DAY]["can_trade"]


def test_after_the_gate_the_next_day_has_a_row_too(environment: Environment) -> None:
    rows = ask(environment, GATE + timedelta(minutes=5))
    assert list(rows) == [DAY, DAY + timedelta(days=1)]
    assert "no order was sent" in str(rows[DAY]["why"])
    assert "no forecast yet" in str(rows[DAY + timedelta(days=1)]["why"])


def test_the_pointer_and_the_registry_name_the_same_version(environment: Environment) -> None:
    registry = make_registry(environment)
    for champion in ("3", "1", "2"):
        registry.rollback(ZONE, champion)
        for day in (DAY - timedelta(days=201), DAY - timedelta(days=150), DAY - timedelta(days=60), DAY):
            for lineage in ("simulated", "files"):
                slow, quick = (
                    registry.serving(ZONE, [day], lineage)[day],
                    registry.pointer(ZONE).serving(day, lineage),
                )
                assert (slow and slow.version) == (quick and quick.version), (champion, day, lineage)


def test_the_newest_day_is_told_by_the_log(environment: Environment) -> None:
    lake = make_lake(environment)
    assert lake.newest_day("day_ahead_prices", ZONE) == DAY - timedelta(days=1)
    assert lake.newest_day("day_ahead_prices", "FR") is None
    assert lake.newest_day("settlements", ZONE) is None


def run(*words: str) -> str:
    app = typer.Typer()
    app.command()(status)
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_missing_strategy_file_concerns_its_zone_alone(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = shutil.copytree(environment.conf_folder, tmp_path / "conf")
    (conf / "zones.yaml").write_text(
        yaml.safe_dump(
            {
                "zones": {
                    "FR": {"strategies": ["storage", "typo"]},
                    ZONE: {"source": "simulated", "strategies": ["storage"]},
                }
            }
        )
    )
    monkeypatch.setenv("SPOTDESK_CONF", str(conf))
    told = {row["zone"]: row["why"] for row in json.loads(run("--json"))["tomorrow"]}
    assert (
        f"strategy typo: there is no file {conf / 'strategies' / 'typo.yaml'}: known are storage"
        in told["FR"]
    )
    assert "no champion" in told["FR"], "what else stands in the way is told as well"
    assert "typo" not in told[ZONE]
    assert {"FR", ZONE} == {zone["zone"] for zone in json.loads(run("--json"))["zones"]}


def test_a_fresh_desk_names_the_command_that_lets_it_trade(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    text = run()
    assert "desk HALTED, the trading state has not been set up" in text
    assert 'spotdesk resume --reason "..."' in text
    assert "spotdesk demo" in text
    answer = json.loads(run("--json"))
    assert answer["cure"] == 'spotdesk resume --reason "..."'
    assert [row["can_trade"] for row in answer["tomorrow"]] == [False] * len(answer["tomorrow"])
    assert all("no champion" in row["why"] or "gate closed" in row["why"] for row in answer["tomorrow"])


def test_an_active_desk_needs_no_cure(environment: Environment) -> None:
    assert json.loads(run("--json"))["cure"] == ""
    assert "can we trade tomorrow?" in run()


def test_the_state_of_the_desk_is_told_without_the_solvers() -> None:
    code = (
        "import sys, desk.trading.status; print(sorted({'scipy', 'catboost', 'mlflow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
