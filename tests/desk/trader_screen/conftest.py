"""A decided desk behind its screen, open in a real browser."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from desk.guard.settings import GuardSettings
from desk.trader_screen.app import Screen, screen_app
from resources.identity.roles import Role
from resources.identity.users import UserStore
from resources.settings.environment import Environment, read_environment
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from tests.support.dagster_ui import served
from tests.support.decided_desk import make_decided_desk
from tests.support.lineage_page import browser_page
from tests.support.sample_market import ZONE
from tests.support.screen_browser import PASSWORD, WIDE

NOW = (utc_now() + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
"""Tomorrow before the gate: the orders of the day after are open, at whatever hour the tests run."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    home = tmp_path_factory.mktemp("screen") / "desk"
    make_decided_desk(home, NOW)
    for name, role in (("vera", Role.VIEWER), ("tom", Role.TRADER)):
        UserStore(home).add(name, role, PASSWORD)
    return read_environment(home=home)


@pytest.fixture(scope="module")
def address(environment: Environment) -> Iterator[str]:
    """Address of the screen, which asks for a login."""
    screen = Screen(environment, lambda: environment, needs_login=True, clock=lambda: NOW)
    screen.snapshots.read()
    with served(screen_app(screen, GuardSettings(home=environment.home, needs_login=True))) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def page(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setenv("SPOTDESK_HOME", str(environment.home))
    store = TradingStateStore(environment.trading_state)
    for scope in (None, ZONE):
        store.resume(scope, reason="a new test", actor="test")
    with browser_page(*WIDE) as shown:
        yield shown
