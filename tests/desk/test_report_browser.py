"""A report in a real browser: no table is wider than its page, on a phone and on a desk."""

from pathlib import Path

import pytest

from desk.screen.report import Report, Section, Table, render_report
from tests.support.lineage_page import browser_page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
WHY = "better: error_better -5.62 EUR/MWh over 14 days, p=0.0004, level 0.01; not worse in money: +12.3 EUR"
DECISIONS = Table(
    (
        "Why",
        "Decision",
        "When, local time",
        "Model",
        "Its error, EUR/MWh",
        "Champion's error, EUR/MWh",
        "Days",
    ),
    [(WHY, "v3 serves from now on", "2025-03-31 12:00", "price of SK", 5.8, 11.4, 14)] * 3,
    "Decisions on model versions",
)
COMMAND = "spotdesk --home .spotdesk/demo sql " + '"SELECT zone, delivery_day FROM settlements ' * 4
_RIGHT_EDGE = """Math.max(...[...document.querySelectorAll("table, tr, td, pre, img, p")]
    .map(one => one.getBoundingClientRect().right))"""


@pytest.mark.parametrize("width", [390, 1180])
def test_no_table_is_wider_than_its_page(tmp_path: Path, width: int) -> None:
    section = Section("Decisions", WHY, tables=(DECISIONS,), commands=((COMMAND, "Ask"),))
    path = tmp_path / "report.html"
    path.write_text(render_report(Report("A title", "A summary", sections=(section,))), encoding="utf-8")
    with browser_page(width, 800) as page:
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(_RIGHT_EDGE) <= width
        first = page.locator("tbody tr").first.inner_text()
        assert first.index(WHY[:20]) < first.index("v3 serves")
        is_named = "Champion's error, EUR/MWh" in page.evaluate(
            """[...document.querySelectorAll("td")].map(
                one => getComputedStyle(one, "::before").content).join(" ")"""
        )
        assert is_named == (width == 390), "a stacked cell says what it is; a column has its heading"
