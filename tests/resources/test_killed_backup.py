"""Backups beside work and after kills: files that go meanwhile, and what a killed one left."""

import os
import socket
import subprocess
import sys
import tarfile
import threading
from datetime import date
from pathlib import Path

import pytest

from resources.home.backup import back_up
from resources.home.make import make_home
from resources.home.restore import restore
from resources.lake.lake import Lake
from resources.models.mlflow_store import make_store
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from spot.errors import ContractError
from tests.support.raw_rows import ramp, raw_day

ZONE, DAY = "DE_LU", date(2024, 6, 1)


def desk_with_prices(folder: Path) -> Path:
    home = folder / "desk"
    make_home(home)
    lake = Lake(uri=str(home / "lake"))
    lake.append("day_ahead_prices", raw_day("day_ahead_prices", ZONE, DAY, ramp(ZONE, DAY)), source="files")
    return home


def backed_up(home: Path, file: Path) -> Path:
    back_up(read_environment(home), file, now=utc_now(), passphrase=None)
    return file


def test_files_that_their_owner_removes_meanwhile_do_not_stop_a_backup(tmp_path: Path) -> None:
    home = desk_with_prices(tmp_path)
    for folder in ("workers", "storage"):
        (home / "dagster" / folder).mkdir(parents=True)
    (home / "dagster" / "workers" / "run@code.work").touch()
    is_over = threading.Event()

    def run_and_purge() -> None:
        logs = [home / "dagster" / "storage" / f"{number}.log" for number in range(100)]
        while not is_over.is_set():
            for log in logs:
                log.write_text("step", encoding="utf-8")
            for log in logs:
                log.unlink()

    purger = threading.Thread(target=run_and_purge)
    purger.start()
    try:
        files = [backed_up(home, tmp_path / f"{number}.tgz") for number in range(10)]
    finally:
        is_over.set()
        purger.join()
    for file in files:
        with tarfile.open(file) as archive:
            assert not any(name.startswith("dagster/workers") for name in archive.getnames())
    restore(files[-1], tmp_path / "again", passphrase=None)
    rows = [Lake(uri=str(desk / "lake")).read("day_ahead_prices") for desk in (home, tmp_path / "again")]
    assert rows[0].equals(rows[1])


def test_a_table_without_one_of_its_files_is_refused_by_name(tmp_path: Path) -> None:
    home = desk_with_prices(tmp_path)
    lost = next((home / "lake" / "day_ahead_prices").rglob("*.parquet"))
    lost.unlink()
    with pytest.raises(ContractError, match=f"day_ahead_prices: the data file .*{lost.name} .* is missing"):
        backed_up(home, tmp_path / "desk.tgz")
    assert {path.name for path in tmp_path.iterdir()} == {"desk"}


def dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
        return child.pid


def test_the_next_backup_removes_what_a_killed_one_left_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "desk"
    make_home(home)
    begins = f".spotdesk-backup-{socket.gethostname()}-"
    (tmp_path / f"{begins}{dead_process()}-scratch").mkdir()
    (tmp_path / f"{begins}{dead_process()}-part").write_text("half", encoding="utf-8")
    living = tmp_path / f"{begins}{os.getppid()}-part"
    far = tmp_path / ".spotdesk-backup-another_host-1-part"
    for kept in (living, far):
        kept.write_text("half", encoding="utf-8")
    back_up(read_environment(home), tmp_path / "backup.tgz", now=utc_now(), passphrase=None)
    assert {path.name for path in tmp_path.iterdir()} == {"desk", "backup.tgz", living.name, far.name}


def test_the_next_start_removes_the_folder_in_which_a_store_was_being_made(tmp_path: Path) -> None:
    left = tmp_path / ".mlflow-0123"
    left.mkdir()
    (left / "made.db").write_text("half", encoding="utf-8")
    (tmp_path / "mlflow.db").write_text("a store", encoding="utf-8")
    make_store(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert not left.exists()
