"""`spotdesk whatif` and the same question on the screen, on a desk as `spotdesk run` makes it."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from desk.guard.settings import GuardSettings
from desk.main import app
from desk.trader_screen.app import Screen, screen_app
from resources.settings.environment import Environment, read_environment
from resources.wiring import make_lake
from spot.contracts.tables import TABLES
from tests.support.paper_desk import DAYS, make_paper_desk
from tests.support.visitor import Visitor

ZONE, LAST = "DE_LU", date.fromisoformat(DAYS[-1])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It takes half a minute: a champion that reads inputs has to be trained."""
    folder = tmp_path_factory.mktemp("what_if") / "desk"
    make_paper_desk(folder)
    return folder


def asked(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--home", str(home), "whatif", "--zone", ZONE, *words])


def facts_of(home: Path, *words: str) -> dict[str, Any]:
    done = asked(home, *words, "--json")
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def test_an_answer_is_the_machines_own_beside_it_and_nothing_is_written(home: Path) -> None:
    lake = make_lake(read_environment(home=home))
    before = {table: lake.version(table) for table in TABLES}
    facts = facts_of(home, "--set", "wind=+30%", "--set", "load=-500MW")
    assert facts["what_if"] == "WHAT IF: nothing is stored, nothing is sent"
    assert facts["changes"] == ["wind=+30%", "load=-500MW"]
    assert facts["mean_eur_per_mwh"] < facts["machine_mean_eur_per_mwh"]
    assert facts["change_eur"] == pytest.approx(facts["expected_eur"] - facts["machine_expected_eur"])
    assert [one["name"] for one in facts["inputs"]] == ["load", "wind", "solar"]
    assert {table: lake.version(table) for table in TABLES} == before


def test_the_machines_own_answer_is_the_forecast_and_the_orders_that_stand(home: Path) -> None:
    facts = facts_of(home)
    lake = make_lake(read_environment(home=home))
    assert facts["delivery_day"] == DAYS[-1]
    own = lake.read("day_ahead_forecasts", zones=[ZONE]).filter(delivery_day=LAST, role="champion")
    stated = [unit["price_point_eur_per_mwh"] for unit in facts["forecast"]]
    assert stated == pytest.approx(own["price_point_eur_per_mwh"].to_list())
    orders = lake.read("signals", zones=[ZONE]).filter(delivery_day=LAST, role="champion")
    orders = orders.filter(orders["side"] != "flat")
    assert facts["n_orders"] == orders.height
    assert facts["expected_eur"] == pytest.approx(float(orders["expected_value_eur"].sum()))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("winds=+20%", "did you mean wind? It reads load, wind, solar"),
        ("gas=+20%", "does not read gas"),
        ("wind+20%", "is not of the form INPUT=+20% or INPUT=-1500MW"),
        ("wind=+20", "is not of the form"),
        ("wind=-130%", "from -100 to +1,000 %"),
        ("load=+900%", "these inputs are too far from anything that the model has seen"),
    ],
)
def test_a_question_without_an_answer_says_what_to_ask(home: Path, words: str, why: str) -> None:
    assert why in str(asked(home, "--set", words).exception)


def test_the_table_marks_itself_and_says_which_inputs_move(home: Path) -> None:
    said = asked(home, "--set", "wind=+300%", "--orders").output
    assert "WHAT IF: nothing is stored, nothing is sent" in said
    assert "beyond the training range" in said
    assert "inputs to move: load (mean" in asked(home).output


def test_the_screen_gives_the_same_answer_with_a_drawing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(home))
    client = screen(read_environment(home=home))
    found = client.get(f"/what_if?zone={ZONE}&set=wind%3D%2B30%25")
    assert found.status_code == 200
    facts = found.json()
    assert facts.pop("chart").count("WHAT IF") == 2
    assert facts == facts_of(home, "--set", "wind=+30%")
    refused = client.get(f"/what_if?zone={ZONE}&set=gas%3D1%25")
    assert (refused.status_code, "does not read gas" in refused.text) == (409, True)
    assert client.get("/what_if?zone=XX").status_code == 409
    assert client.get(f"/what_if?zone={ZONE}" + "&set=wind%3D1%25" * 9).status_code == 409
    assert client.post(f"/what_if?zone={ZONE}", json={}).status_code == 405


def screen(environment: Environment) -> Visitor:
    made = Screen(environment, lambda: environment, needs_login=False)
    return Visitor(screen_app(made, GuardSettings(home=environment.home)))
