"""What a person reads when a command fails for a reason that nobody foresaw."""

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

import desk.main
from desk.screen.failures import failure_line
from spot.errors import ContractError


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error from cause
    return caught.value


def test_a_fault_is_one_line_and_its_trace_is_kept(tmp_path: Path) -> None:
    line = failure_line(raised(ValueError("first\nsecond line")), tmp_path)
    assert line.startswith("ValueError: first second line: this is a fault of Spotdesk.")
    assert "\n" not in line
    (kept,) = (tmp_path / "logs").iterdir()
    assert str(kept) in line
    assert "raise error from cause" in kept.read_text()


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), None),
        (RuntimeError("cannot write"), OSError(errno.ENOSPC, "No space left on device")),
        (ContractError("Generic error: No space left on device (os error 28)"), None),
        (RuntimeError("(sqlite3.OperationalError) database or disk is full"), None),
    ],
)
def test_a_full_disk_is_told_in_one_line_with_the_cure(
    tmp_path: Path, error: BaseException, cause: BaseException | None
) -> None:
    line = failure_line(raised(error, cause), tmp_path)
    assert line.startswith(f"DiskFullError: the disk of {tmp_path} is full (")
    assert "MB are free" in line
    assert "repeat the same command" in line
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    "words",
    [
        "(sqlite3.DatabaseError) database disk image is malformed",
        "file is not a database",
        "Attempted to deserialize enum PipelinmRunStatus which was not in the whitelist.",
    ],
)
def test_a_damaged_database_is_told_by_name_with_the_cure(tmp_path: Path, words: str) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"no database at all" * 100)
    line = failure_line(raised(RuntimeError("a wrapper"), RuntimeError(words)), tmp_path)
    assert line.startswith(
        f"DamagedDatabaseError: {tmp_path / 'mlflow.db'} (file is not a database) is damaged"
    )
    assert "spotdesk restore" in line
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("run_body", '{"__class__": "DagsterRun", "status"'),
        ("run_body", '{"__class__": "DagsterRun", "status": {"__enum_": "x"}}'),
        ("status", "SUCCeSS"),
    ],
)
def test_a_record_of_a_run_that_cannot_be_read_back_is_a_damaged_database(
    tmp_path: Path, column: str, text: str
) -> None:
    folder = tmp_path / "dagster"
    folder.mkdir()
    with DagsterInstance.local_temp(str(folder)) as instance:
        instance.add_run(DagsterRun(job_name="a_job", status=DagsterRunStatus.SUCCESS))
        with closing(sqlite3.connect(folder / "history/runs.db")) as database:
            database.execute(f"UPDATE runs SET {column} = ?", (text,))  # noqa: S608 - a name from above
            database.commit()
        with pytest.raises(Exception, match=r".") as caught:
            instance.get_runs()
    line = failure_line(caught.value, tmp_path)
    assert line.startswith("DamagedDatabaseError: a database below")
    assert "dagster/history" in line


def test_no_command_shows_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    monkeypatch.setattr(desk.main, "app", broken)
    with pytest.raises(SystemExit) as ended:
        desk.main.main()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("ZeroDivisionError: a fault: this is a fault of Spotdesk.")
    assert said.count("\n") == 1
