"""A desk whose folder several hosts open: no copy on another machine, and a copy of it still is one."""

import shutil
from pathlib import Path

import pytest

from resources.home import marker
from resources.home.marker import is_copy, new_marker, read_marker, share_marker
from spot.errors import ConfigurationError
from tests.support.live_desk import LONG_AGO


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    _machine(tmp_path, monkeypatch, "one")
    (tmp_path / "desk").mkdir()
    new_marker(tmp_path / "desk", kind="desk", now=LONG_AGO)
    return tmp_path / "desk"


def _machine(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = folder / f"machine-id-{name}"
    path.write_text(f"{name}\n")
    monkeypatch.setattr(marker, "_MACHINE_FILES", (path,))


def test_only_a_shared_desk_is_opened_by_another_machine(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_marker(home)
    _machine(tmp_path, monkeypatch, "other")
    assert is_copy(home, before)
    with pytest.raises(ConfigurationError, match="is a copy of desk"):
        share_marker(home)
    _machine(tmp_path, monkeypatch, "one")
    assert share_marker(home).desk_id == before.desk_id
    _machine(tmp_path, monkeypatch, "other")
    assert not is_copy(home, read_marker(home))


def test_a_copy_of_a_shared_desk_is_a_copy(home: Path, tmp_path: Path) -> None:
    share_marker(home)
    shutil.copytree(home, tmp_path / "copy")
    assert is_copy(tmp_path / "copy", read_marker(tmp_path / "copy"))


def test_a_study_is_not_shared(tmp_path: Path) -> None:
    new_marker(tmp_path, kind="study", now=LONG_AGO)
    with pytest.raises(ConfigurationError, match="only a desk is shared"):
        share_marker(tmp_path)
