"""Pages of the project as pages of the site: where each goes, and its links in their new form."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ELSEWHERE = {
    "docs/README.md": "index.md",
    "README.md": "project/overview.md",
    "ARCHITECTURE.md": "project/architecture.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "benchmarks/README.md": "project/benchmarks.md",
    "examples/spotdesk_example/README.md": "project/example.md",
}
"""Page of the project to page of the site, where it is not the same path below docs/."""
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\]\([^)]*\))*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```$|`[^`\n]*`)", re.DOTALL | re.MULTILINE)
_PICTURES = (".png", ".svg")


def sources() -> dict[Path, str]:
    """File of the project to its place in the site: pages and pictures."""
    below = [path for path in DOCS.rglob("*") if path.suffix in (".md", *_PICTURES)]
    places = {path: path.relative_to(DOCS).as_posix() for path in below}
    return {**places, **{ROOT / name: place for name, place in ELSEWHERE.items()}}


def sources_page() -> str:
    """The list of all pages about a source, from their titles: a new page needs no entry elsewhere."""
    pages = sorted((DOCS / "sources").glob("*.md"))
    titles = {path: path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for path in pages}
    links = [
        f"- [{title}](../sources/{path.name})" for path, title in titles.items() if path.name != "README.md"
    ]
    return "\n".join(["# Sources", "", "Each source of market data has a page.", "", *links, ""])


def gather(target: Path) -> list[str]:
    """Write every page and picture below `target`, an empty folder; returns the places of the pages."""
    places = sources()
    for path, place in places.items():
        file = target / place
        file.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            file.write_text(moved(path, places), encoding="utf-8")
        else:
            shutil.copyfile(path, file)
    return sorted(place for place in places.values() if place.endswith(".md"))


def moved(page: Path, places: Mapping[Path, str]) -> str:
    """Text of a page whose links lead to pages of the site.

    A link to a file that the site does not have becomes its text.
    """
    parts = _FENCE.split(page.read_text(encoding="utf-8"))
    return "".join(part if index % 2 else _with_links(part, page, places) for index, part in enumerate(parts))


def _with_links(text: str, page: Path, places: Mapping[Path, str]) -> str:
    def new(found: re.Match[str]) -> str:
        mark, words, target = found.groups()
        words = _with_links(words, page, places)
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            return f"{mark}[{words}]({target})"
        name, hash_mark, anchor = target.partition("#")
        place = places.get((page.parent / name).resolve())
        if place is None:
            return words
        relative = os.path.relpath(place, Path(places[page]).parent)
        return f"{mark}[{words}]({relative}{hash_mark}{anchor})"

    return _LINK.sub(new, text)


def places_of(navigation: object) -> Iterator[str]:
    """Every page that a navigation of `mkdocs.yml` names."""
    if isinstance(navigation, str):
        yield navigation
    elif isinstance(navigation, Mapping):
        for part in navigation.values():
            yield from places_of(part)
    elif isinstance(navigation, list):
        for part in navigation:
            yield from places_of(part)
