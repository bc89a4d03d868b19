"""The screen beside its pictures: what moved, disappeared or lost its colour since somebody looked at it.

Pictures are compared small and blurred, so that another font passes and another layout does not. After a
wanted change, look at the new pictures and keep them:

    SPOTDESK_NEW_PICTURES=1 .venv/bin/pytest -m browser tests/desk/trader_screen/test_pictures.py
"""

import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from desk.guard.settings import GuardSettings
from desk.trader_screen.app import Screen, screen_app
from resources.settings.environment import read_environment
from tests.support.dagster_ui import served
from tests.support.decided_desk import make_decided_desk
from tests.support.lineage_page import browser_page
from tests.support.screen_browser import NARROW, WIDE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
NOW = datetime(2026, 3, 10, 8, tzinfo=UTC)
PICTURES = Path(__file__).parents[2] / "fixtures" / "screen"
LOOKS = {"monitor_light": (WIDE, "light"), "monitor_dark": (WIDE, "dark"), "phone_light": (NARROW, "light")}
_SMALL, _N_COLOURS = 320, 64
"""Width in pixels at which pictures are kept, and their colours."""
_MOST_DIFFERENT = 0.02
"""Mean difference of all pixels, as a share of black to white, above which a picture is another one."""
_SETTLED_MS = 500


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("pictures") / "desk"
    make_decided_desk(home, NOW)
    environment = read_environment(home=home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPOTDESK_HOME", str(home))
        screen = Screen(environment, lambda: environment, needs_login=False, clock=lambda: NOW)
        screen.snapshots.read()
        with served(screen_app(screen, GuardSettings(home=home))) as port:
            yield f"http://127.0.0.1:{port}"


def picture(address: str, size: tuple[int, int], scheme: str) -> Image.Image:
    with browser_page(*size) as page:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.goto(address)
        page.locator("svg.chart").first.wait_for()
        page.evaluate(
            "document.querySelectorAll('.bar, .zonebar').forEach(one => { one.style.position = 'static' })"
        )
        page.wait_for_timeout(_SETTLED_MS)
        shot = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    height = round(shot.height * _SMALL / shot.width)
    return shot.resize((_SMALL, height), Image.Resampling.BOX)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of both at the size of the first, 0 to 1."""
    same = other.convert("RGB").resize(one.size, Image.Resampling.BOX)
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(same, dtype=float)).mean() / 255)


@pytest.mark.parametrize("name", LOOKS)
def test_the_screen_looks_as_it_did(address: str, name: str, tmp_path: Path) -> None:
    seen, kept = picture(address, *LOOKS[name]), PICTURES / f"{name}.png"
    if "SPOTDESK_NEW_PICTURES" in os.environ:
        few = seen.quantize(_N_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(kept, optimize=True)
    seen.save(tmp_path / kept.name)
    before = Image.open(kept)
    assert abs(seen.height - before.height) <= 0.05 * before.height, f"another height: {tmp_path / kept.name}"
    assert difference(seen, before) < _MOST_DIFFERENT, f"another picture: {tmp_path / kept.name}"


def test_what_a_person_would_see_is_told_apart(address: str) -> None:
    light, dark = (picture(address, WIDE, scheme) for scheme in ("light", "dark"))
    assert difference(light, dark) > 10 * _MOST_DIFFERENT
    blank = Image.new("RGB", light.size, "white")
    assert difference(light, blank) > _MOST_DIFFERENT
