"""Somebody who opens the trader's screen in a browser."""

from playwright.sync_api import Page

from resources.identity.roles import Identity, Role
from resources.identity.sessions import COOKIE, Sessions
from resources.settings.environment import Environment
from tests.support.sample_market import ZONE

PASSWORD = "a long enough password"
NARROW, WIDE = (390, 844), (1280, 900)
"""A phone and a window."""


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
