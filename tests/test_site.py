"""The docs site: every page is in it, every link leads somewhere, every command exists."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.main import get_command

from desk.main import COMMANDS, app
from spot.contracts.tables import TABLES
from spot.contracts.words import ALERT_KINDS
from supply.site.__main__ import prepare
from supply.site.commands import leaves
from supply.site.pages import moved, places_of, sources
from tests.support.markdown import dead_links

_STANDS_FOR = {
    "D": "2025-06-01",
    "DAY": "2025-06-01",
    "INSTANT": "2025-06-01T10:00Z",
    "Z": "DE_LU",
    "ZONE": "DE_LU",
    "N": "4",
    "VERSION": "4",
}
"""Words of a page that stand for something, and one of its kind."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "docs"
    prepare(folder)
    return folder


def test_every_page_of_the_navigation_is_there(site: Path, project_root: Path) -> None:
    settings = yaml.safe_load((project_root / "mkdocs.yml").read_text(encoding="utf-8"))
    named = list(places_of(settings["nav"]))
    assert len(named) == len(set(named))
    assert [name for name in named if not (site / name).is_file()] == []


def test_every_page_can_be_reached(site: Path, project_root: Path) -> None:
    settings = yaml.safe_load((project_root / "mkdocs.yml").read_text(encoding="utf-8"))
    waiting, seen = [site / name for name in places_of(settings["nav"])], set()
    while waiting:
        page = waiting.pop()
        if page not in seen:
            seen.add(page)
            found = re.findall(r"\]\(([^)\s#]+\.md)", page.read_text(encoding="utf-8"))
            waiting += [(page.parent / name).resolve() for name in found if "://" not in name]
    assert {path.resolve() for path in site.rglob("*.md")} - {page.resolve() for page in seen} == set()


def test_every_link_of_a_gathered_page_leads_somewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.md"))
    dead = [f"{page.relative_to(site)}: {link}" for page in pages for link in dead_links(page)]
    assert not dead, f"these links lead nowhere: {dead}"


def test_a_link_to_a_file_that_the_site_lacks_becomes_its_text(tmp_path: Path) -> None:
    for name in ("a.md", "other.py", "b.md"):
        (tmp_path / name).write_text("# A page\n")
    (tmp_path / "a.md").write_text("[one](b.md#a-page), [two](other.py), [three](https://x.org), `[x](b.md)`")
    places = {tmp_path / "a.md": "deep/a.md", tmp_path / "b.md": "b.md"}
    text = moved(tmp_path / "a.md", places)
    assert text == "[one](../b.md#a-page), two, [three](https://x.org), `[x](b.md)`"


def test_the_reference_has_every_command_table_and_alert(site: Path) -> None:
    told = {path.stem: path.read_text(encoding="utf-8") for path in (site / "reference").glob("*.md")}
    for words, command in leaves(get_command(app)):
        assert f"### {' '.join(words)}\n" in told["commands"]
        for option in command.params:
            assert max((*option.opts, ""), key=len) in told["commands"] or option.name == "help"
    assert set(COMMANDS) <= {words[0] for words, _ in leaves(get_command(app))}
    assert [name for name in TABLES if f"## {name}\n" not in told["tables"]] == []
    assert [kind for kind in ALERT_KINDS if f"[{kind}]" not in told["alerts"]] == []
    assert "gate_lead_minutes` | `45` | How long before the gate" in told["settings"]
    assert "SPOTDESK_LAKE_URI" in told["settings"]
    assert "### day_ahead_prices" in told["assets"]


def pages() -> list[Path]:
    """Pages that people read, without records of what was released or decided."""
    kept = [path for path in sources() if path.suffix == ".md" and path.name != "CHANGELOG.md"]
    return sorted(path for path in kept if path.parent.name != "adr")


def commands_of(text: str) -> Iterator[tuple[list[str], bool]]:
    """Words after `spotdesk`, and whether the page means them to be typed as they stand."""
    for block in re.findall(
        r"^```(?:bash)?\n(.*?)^```|^((?:    .*\n)+)", text, flags=re.DOTALL | re.MULTILINE
    ):
        for line in "".join(block).replace("\\\n", " ").splitlines():
            code = re.sub(r"\s#.*", "", line.strip()).removeprefix("$ ")
            for part in re.split(r"&&|\||;", code):
                if part.strip().startswith("spotdesk "):
                    yield shlex.split(re.split("[<>]", part)[0])[1:], True
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for code in re.findall(r"`spotdesk ([^`]+)`", prose):
        yield shlex.split(" ".join(re.sub(r"[\[\]|]", " ", code).split())), False


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.name)
def test_every_command_of_a_page_exists(page: Path) -> None:
    root = get_command(app)
    above = typer.Context(root)
    for words, is_whole in commands_of(page.read_text(encoding="utf-8")):
        command: Any = root
        rest = [_STANDS_FOR.get(word, word) for word in words]
        if rest[:1] == ["--home"]:
            rest = rest[2:]
        while hasattr(command, "list_commands") and rest and not rest[0].startswith("-"):
            found = command.get_command(above, rest[0])
            assert found is not None, f"there is no command {' '.join(words)}"
            command, rest = found, rest[1:]
        if rest and (usual := getattr(command, "default_command", "")):
            command = command.get_command(above, usual)
        assert command is not root or rest, words
        if not {"...", "--help"} & set(rest) and not hasattr(command, "list_commands"):
            with nullcontext() if is_whole else suppress(typer.BadParameter):
                command.make_context("spotdesk", list(rest), parent=above)
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        used = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert used - known - {"--help"} == set(), words


class Targets(HTMLParser):
    """Links and anchors of one built page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors.add(found.get("id") or "")
        if found.get("rel") != "canonical":
            self.links += [value for name in ("href", "src") if (value := found.get(name))]


@pytest.mark.slow
def test_the_built_site_is_whole_and_needs_no_network(project_root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "supply.site"], cwd=project_root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    built, read = project_root / "dist" / "site", {}
    for page in built.rglob("*.html"):
        read[page] = Targets()
        read[page].feed(page.read_text(encoding="utf-8"))
    assert len(read) > 80
    dead = []
    for page, targets in read.items():
        for link in targets.links:
            name, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", link) or page.name == "404.html":
                continue
            file = (page.parent / name).resolve() if name else page
            is_there = file.is_file() and (not anchor or file not in read or anchor in read[file].anchors)
            if not is_there:
                dead.append(f"{page.relative_to(built)}: {link}")
    assert dead == []
    scripts = [
        link for one in read.values() for link in one.links if re.search(r"^https?:.*\.(js|css)", link)
    ]
    assert scripts == []
    assert list(built.rglob("search*.js*")), "no index of the search"
