"""The trader's screen in a real browser: on a phone and in a window, with the keyboard, and in print."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page

from desk.guard.settings import GuardSettings
from desk.trader_screen.app import Screen, screen_app
from resources.identity.roles import Identity, Role
from resources.identity.sessions import COOKIE, Sessions
from resources.identity.users import UserStore
from resources.settings.environment import Environment, read_environment
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from spot.risk.state import TradingState
from tests.support.dagster_ui import served
from tests.support.decided_desk import make_decided_desk
from tests.support.lineage_page import browser_page
from tests.support.sample_market import ZONE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
PASSWORD = "a long enough password"
NARROW, WIDE = (390, 844), (1280, 900)
_TEXT = "p,td,th,li,button,h1,h2,h3,span,a,strong,summary,figcaption,small"
_CONTRAST = """selector => {
  const part = x => { x /= 255; return x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4 };
  const light = c => .2126 * part(c[0]) + .7152 * part(c[1]) + .0722 * part(c[2]);
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const ground = one => {
    for (; one; one = one.parentElement) {
      const c = parts(getComputedStyle(one).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c.slice(0, 3);
    }
    return parts(getComputedStyle(document.body).backgroundColor);
  };
  const poor = [];
  for (const one of document.querySelectorAll(selector)) {
    if (!one.innerText.trim() || !one.offsetParent) continue;
    const ink = light(parts(getComputedStyle(one).color)), paper = light(ground(one));
    const ratio = (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
    if (ratio < 4.5) poor.push(`${one.tagName} ${one.innerText.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return poor }"""
"""Texts whose contrast is below 4.5, the least of WCAG 2.2 AA for text of this size."""
_NAMELESS = """() => {
  const named = one => one.innerText || one.getAttribute("aria-label") || one.closest("label")
    || one.getAttribute("aria-labelledby");
  const all = [...document.querySelectorAll("button,a,input:not([type=hidden]),svg,dialog,table")];
  return all.filter(one => one.checkVisibility() && !named(one)).map(one => one.outerHTML.slice(0, 80)) }"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    home = tmp_path_factory.mktemp("screen") / "desk"
    make_decided_desk(home, utc_now() - timedelta(seconds=1))
    for name, role in (("vera", Role.VIEWER), ("tom", Role.TRADER)):
        UserStore(home).add(name, role, PASSWORD)
    return read_environment(home=home)


@pytest.fixture(scope="module")
def address(environment: Environment) -> Iterator[str]:
    """Address of the screen, which asks for a login."""
    screen = Screen(environment, lambda: environment, needs_login=True)
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


def log_in(page: Page, address: str, environment: Environment, name: str, role: Role) -> list[str]:
    """Open the screen as somebody; what the console says is an error of the page."""
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    cookie = Sessions(environment.home).begin(Identity(name, role, "password"))
    page.context.add_cookies([{"name": COOKIE, "value": cookie, "url": address}])
    page.goto(address)
    page.get_by_role("heading", name=ZONE, exact=True).wait_for()
    return said


@pytest.mark.parametrize("size", [NARROW, WIDE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_its_window_and_can_be_read(
    page: Page, address: str, environment: Environment, size: tuple[int, int], scheme: str
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    said = log_in(page, address, environment, "tom", Role.TRADER)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate(_CONTRAST, _TEXT) == []
    assert page.evaluate(_NAMELESS) == []
    stop = page.get_by_role("button", name="Halt the whole desk")
    page.mouse.wheel(0, 5000)
    page.wait_for_timeout(300)
    box = stop.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < size[1] / 2, "the stop button stays in sight"
    assert box["height"] >= 40
    assert said == []


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_one_click_halts_the_desk_and_a_reason_resumes_it(
    page: Page, address: str, environment: Environment, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    log_in(page, address, environment, "tom", Role.TRADER)
    page.get_by_role("button", name="Halt the whole desk").click()
    page.get_by_text("The whole desk is HALTED, by tom (logged in)").wait_for()
    store = TradingStateStore(environment.trading_state)
    assert store.state() is TradingState.HALTED
    page.get_by_text("Desk HALTED").wait_for()
    page.get_by_role("button", name="Resume the whole desk").click()
    dialog = page.get_by_role("dialog")
    assert "This concerns the whole desk" in dialog.inner_text()
    yes = dialog.get_by_role("button", name="Resume the whole desk")
    yes.click()
    assert store.state() is TradingState.HALTED, "without a reason nothing is resumed"
    dialog.get_by_label("Reason").fill("looked at it")
    yes.click()
    page.get_by_text("Desk ACTIVE").wait_for()
    assert store.record("desk").reason == "looked at it"


def test_a_zone_is_halted_with_the_keyboard_alone(page: Page, address: str, environment: Environment) -> None:
    log_in(page, address, environment, "tom", Role.TRADER)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == f"Halt {ZONE}":
            break
    page.keyboard.press("Enter")
    page.get_by_text(f"{ZONE} is HALTED, by tom").wait_for()
    assert TradingStateStore(environment.trading_state).state() is TradingState.ACTIVE


def test_a_viewer_has_no_button_and_is_refused(page: Page, address: str, environment: Environment) -> None:
    log_in(page, address, environment, "vera", Role.VIEWER)
    assert page.get_by_role("button", name="Halt").count() == 0
    assert page.get_by_role("button", name="Resume").count() == 0
    fields = json.dumps({"scope": "desk", "reason": "x"})
    status = page.evaluate(
        """async body => (await fetch("/do/resume", {method: "POST", body,
        headers: {"Content-Type": "application/json"}})).status""",
        fields,
    )
    assert status == 403


def test_a_tap_on_an_order_says_why(page: Page, address: str, environment: Environment) -> None:
    log_in(page, address, environment, "tom", Role.TRADER)
    page.locator("rect.order.buy").first.click()
    words = page.locator(".words").first.inner_text()
    assert "buy" in words
    assert "charge" in words


def test_print_leaves_the_buttons_out(
    page: Page, address: str, environment: Environment, tmp_path: Path
) -> None:
    log_in(page, address, environment, "tom", Role.TRADER)
    page.emulate_media(media="print")
    assert not page.get_by_role("button", name="Halt the whole desk").is_visible()
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    assert (tmp_path / "page.pdf").stat().st_size > 10_000
