"""The Dagster UI in a real browser, over a fresh desk whose first run left no failed check.

The lineage page shows the whole graph, an asset page its pictures and checks.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page

from resources.home.make import make_home
from resources.settings.desk import desk_settings
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from tests.support.lineage_page import browser_page, open_whole_graph, take_picture
from tests.support.started import SPOTDESK, free_port, started
from trading_assets.catalogue import assets_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
UP_WITHIN_SECONDS = 240


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Path:
    """A fresh desk after its first run: a week of one simulated zone, within its partitions."""
    home = tmp_path_factory.mktemp("home")
    make_home(home)
    first = utc_now().date() - timedelta(days=30)
    days = ["--from", str(first), "--to", str(first + timedelta(days=6))]
    done = subprocess.run(
        [SPOTDESK, "run", "--zone", "DE_LU", *days],
        env={**os.environ, "SPOTDESK_HOME": str(home)},
        cwd=project_root,
        check=False,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "check failed" not in done.stdout
    assert "blocked" not in done.stdout
    return home


@pytest.fixture(scope="module")
def ui(home: Path) -> Iterator[str]:
    """Address of the running UI. Without the daemon, whose runs would change what the pages show."""
    port = free_port()
    with started(home, "dev", "--look-only", "--port", str(port)) as server:
        _wait_for(port, server, home / "dev.log")
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of a headless Chromium."""
    with browser_page() as shown:
        yield shown


def test_the_lineage_page_shows_the_whole_graph(
    ui: str, page: Page, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(home))
    zones = desk_settings(read_environment()).zones
    names = {key.to_user_string() for asset in assets_for(zones) for key in asset.keys}
    open_whole_graph(page, ui)
    shown = page.locator("body").inner_text()
    assert len(names) > 30
    assert names - set(shown.split()) == set()
    assert "4 / 4 Passed" in shown
    take_picture(page, tmp_path / "lineage.png")
    assert (tmp_path / "lineage.png").stat().st_size > 200_000


def test_an_asset_page_shows_its_checks(ui: str, page: Page) -> None:
    page.goto(f"{ui}/assets/day_ahead_forecast?view=checks")
    page.get_by_text("forecast_is_tradeable").first.wait_for()


def test_an_asset_page_shows_its_picture(ui: str, page: Page) -> None:
    page.goto(f"{ui}/assets/day_ahead_forecast?view=events")
    page.get_by_text("Show Markdown").first.click()
    picture = page.locator("img[src^='data:image/png']").first
    picture.wait_for()
    assert picture.evaluate("image => image.naturalWidth") > 300


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + UP_WITHIN_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text(errors="replace")[-3000:]
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(1)
    raise AssertionError(f"no UI within {UP_WITHIN_SECONDS} s:\n{log.read_text(errors='replace')[-3000:]}")
