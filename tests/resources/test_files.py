"""A file is replaced whole or not at all, with the permissions that were asked for."""

import os
import stat
from pathlib import Path

import pytest

from resources.files import write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_made_and_replaced(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "state.json"
    for content in (b"one", b"two, longer"):
        write_whole(path, content, durable=durable)
        assert path.read_bytes() == content
        assert names(tmp_path) == ["state.json"]


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    write_whole(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_whole(path, b"new", durable=True)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["state.json"]


def test_a_reader_that_has_the_file_open_keeps_what_it_opened(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_whole(path, b"old")
    with path.open("rb") as reader:
        write_whole(path, b"new")
        assert reader.read() == b"old"


def test_the_remains_of_a_killed_writer_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    (tmp_path / f".state.json.{os.getpid() + 1}.7.tmp").write_bytes(b"half")
    write_whole(path, b"whole")
    assert path.read_bytes() == b"whole"


def test_a_secret_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    write_whole(path, b"KEY=1", mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
