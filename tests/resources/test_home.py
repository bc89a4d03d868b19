"""The folder of a desk: found by name or from below, made from the templates, and told from a copy."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from resources.home.find import (
    TEMPLATES,
    NoDeskError,
    chosen_home,
    find_desk,
    is_desk,
    nearest_desk,
    state_home,
)
from resources.home.make import make_home
from resources.home.marker import DeskFormatError, Place, is_copy, new_marker, read_marker
from resources.home.open import open_desk, open_or_make_desk
from resources.settings.desk import desk_settings
from resources.settings.environment import read_environment
from resources.trading.state import TradingStateStore
from spot.errors import ConfigurationError
from spot.risk.state import TradingState

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SPOTDESK_HOME", raising=False)
    monkeypatch.delenv("SPOTDESK_CONF", raising=False)
    make_home(tmp_path / "desk")
    return tmp_path / "desk"


def test_a_new_desk_has_all_settings_of_the_package_and_secrets_that_its_owner_alone_reads(
    desk: Path,
) -> None:
    given = {path.relative_to(TEMPLATES) for path in (TEMPLATES / "conf").rglob("*.yaml")}
    assert {path.relative_to(desk) for path in (desk / "conf").rglob("*") if path.is_file()} == given
    assert stat.S_IMODE((desk / ".env").stat().st_mode) == 0o600
    assert "!conf/" in (desk / ".gitignore").read_text()
    environment = read_environment(desk)
    assert environment.conf_folder == desk / "conf"
    assert list(desk_settings(environment).zones) == ["DE_LU", "FR"]
    assert TradingStateStore(environment.trading_state).state() is TradingState.ACTIVE
    assert read_marker(desk).kind == "desk"


def test_a_desk_that_is_there_is_not_made_anew_and_one_that_was_begun_is_finished(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "zones.yaml").write_text("zones: {NL: {}}\n")  # as a killed call leaves it
    make_home(tmp_path)
    assert (tmp_path / "conf" / "zones.yaml").read_text() == "zones: {NL: {}}\n"
    with pytest.raises(ConfigurationError, match="there is a desk in"):
        make_home(tmp_path)


def test_a_desk_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"no desk can be made in .*file"):
        make_home(tmp_path / "file")


def test_the_desk_is_the_one_of_the_option_else_of_the_variable_else_the_nearest_upwards(
    desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = desk / "conf" / "models"
    monkeypatch.chdir(deep)
    assert find_desk() == state_home() == desk
    for name in ("of_variable", "of_option"):
        make_home(tmp_path / name)
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "of_variable"))
    assert find_desk() == state_home() == read_environment().home == tmp_path / "of_variable"
    with chosen_home(tmp_path / "of_option"):
        assert find_desk() == state_home() == read_environment().home == tmp_path / "of_option"
    assert find_desk() == tmp_path / "of_variable"


def test_the_desk_of_a_project_lies_in_its_hidden_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPOTDESK_HOME", raising=False)
    make_home(tmp_path / ".spotdesk")
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path / "src")
    assert find_desk() == tmp_path / ".spotdesk"


@pytest.mark.parametrize(
    ("name", "why"), [("nope", "the folder does not exist"), ("file", "is a file"), ("empty", "no desk.json")]
)
def test_a_name_that_is_no_desk_is_refused_with_the_cure_and_nothing_is_made(
    name: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / name))
    for find in (find_desk, open_desk, open_or_make_desk):
        with pytest.raises(NoDeskError, match=f"SPOTDESK_HOME names .*{name}.*{why}.*spotdesk init"):
            find()
    assert sorted(tmp_path.rglob("*")) == before


def test_where_there_is_no_desk_the_message_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPOTDESK_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoDeskError, match="`spotdesk init DIR` makes one"):
        open_or_make_desk()


def test_a_desk_that_is_moved_stays_itself(desk: Path, tmp_path: Path) -> None:
    before = read_marker(desk)
    moved = desk.rename(tmp_path / "moved")
    opened = open_desk(moved)
    assert (opened.marker, opened.note) == (before, "")
    assert TradingStateStore(moved / "trading_state").state() is TradingState.ACTIVE
    os.chmod(moved / "desk.json", 0o640)  # noqa: PTH101 - what a set-up script does to all files
    assert not is_copy(moved, read_marker(moved))


def _copied(desk: Path, copy: Path) -> None:
    shutil.copytree(desk, copy, symlinks=True)


def _archived_and_put_back(desk: Path, copy: Path) -> None:
    archive = shutil.make_archive(str(copy), "tar", desk)
    shutil.rmtree(desk)  # its inodes are free to be used again
    shutil.unpack_archive(archive, copy)


@pytest.mark.parametrize("copies", [_copied, _archived_and_put_back])
def test_a_copy_gets_an_identity_of_its_own_and_is_halted_once(
    copies: Callable[..., Any], desk: Path, tmp_path: Path
) -> None:
    before = read_marker(desk)
    copy = tmp_path / "copy"
    copies(desk, copy)
    opened = open_desk(copy)
    assert opened.marker.desk_id != before.desk_id
    assert opened.marker.origin == f"copy of {before.desk_id}"
    assert before.desk_id in opened.note
    record = TradingStateStore(copy / "trading_state").record("desk")
    assert record.state is TradingState.HALTED
    assert before.desk_id in record.reason
    TradingStateStore(copy / "trading_state").resume(reason="the other one is gone", actor="Ann")
    again = open_desk(copy)
    assert (again.marker, again.note) == (opened.marker, "")
    assert TradingStateStore(copy / "trading_state").state() is TradingState.ACTIVE
    if desk.exists():
        assert open_desk(desk).marker == before
        assert TradingStateStore(desk / "trading_state").state() is TradingState.ACTIVE


def test_a_copy_that_was_killed_while_it_was_opened_is_still_halted_and_still_a_copy(
    desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(desk, copy)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("resources.home.open.new_marker", killed)
    with pytest.raises(KeyboardInterrupt):
        open_desk(copy)
    assert TradingStateStore(copy / "trading_state").state() is TradingState.HALTED
    assert is_copy(copy, read_marker(copy))


@pytest.mark.parametrize(
    "changed", [{"inode": 1}, {"generation": 7}, {"file_system": 9}, {"machine": "another"}]
)
def test_whatever_of_the_place_differs_makes_a_copy_and_what_is_not_known_does_not(
    changed: dict[str, object], desk: Path
) -> None:
    document = json.loads((desk / "desk.json").read_text())
    known = {"inode": 5, "generation": 6, "file_system": 8, "machine": "this"}
    assert not Place(**known).is_same(Place(**{**known, **changed}))  # type: ignore[arg-type]
    unknown = {name: "" if name == "machine" else 0 for name in changed}
    assert Place(**known).is_same(Place(**{**known, **unknown}))  # type: ignore[arg-type]
    assert document["place"]["inode"] == (desk / "desk.json").stat().st_ino


def test_an_older_a_newer_and_a_damaged_marker_are_refused_with_the_cure(desk: Path) -> None:
    document = json.loads((desk / "desk.json").read_text())
    for text, cure in (
        (json.dumps({**document, "format": 99}), "newer Spotdesk .*update Spotdesk"),
        (json.dumps({**document, "kind": "bank"}), "restore the desk from a backup"),
        ("[]", "restore the desk from a backup"),
        ("{", "restore the desk from a backup"),
    ):
        (desk / "desk.json").write_text(text)
        with pytest.raises(DeskFormatError, match=cure):
            open_desk(desk)
    (desk / "desk.json").unlink()
    with pytest.raises(DeskFormatError, match=r"older Spotdesk .*spotdesk upgrade --home"):
        open_desk(desk)


def test_a_marker_that_is_written_anew_names_its_own_place(desk: Path) -> None:
    marker = new_marker(desk, kind="desk", now=NOW)
    assert marker == read_marker(desk)
    assert not is_copy(desk, marker)
    assert [path.name for path in desk.glob(".desk.json*")] == [], "nothing is left beside it"


def test_folders_that_are_no_desk_are_passed_by(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    assert nearest_desk(tmp_path) is None
    assert not is_desk(tmp_path)
