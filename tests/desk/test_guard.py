"""The guard before the UI: every attack of the benchmark is refused, and works where there is no guard."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp
from typer.testing import CliRunner

from benchmarks.planted.ui_attacks import QUERY, STOP_SENSOR, of_a_web_page
from benchmarks.safety import guard
from desk.guard.guard import guarded
from desk.guard.operations import ACTION_OF_MUTATION, NotUnderstoodError, read_operations
from desk.guard.settings import GuardSettings, guard_settings
from desk.main import app as cli
from resources.home.make import make_home
from resources.identity.proxy import TrustedProxies
from resources.identity.roles import NEEDED, Identity, Role, may
from resources.identity.users import UserStore
from resources.settings.environment import read_environment
from spot.errors import ConfigurationError
from tests.support import guarded_ui
from tests.support.guarded_ui import LOGGED_IN_BY_PROXY, PASSWORD, Ui, answer_of, guarded_uis


@pytest.fixture(scope="module")
def uis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Ui]]:
    with guarded_uis(tmp_path_factory.mktemp("uis")) as made:
        yield made


def test_no_attack_reaches_the_app_and_people_do(uis: Any) -> None:
    found = guard.measure(uis)
    assert found.passed == []
    assert found.kept_out == []
    assert found.n_tried > 60


def test_the_attacks_work_where_there_is_no_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bare(app: ASGIApp, _settings: GuardSettings) -> ASGIApp:
        return app

    monkeypatch.setattr(guarded_ui, "guarded", bare)
    harmless = []
    with guarded_uis(tmp_path) as made:
        for name, attack in of_a_web_page().items():
            made["open"].reached.clear()
            attack(made["open"])
            harmless += [] if made["open"].reached else [name]
    assert harmless == []


def test_a_header_counts_only_from_a_proxy_that_is_trusted(tmp_path: Path) -> None:
    make_home(tmp_path / "desk")
    UserStore(tmp_path / "desk").add(LOGGED_IN_BY_PROXY, Role.VIEWER, None)

    async def plain(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    proxies = TrustedProxies.parse("10.0.0.7, 10.1.0.0/16", "X-User")
    settings = GuardSettings(home=tmp_path / "desk", needs_login=True, proxies=proxies)
    app = guarded(plain, settings)
    named = {"Host": "127.0.0.1", "X-User": LOGGED_IN_BY_PROXY}
    assert answer_of(app, "10.0.0.7", "/", named) == 200
    assert answer_of(app, "10.1.2.3", "/", named) == 200
    assert answer_of(app, "10.0.0.8", "/", named) == 401
    assert answer_of(app, "10.0.0.7", "/", {**named, "X-User": "somebody"}) == 401
    assert answer_of(app, "10.0.0.7", "/", {"Host": "127.0.0.1"}) == 401
    assert answer_of(app, "10.0.0.7", "/notebook", named) == 403


def test_every_mutation_that_dagster_has_or_will_have_needs_a_role() -> None:
    assert set(ACTION_OF_MUTATION.values()) <= NEEDED.keys()
    viewer, admin = Identity("v", Role.VIEWER, "password"), Identity("a", Role.ADMIN, "password")
    (action,) = read_operations("mutation { somethingNew { __typename } }").actions - {"look"}
    assert not may(viewer, action)
    assert may(admin, action)
    assert not may(None, "look")


@pytest.mark.parametrize(
    "query", ["", "{", None, ["a"], "fragment F on Q { a }", "mutation { ...F }", "x" * 300_000]
)
def test_what_the_guard_cannot_read_is_refused(query: Any) -> None:
    with pytest.raises(NotUnderstoodError):
        read_operations(query)


def test_a_server_for_others_starts_only_with_users(tmp_path: Path) -> None:
    make_home(tmp_path / "desk")
    environment = read_environment(tmp_path / "desk")
    assert not guard_settings(environment, "127.0.0.1").needs_login
    for bind, login in (("0.0.0.0", False), ("127.0.0.1", True)):
        with pytest.raises(ConfigurationError, match="spotdesk users add"):
            guard_settings(environment, bind, login=login)
    UserStore(environment.home).add("ada", Role.ADMIN, PASSWORD)
    assert guard_settings(environment, "0.0.0.0").needs_login
    assert guard_settings(environment, "127.0.0.1", login=True).needs_login


def test_what_people_change_is_written_down_with_their_names(uis: Any) -> None:
    actions = uis["login"].home / "identity" / "deeds.jsonl"
    actions.unlink(missing_ok=True)
    uis["login"].mutate(STOP_SENSOR, who="ada")
    uis["login"].mutate(STOP_SENSOR, who="tom")  # may not
    (action,) = [json.loads(line) for line in actions.read_text().splitlines()]
    assert (action["name"], action["known_by"], action["did"]) == ("ada", "password", ["stopSensor"])


def test_a_person_logs_in_works_and_logs_out(uis: Any) -> None:
    ui = uis["login"]
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": ui.origin}

    def log_in(password: str) -> httpx.Response:
        return browser.post("/login", data={"name": "vera", "password": password}, headers=form)

    with httpx.Client(base_url=ui.origin, trust_env=False) as browser:
        to_login = browser.get("/runs", headers={"Accept": "text/html"})
        assert (to_login.status_code, to_login.headers["location"]) == (303, "/login")
        assert "Log in" in browser.get("/login").text
        assert log_in("wrong").status_code == 401
        done = log_in(PASSWORD)
        assert done.status_code == 303
        cookie = done.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        answer = browser.post("/graphql", json={"query": QUERY}, headers={"Origin": ui.origin})
        assert "version" in answer.json()["data"]
        assert answer.headers["x-frame-options"] == "DENY"
        browser.post("/logout", headers=form)
        assert browser.get("/graphql", params={"query": QUERY}).status_code == 401
        users = ui.home / "identity" / "users.json"
        kept = users.read_bytes()
        users.write_text("damaged")
        assert log_in(PASSWORD).status_code == 503
        users.write_bytes(kept)


def test_dev_does_not_start_for_others_without_users(tmp_path: Path) -> None:
    make_home(tmp_path / "desk")
    done = CliRunner().invoke(cli, ["--home", str(tmp_path / "desk"), "dev", "--host", "0.0.0.0"])
    assert isinstance(done.exception, ConfigurationError)
    assert "the desk has no users" in str(done.exception)
