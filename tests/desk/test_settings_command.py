"""`spotdesk settings`: what waits, and the people who let it hold."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from desk.main import app as main_app
from desk.setup.settings import app
from resources.home.make import make_home
from resources.identity.roles import Role
from resources.identity.users import UserStore
from resources.settings.environment import read_environment

BY_ANN = ("accept", "--by", "Ann", "--reason", "the new battery")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "desk"))
    make_home(tmp_path / "desk")
    return tmp_path / "desk"


def settings(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def set_gross(home: Path, limit: int) -> None:
    path = home / "conf" / "risk_limits.yaml"
    path.write_text(
        path.read_text().replace("max_gross_mw: {limit: 200,", f"max_gross_mw: {{limit: {limit},")
    )


def test_a_new_desk_has_accepted_settings(home: Path) -> None:
    assert settings("diff").exit_code == 0
    shown = json.loads(settings("show", "--json").stdout)
    assert (shown["in_force"], shown["waiting_changes"]) == (str(home / "conf"), 0)


def test_a_lower_limit_is_shown_and_one_person_accepts_it(home: Path) -> None:
    set_gross(home, 100)
    shown = settings("diff", "--json")
    assert shown.exit_code == 1
    assert [(row["setting"], row["after"], row["needs"]) for row in json.loads(shown.stdout)] == [
        ("desk.max_gross_mw.limit", "100", "a person")
    ]
    assert settings(*BY_ANN).exit_code == 0
    assert settings("diff").exit_code == 0
    kept = [json.loads(line) for line in (home / "accepted" / "history.jsonl").read_text().splitlines()]
    assert (kept[-1]["name"], kept[-1]["changes"][0]["after"]) == ("Ann", "100")


def test_a_backtest_says_which_settings_it_uses_while_a_change_waits(home: Path) -> None:
    words = ["backtest", "--zone", "DE_LU", "--from", "2025-06-01", "--to", "2025-06-02"]
    said = "this backtest uses the accepted settings; changes of the settings wait for a person"
    assert said not in CliRunner().invoke(main_app, words).stderr
    set_gross(home, 100)
    shown = CliRunner().invoke(main_app, words).stderr
    assert said in shown
    assert "risk_limits.yaml desk.max_gross_mw.limit" in shown
    assert "`spotdesk settings accept`" in shown


def test_a_higher_limit_needs_two_users_with_their_passwords(home: Path, tmp_path: Path) -> None:
    set_gross(home, 900)
    refused = settings(*BY_ANN)
    assert "'Ann' is no user of the desk with a password" in str(refused.exception)
    for name in ("Ann", "Bob"):
        UserStore(home).add(name, Role.TRADER, f"a long password of {name}")
        (tmp_path / name).write_text(f"a long password of {name}")
    with_password = (*BY_ANN, "--password-file", str(tmp_path / "Ann"))
    assert settings(*with_password).exit_code == 1
    assert read_environment(home).settings_folder != home / "conf"
    assert "has signed these settings already" in str(settings(*with_password).exception)
    second = settings("accept", "--by", "Bob", "--reason", "yes", "--password-file", str(tmp_path / "Bob"))
    assert second.exit_code == 0, second.output
    assert read_environment(home).settings_folder == home / "conf"


def test_nobody_accepts_without_a_name(home: Path) -> None:
    set_gross(home, 100)
    assert "--by is empty" in str(settings("accept", "--by", " ", "--reason", "x").exception)
