"""Reports: self-contained, escaped, with a text for every picture."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import polars as pl
import pytest

from desk.screen.report import Picture, Report, Section, Table, render_report, show_value, table_of
from resources.pictures.desk import pnl_curve
from spot.contracts.signal_tables import SETTLEMENTS
from spot.errors import ContractError


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.addresses: list[str | None] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        if tag == "img":
            self.images.append(values)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action", "data")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page() -> str:
    picture = Picture(pnl_curve(SETTLEMENTS.empty()), "Nothing was settled <yet>", "P&L")
    frame = pl.DataFrame({"zone": ["FR"], "mae": [3.14159], "n_days": [12]})
    section = Section(
        "Money & error",
        "First.\n\nSecond <b>.",
        tables=(
            table_of(frame, "Error", headings={"zone": "Zone", "mae": "MAE, EUR/MWh"}),
            Table(("a",), [(1,)], "Long", is_folded=True),
        ),
        pictures=(picture,),
        commands=(("spotdesk status", "See"),),
    )
    return render_report(Report("Demo", "All <well>", (section,), badge="SIMULATED", footer="Seed 1"))


def test_the_page_is_well_formed_and_reaches_nothing_outside_itself(page: str) -> None:
    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    assert all((address or "").startswith("data:image/png;base64,") for address in reader.addresses)
    assert not re.search(r"https?://|url\(|@import", page)
    assert "script" not in reader.tags


def test_every_picture_has_a_text_and_every_value_is_escaped(page: str) -> None:
    reader = _Reader()
    reader.feed(page)
    assert [image["alt"] for image in reader.images] == ["Nothing was settled <yet>"]
    assert "Second &lt;b&gt;." in page
    assert "Money &amp; error" in page


def test_tables_show_chosen_columns_with_units(page: str) -> None:
    assert "MAE, EUR/MWh" in page
    assert 'data-label="MAE, EUR/MWh" class="number">3.14</td>' in page
    assert "n_days" not in page
    assert "<details><summary>Long" in page


def test_it_fits_a_phone_and_a_dark_room(page: str) -> None:
    assert 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in page
    assert "overflow-x: auto" in page


def test_what_would_mislead_is_refused() -> None:
    with pytest.raises(ContractError, match="text alternative"):
        Picture(b"", "  ")
    with pytest.raises(ContractError, match="does not have 2 values"):
        Table(("a", "b"), [(1,)], "short")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (True, "yes"),
        (1234567.8, "1,234,568"),
        (0.5, "0.50"),
        (0.0004998, "0.0005"),
        (1e-13, "0.00"),
        (7, "7"),
        ("x", "x"),
        (datetime(2025, 7, 1, 10, tzinfo=UTC), "2025-07-01 10:00"),
    ],
)
def test_values_are_shown_for_a_reader(value: Any, text: str) -> None:
    assert show_value(value) == text
