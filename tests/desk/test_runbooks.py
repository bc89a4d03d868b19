"""Every alert that the code can raise has its page: what it means, what to check, what to do.

And every page has its alert.

What a page tells a person to type works as it stands: the command has all that it asks for, the question fits
the tables.
"""

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from desk.main import app
from resources.analysts.database import AnalystDatabase
from resources.lake.lake import Lake
from spot.contracts.words import ALERT_KINDS
from workflows.monitoring.alerts import MONITORS

KINDS = ALERT_KINDS  # mypy refuses any other kind at `Alerts.send`


def test_every_alert_has_a_page_that_says_see_check_do(project_root: Path) -> None:
    folder = project_root / "docs" / "runbooks"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for kind in KINDS:
        page = folder / f"{kind}.md"
        assert page.is_file(), f"alert {kind} has no page in docs/runbooks"
        text = page.read_text(encoding="utf-8")
        for part in (f"Alert `{kind}`", "## See", "## Check", "## Do"):
            assert part in text, f"{page.name} lacks {part}"
        assert f"({kind}.md)" in index


def test_every_page_belongs_to_an_alert_that_is_raised_somewhere(project_root: Path) -> None:
    pages = {page.stem for page in (project_root / "docs" / "runbooks").glob("*.md")} - {"README"}
    assert pages == set(KINDS)
    files = [
        file
        for floor in ("resources", "workflows", "trading_assets", "sensors", "desk")
        for file in (project_root / floor).rglob("*.py")
    ]
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    chosen = {monitor.kind for monitor in MONITORS.values()}
    for kind in KINDS:
        assert kind in chosen or f'"{kind}"' in code, f"nothing raises {kind}"


def commands_of(page: Path) -> list[list[str]]:
    """Words of every command on a page; letters that stand for something are filled in."""
    found = re.findall(r"`spotdesk ([^`]+)`", page.read_text(encoding="utf-8"))
    return [
        [{"D": "2025-06-01", "...": "2025-06-01"}.get(word, word) for word in shlex.split(text)]
        for text in found
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_command_of_a_page_can_be_typed_as_it_stands(project_root: Path, kind: str) -> None:
    root = get_command(app)
    above = typer.Context(root)
    for name, *words in commands_of(project_root / "docs" / "runbooks" / f"{kind}.md"):
        command = root.get_command(above, name)  # type: ignore[attr-defined]
        assert command is not None, f"{kind}: there is no command {name}"
        if words:
            command.make_context(name, words, parent=above)


def test_every_question_of_a_page_fits_the_tables(project_root: Path, tmp_path: Path) -> None:
    database = AnalystDatabase(path=str(tmp_path / "analyst.duckdb"))
    database.publish(Lake(uri=str(tmp_path / "lake")))
    for kind in KINDS:
        for name, *words in commands_of(project_root / "docs" / "runbooks" / f"{kind}.md"):
            if name == "sql" and words:
                assert database.query(words[0]).is_empty()
