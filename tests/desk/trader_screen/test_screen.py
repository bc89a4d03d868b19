"""The trader's screen behind its guard: what it shows, and what each person may do on it."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from desk.figures.opened import OpenedDesk
from desk.guard.settings import GuardSettings
from desk.main import app
from desk.trader_screen.app import Screen, screen_app
from desk.trader_screen.snapshot import STALE_AFTER, Snapshots
from resources.home.make import make_home
from resources.identity.roles import Identity, Role
from resources.identity.sessions import COOKIE, Sessions
from resources.identity.users import UserStore
from resources.settings.environment import Environment, read_environment
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from resources.wiring import make_lake, make_registry
from spot.errors import ConfigurationError
from spot.risk.state import TradingState
from tests.support.decided_desk import OPEN_ALERT, make_decided_desk
from tests.support.made_up_rows import made_up
from tests.support.sample_market import ZONE
from tests.support.visitor import Visitor

NOW = utc_now().replace(hour=8, minute=0, second=0, microsecond=0)
"""Before the gate, at whatever hour the tests run."""
PASSWORD = "a long enough password"
PEOPLE = {"vera": Role.VIEWER, "tom": Role.TRADER, "ann": Role.TRADER}


@pytest.fixture(scope="module")
def desk_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("screen") / "desk"
    make_decided_desk(home, NOW, {"promotion.yaml": f"sign_off_zones: [{ZONE}]\n"})
    for name, role in PEOPLE.items():
        UserStore(home).add(name, role, PASSWORD)
    return home


@pytest.fixture
def environment(desk_home: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("SPOTDESK_HOME", str(desk_home))
    environment = read_environment(home=desk_home)
    store = TradingStateStore(environment.trading_state)
    for scope in (None, ZONE):
        store.resume(scope, reason="a new test", actor="test")
    return environment


def served(environment: Environment, *, who: str = "") -> Visitor:
    """A client of the screen as it is read now; `who` is logged in, nobody is on loopback."""
    screen = Screen(environment, lambda: environment, needs_login=bool(who), clock=lambda: NOW)
    screen.snapshots.read()
    guard = GuardSettings(home=environment.home, needs_login=bool(who))
    cookies = {}
    if who:
        cookies = {COOKIE: Sessions(environment.home).begin(Identity(who, PEOPLE[who], "password"))}
    return Visitor(screen_app(screen, guard), cookies=cookies)


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_the_page_shows_the_facts_of_the_zone(environment: Environment) -> None:
    html = served(environment).get("/").text
    words = text_of(html)
    for fact in (
        "Desk ACTIVE",
        "SIMULATED market",
        f"Halt {ZONE}",
        OPEN_ALERT,
        "700 EUR",  # seven days of 100 EUR
        "80 % of perfect",
        "champion : price version 1",
        "challenger : price version 2",
        "max_data_age_hours",
        "storage, paper",
    ):
        assert fact in words, fact
    assert len(re.findall(r'<rect class="order (?:buy|sell)"', html)) > 10
    assert re.search(r'data-words="\d\d:\d\d buy [\d.]+ MW\. storage buy [^"]*charge', html)


def test_the_page_asks_for_nothing_from_elsewhere(environment: Environment) -> None:
    answer = served(environment).get("/")
    addresses = re.findall(r'(?:src|href|action)="([^"]*)"', answer.text)
    assert addresses
    assert all(one.startswith(("/", "#", "data:")) for one in addresses)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for file in ("screen.css", "screen.js"):
        assert served(environment).get(f"/static/{file}").status_code == 200


def test_what_has_not_changed_is_not_sent_again(environment: Environment) -> None:
    client = served(environment)
    first = client.get("/")
    again = client.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.text) == (304, "")
    client.post("/do/halt", json={"scope": "desk"})
    assert client.get("/", headers={"If-None-Match": again.headers["etag"]}).status_code == 200


def test_each_answer_says_the_time_of_the_desk(environment: Environment) -> None:
    answer = served(environment).get("/")
    assert datetime.fromisoformat(answer.headers["x-desk-time"]) == NOW


@pytest.mark.parametrize("scope", ["desk", ZONE])
def test_halt_halts_its_scope_at_once_and_says_so(environment: Environment, scope: str) -> None:
    client = served(environment)
    answer = client.post("/do/halt", json={"scope": scope, "reason": "odd prices"})
    assert answer.status_code == 200
    told = answer.json()["told"]
    assert told.startswith(f"{'The whole desk' if scope == 'desk' else ZONE} is HALTED, by ")
    assert "odd prices" in told
    store = TradingStateStore(environment.trading_state)
    assert store.state(ZONE) is TradingState.HALTED
    assert store.state() is (TradingState.HALTED if scope == "desk" else TradingState.ACTIVE)
    words = text_of(client.get("/").text)
    assert f"{ZONE} HALTED" in words
    assert f"{ZONE} is HALTED: nothing leaves" in words
    assert "✓ yes" not in words, "a page that was read before a halt says no all the same"


@pytest.mark.parametrize("asked", [{}, {"scope": ""}, {"scope": 7}, {"scope": "XX"}])
def test_a_halt_of_no_scope_says_not_halted(environment: Environment, asked: dict[str, object]) -> None:
    answer = served(environment).post("/do/halt", json=asked)
    assert answer.status_code == 409
    assert answer.text.startswith("NOT HALTED")
    assert TradingStateStore(environment.trading_state).state() is TradingState.ACTIVE


def test_resume_and_reduce_need_a_reason_and_tell_what_still_stops(environment: Environment) -> None:
    client = served(environment)
    client.post("/do/halt", json={"scope": "desk"})
    for action in ("resume", "reduce"):
        refused = client.post(f"/do/{action}", json={"scope": "desk", "reason": " "})
        assert refused.status_code == 409
        assert "reason" in refused.text
    told = client.post("/do/resume", json={"scope": ZONE, "reason": "checked"}).json()["told"]
    assert "NOTHING IS SENT YET: the desk is still HALTED" in told
    client.post("/do/resume", json={"scope": "desk", "reason": "checked"})
    assert "REDUCING" in client.post("/do/reduce", json={"scope": ZONE, "reason": "calm"}).json()["told"]
    assert TradingStateStore(environment.trading_state).state(ZONE) is TradingState.REDUCING


def test_a_viewer_sees_everything_and_changes_nothing(environment: Environment) -> None:
    client = served(environment, who="vera")
    html = client.get("/").text
    assert OPEN_ALERT in html
    assert "Halt the whole desk" not in html
    assert "data-ask=" not in html
    for action in ("halt", "reduce", "resume", "acknowledge", "sign_off", "override"):
        assert client.post(f"/do/{action}", json={"scope": "desk", "reason": "x"}).status_code == 403
    assert TradingStateStore(environment.trading_state).state() is TradingState.ACTIVE


def test_a_trader_is_named_in_the_record_and_in_the_actions(environment: Environment) -> None:
    client = served(environment, who="tom")
    assert client.post("/do/halt", json={"scope": ZONE}).status_code == 200
    record = TradingStateStore(environment.trading_state).record(f"zone-{ZONE}")
    assert record.actor == "tom (logged in)"
    assert '"did": ["halt"]' in (environment.home / "identity" / "deeds.jsonl").read_text()


def test_what_the_forecast_was_before_stays_faint_behind(environment: Environment) -> None:
    lake = make_lake(environment)
    day = lake.newest_day("day_ahead_forecasts", ZONE)
    assert day is not None
    assert 'class="earlier"' not in served(environment).get("/").text
    rows = lake.read("day_ahead_forecasts", zones=[ZONE], first_day=day, last_day=day)
    higher = rows.with_columns(pl.col("price_point_eur_per_mwh") + 5.0)
    lake.replace("day_ahead_forecasts", higher, first_day=day, last_day=day, zone=ZONE)
    html = served(environment).get("/").text
    assert html.count('class="earlier"') == 1
    assert "what it was before (faint)" in text_of(html)
    lake.replace("day_ahead_forecasts", rows, first_day=day, last_day=day, zone=ZONE)


def test_nobody_who_has_not_logged_in_sees_anything(environment: Environment) -> None:
    client = served(environment, who="tom")
    client = replace(client, cookies={})
    assert ZONE not in client.get("/").text
    assert client.post("/do/halt", json={"scope": "desk"}).status_code == 401


@pytest.mark.parametrize(
    ("path", "how", "status"),
    [
        ("/do/halt", {"json": {"scope": "desk"}, "headers": {"Origin": "http://evil.example"}}, 403),
        ("/do/halt", {"json": {"scope": "desk"}, "headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
        ("/do/halt", {"data": {"scope": "desk"}}, 415),
        ("/do/halt", {"json": ["desk"]}, 400),
        ("/do/else", {"json": {"scope": "desk"}}, 405),
        ("/", {"json": {"scope": "desk"}}, 405),
        ("/do/halt", {"json": {"scope": "desk"}, "headers": {"Host": "evil.example"}}, 400),
        ("/do/halt", {"json": {"scope": "desk"}, "headers": {"X-Forwarded-For": "1.2.3.4"}}, 403),
    ],
)
def test_another_page_changes_nothing(
    environment: Environment, path: str, how: dict[str, object], status: int
) -> None:
    answer = served(environment).post(path, **how)
    assert answer.status_code == status
    assert TradingStateStore(environment.trading_state).state() is TradingState.ACTIVE
    assert served(environment).get("/do/halt").status_code == 405


def test_an_alert_is_acknowledged_with_the_name(environment: Environment) -> None:
    client = served(environment, who="tom")
    alert = OpenedDesk(environment).alerts()[0]
    answer = client.post("/do/acknowledge", json={"alert": alert.alert_id, "reason": "called them"})
    assert answer.status_code == 200
    rows = make_lake(environment).read("alert_acknowledgements").to_dicts()
    assert [(row["acknowledged_by"], row["note"]) for row in rows] == [("tom (logged in)", "called them")]
    assert "Acknowledged by tom (logged in): called them" in text_of(served(environment).get("/").text)


def test_passwords_of_the_second_person_are_not_guessed_at_will(environment: Environment) -> None:
    client = served(environment, who="tom")
    asked = {"scope": ZONE, "version": "2", "reason": "x", "second": "ann", "password": "wrong password"}
    answers = [client.post("/do/sign_off", json=asked).text for _ in range(6)]
    assert ["wait a minute" in answer for answer in answers] == [False] * 5 + [True]
    assert "wait a minute" in client.post("/do/sign_off", json={**asked, "password": PASSWORD}).text


def test_a_version_that_waits_is_signed_off_by_two_people_who_log_in(environment: Environment) -> None:
    registry = make_registry(environment)
    asked = {"scope": ZONE, "version": "2", "model": "price", "reason": "shadow was good"}
    waiting = {
        "zone": ZONE,
        "action": "await_sign_off",
        "candidate_version": "2",
        "model": registry.version(ZONE, "2").name,
    }
    make_lake(environment).append_only("promotion_decisions", made_up("promotion_decisions", waiting))
    client = served(environment, who="tom")
    assert "Sign off version 2" in client.get("/").text
    second = {"second": "ann", "password": PASSWORD}
    refused: tuple[tuple[Visitor, dict[str, str], str], ...] = (
        (served(environment), second, "nobody has logged in"),
        (client, {}, "second person is asked for"),
        (client, {"second": "Tom", "password": PASSWORD}, "must not be the one who is logged in"),
        (client, {"second": "vera", "password": PASSWORD}, "may not sign_off"),
        (client, {**second, "password": "wrong password"}, "password of ann is wrong"),
    )
    for asker, more, why in refused:
        answer = asker.post("/do/sign_off", json={**asked, **more})
        assert answer.status_code == 409
        assert why in answer.text
        assert PASSWORD not in answer.text
    assert client.post("/do/sign_off", json={**asked, **second}).status_code == 200
    champion = registry.champion(ZONE)
    assert champion is not None
    assert champion.version == "2"
    decision = make_lake(environment).read("promotion_decisions").sort("decided_at_utc").to_dicts()[-1]
    assert (decision["action"], decision["signed_off_by"]) == ("promote", "ann")
    assert decision["decided_by"].startswith("tom (system user ")


def test_facts_that_are_old_or_cannot_be_read_are_told(environment: Environment) -> None:
    later = utc_now() + STALE_AFTER + timedelta(seconds=5)
    now = [utc_now()]
    screen = Screen(environment, lambda: environment, needs_login=False, clock=lambda: now[0])
    client = Visitor(screen_app(screen, GuardSettings(home=environment.home)))
    assert "facts are being read" in client.get("/").text
    screen.snapshots.read()
    assert "These facts are old" not in client.get("/").text
    now[0] = later
    assert "These facts are old" in client.get("/").text
    screen.snapshots.problem = "ConfigurationError: zones.yaml is gone"
    assert "The facts cannot be read: ConfigurationError: zones.yaml is gone" in client.get("/").text


def test_a_read_that_fails_is_told_and_the_next_one_mends_it(environment: Environment) -> None:
    faults = [ConfigurationError("zones.yaml is gone")]

    def opened() -> OpenedDesk:
        if faults:
            raise faults.pop()
        return OpenedDesk(environment)

    snapshots = Snapshots(opened)
    with snapshots.running():
        assert _within(60, lambda: bool(snapshots.problem))
        assert "zones.yaml is gone" in snapshots.problem
        snapshots.want()
        assert _within(60, lambda: snapshots.newest is not None)
    assert snapshots.problem == ""


def _within(seconds: float, is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.05)
    return False


def test_a_desk_without_users_is_not_served_to_others(tmp_path: Path) -> None:
    make_home(tmp_path)
    done = CliRunner().invoke(app, ["--home", str(tmp_path), "screen", "--host", "0.0.0.0"])
    assert "the desk has no users" in str(done.exception)
