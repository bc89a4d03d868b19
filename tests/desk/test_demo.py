"""The demo: its plan holds together, and it gives the same result twice.

A short version runs the real graph.
"""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from dagster import DagsterInstance
from typer.testing import CliRunner

from desk.demo.command import DemoPlan, Regime, make_demo_home, next_steps, run_plan
from desk.demo.summary import TABLES, summarise_zone
from desk.main import app
from resources.home.find import PROJECT_ROOT, TEMPLATES, chosen_home
from resources.settings.environment import desk_resource
from resources.settings.strategies import read_strategy
from resources.settings.zones import ZoneSettings
from resources.wiring import make_lake
from spot.errors import ConfigurationError
from spot.strategy.signals import decide_signals
from tests.support.partition_days import check_shown_days
from tests.support.sample_market import make_request


@pytest.mark.parametrize("scenario", list(Regime))
def test_the_plan_is_about_500_days_with_one_change_after_a_calm_time(scenario: Regime) -> None:
    plan = DemoPlan(scenario=scenario)
    assert 470 <= (plan.tomorrow - plan.first_day).days + 1 <= 500
    assert plan.first_forecast + timedelta(days=28) <= plan.change_day < plan.tomorrow - timedelta(days=42)
    settings = ZoneSettings.model_validate(plan.overrides())
    assert (settings.source, settings.live) == ("simulated", False)
    assert [(regime.name, regime.start_day) for regime in settings.scenarios] == [
        (scenario.value, plan.change_day)
    ]
    assert (TEMPLATES / "conf" / "models" / f"{plan.model}.yaml").is_file()


def test_every_next_step_is_a_command_on_the_demos_own_state() -> None:
    home = PROJECT_ROOT / ".spotdesk" / "demo"
    for command, meaning in next_steps(home, DemoPlan.quick(Regime.GAS_SHOCK, 1)):
        assert command.startswith(".venv/bin/spotdesk --home .spotdesk/demo ")
        assert meaning
        assert "--zone DE_LU" not in command, "a zone that this demo has"


def test_the_battery_of_the_demo_orders_what_an_auction_takes(tmp_path: Path) -> None:
    environment = make_demo_home(tmp_path / "demo", DemoPlan())
    battery = read_strategy(desk_resource(environment), "storage")
    assert (battery.strategy, battery.volume_step_mw) == ("storage", 0.1)
    request = make_request(date(2025, 6, 2), battery)
    volumes = decide_signals(request).frame["volume_mw"].to_numpy()
    assert volumes.any()
    assert volumes[volumes > 0].min() >= 0.1


def test_the_command_explains_itself() -> None:
    shown = CliRunner().invoke(app, ["demo", "--help"])
    assert shown.exit_code == 0
    assert "--scenario" in shown.output
    assert CliRunner().invoke(app, ["demo", "--scenario", "meteorite"]).exit_code == 2


def test_a_folder_that_is_not_the_demos_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep")
    done = CliRunner().invoke(app, ["demo", "--home", str(tmp_path)])
    assert isinstance(done.exception, ConfigurationError)
    assert (tmp_path / "precious.txt").read_text() == "keep"


@pytest.mark.slow
def test_a_short_demo_runs_the_graph_in_its_own_home_and_again_gives_the_same(tmp_path: Path) -> None:
    plan = DemoPlan(
        zones=("FR",),
        model="catboost_small",
        training_days=60,
        first_forecast=date(2025, 4, 1),
        change_day=date(2025, 4, 5),
        tomorrow=date(2025, 4, 12),
    )
    told = []
    for name in ("first", "second"):
        environment = make_demo_home(tmp_path / name, plan)
        with chosen_home(environment.home):
            chain = run_plan(plan, environment)
        assert chain.failed == [], "a demo has warnings and no red"
        with DagsterInstance.from_config(str(environment.home / "dagster")) as instance:
            check_shown_days(environment.home, instance)
        assert [(version.zone, version.stage) for version in chain.trained][:1] == [("FR", "champion")]
        lake = make_lake(environment)
        tables = {table: lake.read(table, zones=["FR"]) for table in TABLES}
        assert set(tables["day_ahead_prices"]["source"]) == {"simulated"}
        told.append(summarise_zone(tables, "FR", change_day=plan.change_day, last_day=plan.tomorrow))
        tomorrow = tables["signals"].filter(pl.col("delivery_day") == plan.tomorrow)
        assert tomorrow.height >= 24
        assert (tomorrow["as_of_utc"] < tomorrow["gate_closure_utc"]).all()
        assert (environment.home / "analyst.duckdb").is_file()
    assert told[0].n_forecast_days == 11
    assert told[0].mae_before is not None
    assert told[0] == told[1]
