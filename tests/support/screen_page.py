"""The picture of the trader's screen for the README.

After a demo, it is made anew by

    spotdesk --home .spotdesk/demo screen
    python -m tests.support.screen_page http://127.0.0.1:3100 docs/pictures/screen.png
"""

import argparse
import io
from pathlib import Path

from PIL import Image

from tests.support.lineage_page import browser_page

WIDTH, HEIGHT = 1180, 1500
_SETTLED_MS = 2_000
_N_COLOURS = 128


def take_picture(address: str, path: Path) -> None:
    """The first part of the page, as a small PNG."""
    with browser_page(WIDTH, HEIGHT) as page:
        page.goto(address)
        page.locator("svg.chart").first.wait_for()
        page.wait_for_timeout(_SETTLED_MS)
        shot = Image.open(io.BytesIO(page.screenshot()))
    few = shot.convert("RGB").quantize(_N_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    words = argparse.ArgumentParser(description="make the picture of the trader's screen anew")
    words.add_argument("address", help="address of a running screen")
    words.add_argument("path", type=Path, help="the PNG to write")
    given = words.parse_args()
    take_picture(given.address, given.path)
