"""The trader's screen in a real browser: on a phone and in a window, with the keyboard, and in print."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page

from resources.identity.roles import Role
from resources.settings.environment import Environment
from resources.trading.state import TradingStateStore
from resources.wiring import make_lake
from spot.risk.state import TradingState
from tests.support.sample_market import ZONE
from tests.support.screen_browser import NARROW, WIDE, log_in

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
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


def test_the_countdown_is_that_of_the_desk_whatever_the_clock_of_the_browser_says(
    page: Page, address: str, environment: Environment
) -> None:
    page.clock.install(time=datetime(2031, 1, 1, tzinfo=UTC))
    log_in(page, address, environment, "tom", Role.TRADER)
    page.clock.run_for(6_000)
    gates = page.locator("[data-gate]").all_inner_texts()
    assert gates
    assert all(re.fullmatch(r"in \d+ h \d\d min", gate) for gate in gates)


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


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_orders_are_changed_in_a_window_that_names_the_scope(
    page: Page, address: str, environment: Environment, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    log_in(page, address, environment, "tom", Role.TRADER)
    page.get_by_role("button", name=f"Change orders of storage, {ZONE}").click()
    dialog = page.get_by_role("dialog")
    assert f"This concerns orders of storage, {ZONE}" in dialog.inner_text()
    dialog.get_by_label("Units, local time").fill("06:00")
    dialog.get_by_label("New limit price").fill("9000")
    yes = dialog.get_by_role("button", name=f"Change 06:00, storage of {ZONE}")
    yes.click()
    assert dialog.is_visible(), "without a reason nothing is changed"
    dialog.get_by_label("Reason").fill("fog")
    yes.click()
    page.get_by_text("REFUSED, nothing was changed").wait_for()
    page.get_by_role("button", name=f"Change orders of storage, {ZONE}").click()
    dialog.get_by_label("Units, local time").fill("06:00")
    dialog.get_by_label("New limit price").fill(str(60 + size[0] / 1000))
    dialog.get_by_label("Reason").fill("fog")
    yes.click()
    page.get_by_text("1 order of storage is changed, by tom (logged in): fog").wait_for()
    rows = make_lake(environment).read("order_overrides")
    assert 60 + size[0] / 1000 in rows["limit_price_eur_per_mwh"].to_list()
