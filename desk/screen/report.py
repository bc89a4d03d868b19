"""Reports that people read: one self-contained HTML page from text, tables and pictures.

No address outside the page, no script.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from spot.errors import ContractError

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG with a text for readers who cannot see it, and a caption for all."""

    png: bytes
    alternative: str
    caption: str = ""

    def __post_init__(self) -> None:
        if not self.alternative.strip():
            raise ContractError("a picture in a report needs a text alternative")

    @property
    def data_address(self) -> str:
        """An address that holds the picture itself."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of plain values under headings that carry their units. `note` stands below."""

    headings: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    caption: str
    note: str = ""
    is_folded: bool = False
    """Shown after a click: for long tables."""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.headings) for row in self.rows):
            raise ContractError(
                f"report table {self.caption!r}: a row does not have {len(self.headings)} values"
            )

    @property
    def cells(self) -> list[list[tuple[str, bool]]]:
        """Text of every cell, and whether it is a number."""
        return [
            [
                (show_value(value), isinstance(value, int | float) and not isinstance(value, bool))
                for value in row
            ]
            for row in self.rows
        ]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a paragraph or two, then tables and pictures."""

    heading: str
    text: str = ""
    """Paragraphs, separated by an empty line."""
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    commands: tuple[tuple[str, str], ...] = ()
    """A command and what it does."""

    @property
    def paragraphs(self) -> list[str]:
        """The text, split."""
        return [part.strip() for part in self.text.split("\n\n") if part.strip()]


@dataclass(frozen=True, slots=True)
class Report:
    """A whole page. `badge` is a word of warning next to the title, for example SIMULATED."""

    title: str
    summary: str
    sections: tuple[Section, ...] = field(default=())
    badge: str = ""
    footer: str = ""


def render_report(report: Report) -> str:
    """The page as HTML text; every value is escaped."""
    return _template().render(report=report)


def table_of(
    frame: pl.DataFrame,
    caption: str,
    *,
    headings: dict[str, str] | None = None,
    note: str = "",
    is_folded: bool = False,
) -> Table:
    """A table of a frame.

    `headings` chooses columns and names them. Without it, all columns have their own names.
    """
    chosen = headings or {name: name for name in frame.columns}
    return Table(tuple(chosen.values()), frame.select(chosen.keys()).rows(), caption, note, is_folded)


def show_value(value: Any) -> str:
    """A value for a reader: at most three significant decimals, groups of thousands, a dash for nothing."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        if 1e-6 < abs(value) < 0.1:  # a chance of 0.0005 is not one of nothing
            return f"{value:.2g}"
        return "–" if value != value else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.2f}"  # noqa: PLR0124 - only NaN differs from itself
    return str(value)


@cache
def _template() -> Template:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("report.html.j2")
