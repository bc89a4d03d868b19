"""The lineage page of the Dagster UI in a real browser, all groups open; and its picture for the README.

After a demo, the picture is made anew by

    spotdesk --home .spotdesk/demo dev --look-only --port 3001
    python -m tests.support.lineage_page http://127.0.0.1:3001 docs/pictures/lineage.png
"""

import argparse
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

WIDTH, HEIGHT = 6400, 3200
"""Pixels of the window. The whole graph fits, and is large enough that the UI draws the full name, the checks
and the partitions of each asset. In a smaller window the UI leaves out what lies beyond the edge.
"""
_TOP_DOWN = """localStorage.setItem("asset-graph-direction", '"vertical"')"""
"""The UI's own choice beside its default, left to right, which needs four times the area for this graph."""
_BOX = """() => {
    const boxes = [...document.querySelectorAll("foreignObject")].map(one => one.getBoundingClientRect());
    const left = Math.min(...boxes.map(box => box.left)), top = Math.min(...boxes.map(box => box.top));
    const right = Math.max(...boxes.map(box => box.right));
    const bottom = Math.max(...boxes.map(box => box.bottom));
    return {x: left - 10, y: top - 10, width: right - left + 20, height: bottom - top + 20};
}"""
_SETTLED_MS = 5_000
_N_COLOURS = 128


@contextmanager
def browser_page(width: int = WIDTH, height: int = HEIGHT) -> Iterator[Page]:
    """A page of a headless Chromium.

    Raises:
        AssertionError: no Chromium is installed.
    """
    chromium = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
    assert chromium, "no Chromium on the PATH: install Debian's package chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(120_000)
        yield page
        browser.close()


def open_whole_graph(page: Page, ui: str) -> None:
    """The lineage page with all groups open, from the top down, every asset within the window."""
    page.add_init_script(_TOP_DOWN)
    page.goto(f"{ui}/asset-groups")
    page.get_by_text("analysts").first.wait_for()
    page.mouse.click(WIDTH * 5 // 8, HEIGHT - 60)  # the keys below are for the graph
    page.keyboard.press("Alt+e")
    page.get_by_text("analyst_database", exact=True).first.wait_for()
    # Checks and partitions of the assets come after their names.
    page.wait_for_timeout(_SETTLED_MS)
    page.get_by_text("Loading...").first.wait_for(state="hidden")


def take_picture(page: Page, path: Path) -> None:
    """The graph alone, without the page around it, as a small PNG."""
    shot = Image.open(io.BytesIO(page.screenshot(clip=page.evaluate(_BOX))))
    # By octree: the other way takes small coloured marks, such as a passed check's, for grey ones.
    few = shot.convert("RGB").quantize(_N_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    words = argparse.ArgumentParser(description="make the picture of the lineage page anew")
    words.add_argument("ui", help="address of a running Dagster UI")
    words.add_argument("path", type=Path, help="the PNG to write")
    given = words.parse_args()
    with browser_page() as shown:
        open_whole_graph(shown, given.ui)
        take_picture(shown, given.path)
