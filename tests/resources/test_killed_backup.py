"""What a killed backup or a killed first start leaves beside its target goes with the next one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from resources.home.backup import back_up
from resources.home.make import make_home
from resources.models.mlflow_store import make_store
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now


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
