"""Damage to the files of the lake is found when they are read, and taken out of service by name."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from benchmarks.faults.damage import TABLE, make_lake, measure
from desk.data.repair import repair
from resources.lake.checked_reads import forget_checked
from resources.lake.lake import Lake
from resources.lake.repair import damaged_files, take_out_of_service
from spot.errors import ContractError
from tests.support.raw_rows import ramp, raw_day

DAY = date(2024, 1, 1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return make_lake(tmp_path / "lake")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def data_files(lake: Lake) -> list[Path]:
    return sorted(Path(lake.uri, TABLE).glob("zone=*/**/*.parquet"))


def test_flips_and_cuts_are_never_silent_and_never_a_crash() -> None:
    rows = measure(n_flips=25, n_cuts=10, seed=1)
    assert [(row["silent"], row["crash"]) for row in rows] == [(0, 0)] * 6
    assert rows[0]["refused"] == 25


def test_a_damaged_file_stops_the_reader_of_its_rows_alone(lake: Lake) -> None:
    path = next(path for path in data_files(lake) if "zone=FR" in str(path))
    flip(path)
    with pytest.raises(ContractError, match=rf"{TABLE}: 1 files differ from their checksums: .*{path.name}"):
        lake.read(TABLE)
    assert lake.read(TABLE, zones=["DE_LU"])["zone"].unique().to_list() == ["DE_LU"]


def test_damage_after_the_first_read_is_found_by_the_same_process(lake: Lake) -> None:
    lake.read(TABLE)
    flip(data_files(lake)[0])
    with pytest.raises(ContractError, match="differ from their checksums"):
        lake.read(TABLE)


def test_the_last_commit_cannot_go_unseen(lake: Lake) -> None:
    newest = max(Path(lake.uri, TABLE, "_delta_log").glob("*.json"))
    newest.unlink()
    with pytest.raises(ContractError, match=newest.name):
        lake.read(TABLE)


def test_an_older_version_is_read_from_a_sound_log_only(lake: Lake) -> None:
    flip(Path(lake.uri, TABLE, "_delta_log", f"{3:020d}.json"))
    assert lake.read(TABLE).height
    with pytest.raises(ContractError, match=f"{3:020d}.json"):
        lake.read(TABLE, version=5)


def test_a_commit_without_a_checksum_is_read(lake: Lake) -> None:
    """A process that is killed between commit and checksum leaves it; the upkeep of the lake adopts it."""
    rows = lake.read(TABLE)
    for path in Path(lake.uri, TABLE, "_checksums").iterdir():
        path.unlink()
    forget_checked()
    assert lake.read(TABLE).equals(rows)
    assert lake.adopt() > 0
    flip(data_files(lake)[0])
    with pytest.raises(ContractError, match="differ from their checksums"):
        lake.read(TABLE)


def test_a_repair_keeps_the_damaged_file_and_the_days_can_be_loaded_again(lake: Lake) -> None:
    rows = lake.read(TABLE)
    path = data_files(lake)[0]
    flip(path)
    (found,) = damaged_files(lake)
    assert (found.table, Path(found.file).name, found.zone, found.month) == (
        TABLE,
        path.name,
        "DE_LU",
        "2024-01",
    )
    take_out_of_service(lake, [found])
    assert damaged_files(lake) == []
    assert rows.height - lake.read(TABLE).height == found.n_rows
    assert (Path(lake.uri, TABLE) / "_damaged" / found.file).is_file()
    lost = rows.join(lake.read(TABLE), on=["zone", "delivery_start_utc"], how="anti")["delivery_day"].unique()
    again = pl.concat([raw_day(TABLE, "DE_LU", day, ramp("DE_LU", day)) for day in lost.sort()])
    assert lake.append(TABLE, again, source="files").n_quarantined == 0
    assert lake.read(TABLE).equals(rows)


def test_the_command_names_the_file_and_changes_nothing_unasked(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    monkeypatch.setenv("SPOTDESK_LAKE_URI", lake.uri)
    path = data_files(lake)[0]
    flip(path)
    app = typer.Typer()
    app.command()(repair)
    looked = CliRunner().invoke(app, ["--json"])
    assert looked.exit_code == 1
    assert [row["file"].endswith(path.name) for row in json.loads(looked.stdout)] == [True]
    assert path.is_file()
    mended = CliRunner().invoke(app, ["--apply"])
    assert mended.exit_code == 0, mended.output
    assert CliRunner().invoke(app, []).exit_code == 0
