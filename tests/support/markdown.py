"""Reads the Markdown pages of the project: lines, sentences and links."""

import re
from collections.abc import Iterator
from pathlib import Path

_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_START = re.compile(r"(#+|[-*]|\d+\.) +")
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)\)")
_SENTENCE_END = re.compile(r"(?<=[.!?])[*)\"]*\s+(?=[*(\"\[]*[A-Z0-9])")


def wide_lines(text: str, columns: int) -> Iterator[tuple[int, int]]:
    """Number and width of each line above `columns`; tables and lines with a link are left out."""
    for number, line in enumerate(text.splitlines(), 1):
        is_free = line.startswith("|") or "](" in line or "://" in line
        if len(line) > columns and not is_free:
            yield number, len(line)


def sentences(text: str) -> Iterator[str]:
    """Every sentence of the prose, table cells and list items included; code is left out.

    A span of code counts as one word, a link as its text.
    """
    for block in _blocks(_FENCE.sub("", text)):
        plain = _LINK.sub(r"\1", re.sub(r"`[^`]*`", "Code", block))
        yield from _SENTENCE_END.split(plain)


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs, list items, headings and table cells, each as one line."""
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        words = line.strip()
        is_code = line.startswith("    ") and not lines
        starts = _START.match(words)
        if not words or words.startswith("|") or starts or is_code:
            if lines:
                yield " ".join(lines)
            lines = []
        if words.startswith("|"):
            yield from words.strip("|").split(" | ")
        elif words and not is_code:
            lines.append(words[starts.end() :] if starts else words)


def dead_links(page: Path) -> Iterator[str]:
    """Relative links of a page whose file or heading is not there."""
    text = page.read_text(encoding="utf-8")
    for _, target in _LINK.findall(_FENCE.sub("", text)):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if re.match(r"[a-z]+:", target):
            continue
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            yield target


def _anchors(page: Path) -> set[str]:
    """The headings of a page, in the form in which a link names them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
