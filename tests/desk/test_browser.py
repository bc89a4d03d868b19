"""The Dagster UI in a real browser, as `make dev` opens it.

The lineage page shows the whole graph, an asset page its pictures and checks.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resources.home.make import make_home
from trading_assets.catalogue import ASSETS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
SPOTDESK = str(Path(sys.executable).parent / "spotdesk")
UP_WITHIN_SECONDS = 240


@pytest.fixture(scope="module")
def ui(tmp_path_factory, project_root):
    """Address of a running UI over a week of one simulated zone."""
    home = tmp_path_factory.mktemp("home")
    make_home(home)
    environment = {**os.environ, "SPOTDESK_HOME": str(home)}
    week = [
        "run",
        "--zone",
        "DE_LU",
        "--from",
        "2024-03-01",
        "--to",
        "2024-03-07",
        "--model",
        "catboost_small",
    ]
    subprocess.run(
        [SPOTDESK, *week], env=environment, cwd=project_root, check=True, capture_output=True, timeout=500
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [SPOTDESK, "dev", "--port", str(port)]
    with (home / "dev.log").open("wb") as log:
        server = subprocess.Popen(
            words, env=environment, cwd=project_root, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait_for(port, server, home / "dev.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, signal.SIGINT)
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait(30)


@pytest.fixture(scope="module")
def page():
    """A page of a headless Chromium."""
    from playwright.sync_api import sync_playwright

    chromium = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
    assert chromium, "no Chromium on the PATH: install Debian's package chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": 2400, "height": 1300})
        page.set_default_timeout(120_000)
        yield page
        browser.close()


def test_the_lineage_page_shows_the_whole_graph(ui, page):
    page.goto(f"{ui}/asset-groups")
    page.get_by_text("analysts").first.wait_for()
    page.mouse.click(1500, 1200)
    page.keyboard.press("Alt+e")
    page.get_by_text("analyst_database", exact=True).first.wait_for()
    names = [key.to_user_string() for asset in ASSETS for key in asset.keys]
    # A long name is shortened in the middle: its beginning and its end are what a person reads. What lies
    # outside the window is not drawn: pan.
    shown: set[str] = set()
    page.mouse.move(1500, 700)
    for step in (0, *[-800] * 4, *[400] * 16):
        page.mouse.wheel(0, step)
        page.wait_for_timeout(700)
        shown.update(page.locator("body").inner_text().split())
    missing = [name for name in names if not any(text == name or _is_short_for(text, name) for text in shown)]
    assert len(names) > 15
    assert missing == []


def test_an_asset_page_shows_its_checks(ui, page):
    page.goto(f"{ui}/assets/day_ahead_forecast?view=checks")
    page.get_by_text("forecast_is_tradeable").first.wait_for()


def test_an_asset_page_shows_its_picture(ui, page):
    page.goto(f"{ui}/assets/day_ahead_forecast?view=events")
    page.get_by_text("Show Markdown").first.click()
    picture = page.locator("img[src^='data:image/png']").first
    picture.wait_for()
    assert picture.evaluate("image => image.naturalWidth") > 300


def _is_short_for(text: str, name: str) -> bool:
    head, dots, tail = text.partition("…")
    return bool(dots) and len(head) + len(tail) > 4 and name.startswith(head) and name.endswith(tail)


def _wait_for(port, server, log):
    deadline = time.monotonic() + UP_WITHIN_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text(errors="replace")[-3000:]
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(1)
    raise AssertionError(f"no UI within {UP_WITHIN_SECONDS} s:\n{log.read_text(errors='replace')[-3000:]}")
