"""axe-core on every page and window of the screen: no violation, in light and dark, on a phone and a monitor.

axe-core comes with the package axe-playwright-python. The rules are those of WCAG 2.2 AA and best practice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from desk.guard.settings import GuardSettings
from desk.trader_screen.app import Screen, screen_app
from resources.home.make import make_home
from resources.identity.roles import Role
from resources.settings.environment import Environment, read_environment
from resources.wiring import make_lake, make_registry
from tests.support.dagster_ui import served
from tests.support.lineage_page import browser_page
from tests.support.made_up_rows import made_up
from tests.support.paper_desk import make_paper_desk
from tests.support.sample_market import ZONE
from tests.support.screen_browser import NARROW, WIDE, log_in

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
sizes = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["phone", "monitor"])
schemes = pytest.mark.parametrize("scheme", ["light", "dark"])


def violations(page: Page) -> list[str]:
    """What axe finds wrong, a line each: rule, where, how to mend it."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['target']}: {node.get('failureSummary', '')}"
        for one in found
        for node in one["nodes"]
    ]


def look(page: Page, size: tuple[int, int], what: str) -> None:
    assert violations(page) == [], what
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0], f"{what} scrolls sideways"


def prepared(page: Page, size: tuple[int, int], scheme: str) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]


def unfolded(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")


@sizes
@schemes
def test_the_page_and_each_of_its_windows(
    page: Page, address: str, environment: Environment, size: tuple[int, int], scheme: str
) -> None:
    waiting(environment)
    prepared(page, size, scheme)
    said = log_in(page, address, environment, "tom", Role.TRADER)
    page.get_by_role("button", name="Sign off version 2").first.wait_for()
    assert said == [], "before axe, whose own styles the page refuses"
    look(page, size, "page")
    unfolded(page)
    look(page, size, "page, everything unfolded")
    for name in (
        "Reduce the whole desk",
        f"Resume {ZONE}",
        "Acknowledge series_is_late",
        "Sign off version 2",
        "Change orders of storage",
    ):
        page.get_by_role("button", name=name).first.click()
        page.get_by_role("dialog").wait_for()
        look(page, size, name)
        page.keyboard.press("Escape")
    page.get_by_role("button", name=f"Halt {ZONE}").click()
    page.get_by_text(f"{ZONE} HALTED").wait_for()
    look(page, size, "page while halted")


def waiting(environment: Environment) -> None:
    """A version that waits for a person, so that the window of the sign-off is there."""
    row = {
        "zone": ZONE,
        "action": "await_sign_off",
        "candidate_version": "2",
        "model": make_registry(environment).version(ZONE, "2").name,
    }
    make_lake(environment).append_only("promotion_decisions", made_up("promotion_decisions", row))


@sizes
@schemes
def test_the_login_and_the_page_of_a_viewer(
    page: Page, address: str, environment: Environment, size: tuple[int, int], scheme: str
) -> None:
    prepared(page, size, scheme)
    page.goto(address)
    page.get_by_label("Password").wait_for()
    look(page, size, "login")
    log_in(page, address, environment, "vera", Role.VIEWER)
    unfolded(page)
    look(page, size, "page of a viewer")


@sizes
@schemes
def test_an_empty_desk_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], scheme: str
) -> None:
    make_home(tmp_path)
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    with unlocked(read_environment(home=tmp_path)) as (address, page):
        prepared(page, size, scheme)
        page.goto(address)
        page.get_by_text("Nothing was ever decided here").first.wait_for()
        assert "spotdesk run --zone" in page.inner_text("main")
        look(page, size, "empty desk")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("trained") / "desk"
    make_paper_desk(folder)
    return read_environment(home=folder)


@contextmanager
def unlocked(environment: Environment) -> Iterator[tuple[str, Page]]:
    """A screen of this machine alone, and a page to open it with."""
    screen = Screen(environment, lambda: environment, needs_login=False)
    screen.snapshots.read()
    app = screen_app(screen, GuardSettings(home=environment.home))
    with served(app) as port, browser_page(*WIDE) as page:
        yield f"http://127.0.0.1:{port}", page


@sizes
@schemes
def test_sliders_move_the_drawing_with_the_keyboard(
    trained: Environment, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], scheme: str
) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(trained.home))
    with unlocked(trained) as (address, page):
        prepared(page, size, scheme)
        page.goto(address)
        page.locator("[data-whatif] summary").click()
        load = page.get_by_role("slider", name="load")
        load.wait_for()
        before = page.locator(".whatif svg").inner_html()
        load.focus()
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        page.get_by_text("load=20%").or_(page.get_by_text("load=+20%")).wait_for()
        assert load.get_attribute("aria-valuetext").startswith("+20 %")  # type: ignore[union-attr]
        assert page.locator(".whatif svg").inner_html() != before
        assert "WHAT IF" in page.locator(".whatif svg").inner_html()
        look(page, size, "what if")
        page.get_by_role("button", name="Back to the machine's own").click()
        page.get_by_text("nothing moved").wait_for()
