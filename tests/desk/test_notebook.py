"""`spotdesk notebook`, and every notebook run as a script on a desk with decided days."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import desk.data.notebook as command
import spotdesk
from desk.main import app
from resources.home.make import make_home
from spot.errors import ConfigurationError
from tests.support.paper_desk import make_paper_desk

NAMES = ["a_lost_day", "ask_as_of", "backtest_a_strategy", "prices_and_vintages", "train_and_compare"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "desk")
    return tmp_path / "desk"


def test_without_a_name_it_lists_every_notebook(home: Path, project_root: Path) -> None:
    done = CliRunner().invoke(app, ["--home", str(home), "notebook", "--json"])
    rows = json.loads(done.stdout)
    assert [row["notebook"] for row in rows] == NAMES
    assert all(row["what"].endswith(".") for row in rows)
    page = (project_root / "docs" / "howto" / "notebook.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in page for name in NAMES)


def test_an_unknown_notebook_and_a_missing_marimo_are_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="did you mean a_lost_day"):
        command.found("lost_day")
    monkeypatch.setattr(command, "find_spec", lambda _: None)
    done = CliRunner().invoke(app, ["--home", str(home), "notebook", "a_lost_day"])
    assert isinstance(done.exception, ConfigurationError)
    assert "pip install" in str(done.exception)


def test_the_notebook_is_served_on_loopback_with_a_token_and_a_copy_is_edited(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(command, "find_spec", lambda _: object())
    monkeypatch.setattr(os, "execve", lambda _, words, env: called.append([*words, env["SPOTDESK_HOME"]]))
    monkeypatch.chdir(tmp_path)
    for words in (["a_lost_day", "--headless"], ["a_lost_day", "--edit"], ["a_lost_day", "--edit"]):
        assert CliRunner().invoke(app, ["--home", str(home), "notebook", *words]).exit_code == 0
    shown, edited, again = called
    assert shown[3:5] == ["run", str(command.NOTEBOOKS / "a_lost_day.py")]
    assert edited[3:5] == again[3:5] == ["edit", str(tmp_path / "a_lost_day.py")]
    for words in called:
        assert words[words.index("--host") + 1] == "127.0.0.1"
        assert "--token" in words
        assert words[-1] == str(home)
    assert "--headless" in shown


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notebooks") / "desk"
    make_paper_desk(folder)
    return folder


def run_script(name: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SPOTDESK_HOME": str(home), "MPLBACKEND": "Agg"}
    words = [sys.executable, str(command.NOTEBOOKS / f"{name}.py")]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_as_a_script_and_changes_nothing(decided: Path, name: str) -> None:
    def state() -> dict[Path, int]:
        kept = [path for path in decided.rglob("*") if path.is_file() and "dagster" not in path.parts]
        return {path: path.stat().st_mtime_ns for path in kept}

    assert spotdesk.open(decided).money()["delivery_day"].n_unique() == 3
    before = state()
    done = run_script(name, decided)
    assert done.returncode == 0, done.stderr
    assert state() == before


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_on_an_empty_desk_ends_well(home: Path, name: str) -> None:
    done = run_script(name, home)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_notebook_without_a_desk_says_so(tmp_path: Path) -> None:
    done = run_script("a_lost_day", tmp_path / "nowhere")
    assert done.returncode != 0
    assert "NoDeskError" in done.stderr
