"""The demo: its plan holds together, and it gives the same result twice.

A short version runs the real graph.
"""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml
from dagster import DagsterInstance
from typer.testing import CliRunner

from desk.demo.command import make_demo_home, next_steps, run_plan
from desk.demo.plan import DemoPlan, Regime
from desk.demo.story import Event
from desk.demo.summary import TABLES, summarise_zone
from desk.main import app
from resources.home.find import PROJECT_ROOT, TEMPLATES, chosen_home
from resources.settings.desk import desk_resource
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
    document = yaml.safe_load(plan.zones_text())
    for zone, planted in zip(
        plan.zones, ((scenario.value, plan.change_day), ("sensor_fault", plan.fault_day)), strict=True
    ):
        own = {**document["defaults"], **document["zones"][zone]}
        settings = ZoneSettings.model_validate(own)
        assert (settings.source, settings.live, settings.is_scheduled) == ("simulated", False, False)
        assert [(regime.name, regime.start_day) for regime in settings.scenarios] == [planted]
    assert (TEMPLATES / "conf" / "models" / f"{plan.model}.yaml").is_file()
    assert plan.model == "fast", "the engine that the README shows"


def test_every_next_step_is_a_command_on_the_demos_own_state() -> None:
    home = PROJECT_ROOT / ".spotdesk" / "demo"
    steps = next_steps(home, DemoPlan.quick(Regime.GAS_SHOCK, 1))
    assert steps[0][0] == ".venv/bin/spotdesk --home .spotdesk/demo screen", "the trader's screen comes first"
    for command, meaning in steps:
        assert command.startswith(".venv/bin/spotdesk --home .spotdesk/demo ")
        assert meaning
        assert "--zone FR" not in command, "a zone that this demo has"
        asked = CliRunner().invoke(app, [command.split()[3], "--help"])
        assert asked.exit_code == 0, command


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
        zones=("SK",),
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
        assert [(version.zone, version.stage) for version in chain.trained][:1] == [("SK", "champion")]
        lake = make_lake(environment)
        tables = {table: lake.read(table, zones=["SK"]) for table in TABLES}
        assert set(tables["day_ahead_prices"]["source"]) == {"simulated"}
        told.append(summarise_zone(tables, "SK", change_day=plan.change_day, last_day=plan.tomorrow))
        tomorrow = tables["signals"].filter(pl.col("delivery_day") == plan.tomorrow)
        assert tomorrow.height >= 24
        assert (tomorrow["as_of_utc"] < tomorrow["gate_closure_utc"]).all()
        assert (environment.home / "analyst.duckdb").is_file()
    assert told[0].n_forecast_days == 11
    assert told[0].mae_before is not None
    assert told[0] == told[1]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_story_happens_in_order_in_one_zone_and_the_other_only_quarantines(tmp_path: Path) -> None:
    plan = DemoPlan()
    environment = make_demo_home(tmp_path / "demo", plan)
    with chosen_home(environment.home):
        chain = run_plan(plan, environment)
    lake = make_lake(environment)
    tables = {table: lake.read(table, zones=list(plan.zones)) for table in TABLES}
    changed, calm = (
        summarise_zone(
            tables,
            zone,
            change_day=plan.change_day,
            last_day=plan.tomorrow,
            is_changed=zone == plan.zones[0],
        )
        for zone in plan.zones
    )
    assert chain.blocked == []

    won = changed.promotion
    assert won is not None, "the evidence is that of the desk's own policy"
    own = [event for event in changed.events if event.version in (None, won.version)]
    first = {event.kind: event.day for event in reversed(own)}
    steps = [first[kind] for kind in ("change", "drift", "retrain", "shadow", "promotion")]
    assert steps == sorted(steps)
    assert steps[0] < steps[1] < steps[2] < steps[4] < won.serves_from
    assert won.n_days >= 14
    assert won.new_mae_eur_per_mwh < 0.8 * won.old_mae_eur_per_mwh
    assert changed.n_false_alarms == 0
    assert changed.mae_before is not None
    assert changed.mae_after_old is not None
    assert changed.mae_after_new is not None
    assert changed.mae_before < changed.mae_after_old
    assert changed.mae_after_new < changed.mae_after_old

    assert {event.kind for event in calm.events} == {"bad_data"}, _texts(calm.events)
    assert calm.events[0].day == plan.fault_day
    assert set(calm.n_retrains) == {"schedule"}

    last = tables["day_ahead_forecasts"].filter(pl.col("delivery_day") == plan.tomorrow)
    quantiles = last.select(pl.col("^price_q.*$"))
    assert max(quantiles.max().row(0)) < 400.0, "no tail without a cause"
    assert min(quantiles.min().row(0)) > -200.0


def _texts(events: tuple[Event, ...]) -> list[str]:
    return [f"{event.day} {event.text}" for event in events]
