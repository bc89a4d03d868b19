"""The guard before the UI: every attack of the benchmark is refused, and works where there is no guard."""

import json
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from benchmarks import guard
from benchmarks.planted.ui_attacks import STOP_SENSOR, of_a_web_page
from desk.guard.guard import guarded
from desk.guard.operations import DEED_OF_MUTATION, NotUnderstoodError, read_operations
from desk.guard.settings import GuardSettings, guard_settings
from resources.home.make import make_home
from resources.identity.proxy import TrustedProxies
from resources.identity.roles import NEEDED, Identity, Role, may
from resources.identity.users import UserStore
from resources.settings.environment import read_environment
from spot.errors import ConfigurationError
from tests.support import guarded_ui
from tests.support.guarded_ui import LOGGED_IN_BY_PROXY, PASSWORD, answer_of, guarded_uis


def test_no_attack_reaches_the_app_and_people_do(tmp_path: Path):
    found = guard.measure(tmp_path)
    assert found.passed == []
    assert found.kept_out == []
    assert found.n_tried > 60


def test_the_attacks_work_where_there_is_no_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def bare(app: ASGIApp, _settings: GuardSettings) -> ASGIApp:
        return app

    monkeypatch.setattr(guarded_ui, "guarded", bare)
    harmless = []
    with guarded_uis(tmp_path) as uis:
        for name, attack in of_a_web_page().items():
            uis["open"].reached.clear()
            attack(uis["open"])
            harmless += [] if uis["open"].reached else [name]
    assert harmless == []


def test_a_header_counts_only_from_a_proxy_that_is_trusted(tmp_path: Path):
    make_home(tmp_path / "desk")
    UserStore(tmp_path / "desk").add(LOGGED_IN_BY_PROXY, Role.VIEWER, None)

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    proxies = TrustedProxies.parse("10.0.0.7, 10.1.0.0/16", "X-User")
    settings = GuardSettings(home=tmp_path / "desk", needs_login=True, proxies=proxies)
    app = guarded(app, settings)
    named = {"Host": "127.0.0.1", "X-User": LOGGED_IN_BY_PROXY}
    assert answer_of(app, "10.0.0.7", "/", named) == 200
    assert answer_of(app, "10.1.2.3", "/", named) == 200
    assert answer_of(app, "10.0.0.8", "/", named) == 401
    assert answer_of(app, "10.0.0.7", "/", {**named, "X-User": "somebody"}) == 401
    assert answer_of(app, "10.0.0.7", "/", {"Host": "127.0.0.1"}) == 401
    assert answer_of(app, "10.0.0.7", "/notebook", named) == 403


def test_every_mutation_that_dagster_has_or_will_have_needs_a_role():
    assert set(DEED_OF_MUTATION.values()) <= NEEDED.keys()
    viewer, admin = Identity("v", Role.VIEWER, "password"), Identity("a", Role.ADMIN, "password")
    (deed,) = read_operations("mutation { somethingNew { __typename } }").deeds - {"look"}
    assert not may(viewer, deed)
    assert may(admin, deed)
    assert not may(None, "look")


@pytest.mark.parametrize(
    "query", ["", "{", None, ["a"], "fragment F on Q { a }", "mutation { ...F }", "x" * 300_000]
)
def test_what_the_guard_cannot_read_is_refused(query):
    with pytest.raises(NotUnderstoodError):
        read_operations(query)


def test_a_server_for_others_starts_only_with_users(tmp_path: Path):
    make_home(tmp_path / "desk")
    environment = read_environment(tmp_path / "desk")
    assert not guard_settings(environment, "127.0.0.1").needs_login
    for bind, login in (("0.0.0.0", False), ("127.0.0.1", True)):
        with pytest.raises(ConfigurationError, match="spotdesk users add"):
            guard_settings(environment, bind, login=login)
    UserStore(environment.home).add("ada", Role.ADMIN, PASSWORD)
    assert guard_settings(environment, "0.0.0.0").needs_login
    assert guard_settings(environment, "127.0.0.1", login=True).needs_login


def test_what_people_change_is_written_down_with_their_names(tmp_path: Path):
    with guarded_uis(tmp_path) as uis:
        uis["login"].mutate(STOP_SENSOR, who="ada")
        uis["login"].mutate(STOP_SENSOR, who="tom")  # may not
        lines = (uis["login"].home / "identity" / "deeds.jsonl").read_text().splitlines()
    (deed,) = [json.loads(line) for line in lines]
    assert (deed["name"], deed["known_by"], deed["did"]) == ("ada", "password", ["stopSensor"])
