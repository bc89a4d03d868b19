"""A backup holds a desk as of one instant, without its secrets; a restored desk is another, halted one."""

import gzip
import hashlib
import io
import json
import sqlite3
import tarfile
import threading
import zlib
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from resources.home.backup import back_up
from resources.home.dagster_runs import cancel_unfinished_runs
from resources.home.make import make_home
from resources.home.marker import read_marker
from resources.home.open import open_desk
from resources.home.restore import BackupDamagedError, has_sealed_secrets, restore
from resources.home.secrets import public_part, seal, unseal
from resources.identity.roles import Role
from resources.identity.users import UserStore
from resources.instance.prepare import prepare_dagster_home
from resources.lake.lake import Lake
from resources.settings.environment import read_environment
from resources.trading.leases import LeaseStore
from resources.trading.state import TradingStateStore
from spot.errors import ConfigurationError
from spot.market.delivery import days_between
from spot.risk.state import TradingState
from tests.support.raw_rows import ramp, raw_day

ZONE, DAY = "DE_LU", date(2024, 6, 1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
CANARY = "canary-31f0"
WORDS = "a long passphrase"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A desk with five days of prices in as many versions, a database that is written to, and secrets."""
    home = tmp_path / "desk"
    make_home(home)
    (home / ".env").write_text(
        f"# SPOTDESK_ENTSOE_TOKEN={CANARY}\nSPOTDESK_ENVIRONMENT=paper\nSPOTDESK_PJM_KEY={CANARY}\n"
        f"AWS_ENDPOINT_URL=http://user:{CANARY}@s3.example\nSPOTDESK_LAKE_URI=s3://desk/{CANARY}\n"
        f"SPOTDESK_SIGNAL_WEBHOOK_SECRET={CANARY}\n"
    )
    for day in days_between(DAY, DAY + timedelta(days=4)):
        add_day(home, day)
    (home / "dagster").mkdir()
    with closing(sqlite3.connect(home / "dagster" / "runs.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE runs (id INTEGER)")
        database.executemany("INSERT INTO runs VALUES (?)", [(i,) for i in range(1000)])
        database.commit()
    UserStore(home).add("ada", Role.ADMIN, WORDS)
    (home / "identity" / "session_key").write_text(CANARY)
    (home / "studies" / "files").mkdir(parents=True)
    (home / "studies" / "files" / "big.bin").write_bytes(b"x")
    (home / "lake" / "captured_bodies" / "smard").mkdir(parents=True)
    (home / "lake" / "captured_bodies" / "smard" / "abc.gz").write_bytes(b"answer")
    LeaseStore(home).give(ZONE, by="Ann", reason="the only desk", now=NOW)
    return home


def add_day(home: Path, day: date) -> None:
    lake = Lake(uri=str(home / "lake"))
    lake.append("day_ahead_prices", raw_day("day_ahead_prices", ZONE, day, ramp(ZONE, day)), source="files")


def prices(home: Path, version: int | None = None) -> pl.DataFrame:
    return Lake(uri=str(home / "lake")).read("day_ahead_prices", version=version)


def backed_up(home: Path, file: Path, passphrase: str | None = None) -> Path:
    # The ledger of the test lies in the home, whatever `.env` says.
    environment = read_environment(home).model_copy(update={"lake_uri": str(home / "lake")})
    back_up(environment, file, now=NOW, passphrase=passphrase)
    return file


def test_a_restored_desk_has_every_row_and_version_and_file_and_is_another_halted_desk(
    desk: Path, tmp_path: Path
) -> None:
    before = read_marker(desk)
    report = restore(backed_up(desk, tmp_path / "b.tgz"), tmp_path / "new", passphrase=None)
    new = tmp_path / "new"
    for version in (*range(1, 6), None):
        assert prices(new, version).equals(prices(desk, version))
    assert [check.is_sound for check in Lake(uri=str(new / "lake")).verify()] == [True]
    with closing(sqlite3.connect(new / "dagster" / "runs.db")) as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone() == (1000,)
    assert (new / "conf" / "zones.yaml").read_bytes() == (desk / "conf" / "zones.yaml").read_bytes()
    assert (new / "lake" / "captured_bodies" / "smard" / "abc.gz").read_bytes() == b"answer"
    assert not (new / "studies").exists(), "a study is a desk of its own"

    opened = open_desk(new)
    assert opened.note == "", "it is no copy any more"
    assert opened.marker.desk_id == report.desk_id != before.desk_id
    assert before.desk_id in opened.marker.origin
    record = TradingStateStore(new / "trading_state").record("desk")
    assert record.state is TradingState.HALTED
    assert "only one of them may trade" in record.reason
    assert LeaseStore(new).held(ZONE) is None
    assert LeaseStore(desk).held(ZONE) is not None
    assert open_desk(desk).marker == before


def test_a_backup_is_of_one_instant_while_rows_are_written(desk: Path, tmp_path: Path) -> None:
    stop, days = threading.Event(), iter(days_between(DAY + timedelta(days=5), DAY + timedelta(days=400)))

    def write() -> None:
        while not stop.is_set():
            add_day(desk, next(days))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for i in range(3):
            new = tmp_path / f"new{i}"
            restore(backed_up(desk, tmp_path / f"{i}.tgz"), new, passphrase=None)
            version = Lake(uri=str(new / "lake")).version("day_ahead_prices")
            assert prices(new).equals(prices(desk, version))
            assert [check.is_sound for check in Lake(uri=str(new / "lake")).verify()] == [True]
            add_day(new, date(2023, 1, 1))  # and it can be written to
    finally:
        stop.set()
        writer.join()


def test_a_backup_holds_no_secret(desk: Path, tmp_path: Path) -> None:
    file = backed_up(desk, tmp_path / "b.tgz")
    assert CANARY.encode() not in gzip.decompress(file.read_bytes())
    assert not has_sealed_secrets(file)
    restore(file, tmp_path / "new", passphrase=None)
    assert (tmp_path / "new" / ".env").read_text() == "SPOTDESK_ENVIRONMENT=paper\n"
    assert not (tmp_path / "new" / "identity").exists(), "nobody logs in to a copy until users are added"
    assert file.stat().st_mode & 0o777 == 0o600


def test_secrets_are_sealed_and_come_back_under_their_passphrase_alone(desk: Path, tmp_path: Path) -> None:
    file = backed_up(desk, tmp_path / "b.tgz", WORDS)
    assert CANARY.encode() not in gzip.decompress(file.read_bytes())
    assert has_sealed_secrets(file)
    with pytest.raises(ConfigurationError, match="the passphrase is wrong"):
        restore(file, tmp_path / "new", passphrase="another passphrase")
    assert not (tmp_path / "new").exists()
    restore(file, tmp_path / "new", passphrase=WORDS)
    lines = (tmp_path / "new" / ".env").read_text().splitlines()
    assert f"SPOTDESK_PJM_KEY={CANARY}" in lines
    assert not any(line.startswith("SPOTDESK_LAKE_URI") for line in lines), "two desks would share a ledger"
    assert not list((tmp_path / "new").glob("secrets*"))
    restore(file, tmp_path / "without", passphrase=None)
    assert CANARY not in (tmp_path / "without" / ".env").read_text()


def test_a_seal_is_never_the_same_and_never_weak() -> None:
    assert seal("text", WORDS) != seal("text", WORDS)
    assert unseal(seal("täxt", WORDS), WORDS) == "täxt"
    sealed = bytearray(seal("text", WORDS))
    sealed[20] ^= 1
    with pytest.raises(ConfigurationError):
        unseal(bytes(sealed), WORDS)
    with pytest.raises(ConfigurationError, match="at least 12 characters"):
        seal("text", "short")
    assert public_part("SOMETHING_NEW=1\nAWS_REGION=eu-central-1\nAWS_ENDPOINT_URL=http://x/?key=1\n") == (
        "AWS_REGION=eu-central-1\n"
    )


def test_a_cut_or_changed_backup_is_refused_and_restores_nothing(desk: Path, tmp_path: Path) -> None:
    whole = backed_up(desk, tmp_path / "b.tgz").read_bytes()
    file = tmp_path / "bad.tgz"
    for damaged in (
        b"",
        b"no archive",
        whole[: len(whole) // 2],
        whole[:-200],
        *(
            bytes([*whole[:at], whole[at] ^ 4, *whole[at + 1 :]])
            for at in range(30, len(whole), len(whole) // 25)
        ),
    ):
        if _unpacked(damaged) == _unpacked(whole):
            continue  # a bit that no packed byte uses, between two blocks
        file.write_bytes(damaged)
        with pytest.raises(BackupDamagedError, match="nothing was restored"):
            restore(file, tmp_path / "new", passphrase=None)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tgz", "bad.tgz", "desk"]


def _unpacked(packed: bytes) -> bytes | None:
    try:
        return gzip.decompress(packed)
    except (OSError, EOFError, zlib.error):
        return None


def _archive(path: Path, entries: list[tarfile.TarInfo], contents: list[bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for entry, content in zip(entries, contents, strict=True):
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside-of-a-desk", "link", "manifest.json"])
def test_an_archive_of_somebody_else_writes_nothing_outside(name: str, tmp_path: Path) -> None:
    entry = tarfile.TarInfo(name)
    if name == "link":
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc"
    content = b"" if name == "link" else b"x"
    manifest = {
        "format": 1,
        "files": {name: hashlib.sha256(content).hexdigest()},
        "desk_id": "",
        "outside": [],
    }
    text = json.dumps({**manifest, "kind": "desk", "made_at_utc": "2026"}).encode()
    file = _archive(tmp_path / "b.tgz", [entry, tarfile.TarInfo("manifest.json")], [content, text])
    with pytest.raises(BackupDamagedError):
        restore(file, tmp_path / "new" / "desk", passphrase=None)
    assert not (tmp_path / "new" / "outside").exists()
    assert not Path("/tmp/outside-of-a-desk").exists()


def test_a_backup_of_a_newer_format_is_refused_with_the_cure(tmp_path: Path) -> None:
    text = json.dumps({"format": 99, "files": {}, "outside": []}).encode()
    file = _archive(tmp_path / "b.tgz", [tarfile.TarInfo("manifest.json")], [text])
    with pytest.raises(ConfigurationError, match="update Spotdesk"):
        restore(file, tmp_path / "new", passphrase=None)


def test_nothing_is_overwritten_and_no_backup_lies_in_its_own_desk(desk: Path, tmp_path: Path) -> None:
    (tmp_path / "there.tgz").write_text("precious")
    with pytest.raises(ConfigurationError, match="exists already"):
        backed_up(desk, tmp_path / "there.tgz")
    with pytest.raises(ConfigurationError, match="is inside the desk itself"):
        backed_up(desk, desk / "b.tgz")
    with pytest.raises(ConfigurationError, match="no backup was made"):
        backed_up(desk, tmp_path / "nowhere" / "b.tgz")
    file = backed_up(desk, tmp_path / "b.tgz")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").write_text("precious")
    with pytest.raises(ConfigurationError, match="not empty"):
        restore(file, tmp_path / "new", passphrase=None)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")], "nothing is left beside"


def test_what_lies_elsewhere_is_named(desk: Path, tmp_path: Path) -> None:
    environment = read_environment(desk).model_copy(
        update={"tracking_uri": "http://registry.example", "lake_uri": str(desk / "lake")}
    )
    report = back_up(environment, tmp_path / "b.tgz", now=NOW, passphrase=None)
    assert report.outside == ["the registry on http://registry.example"]
    assert restore(tmp_path / "b.tgz", tmp_path / "new", passphrase=None).outside == report.outside


def test_runs_that_were_under_way_are_canceled_in_the_copy(desk: Path) -> None:
    from dagster import DagsterInstance, DagsterRunStatus
    from dagster._core.test_utils import create_run_for_test

    assert cancel_unfinished_runs(desk / "nowhere") == 0
    folder = prepare_dagster_home(read_environment(desk))
    with DagsterInstance.from_config(str(folder)) as instance:
        for status in (DagsterRunStatus.STARTED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.SUCCESS):
            create_run_for_test(instance, job_name="day_judged", status=status)
    assert cancel_unfinished_runs(folder) == 2
    with DagsterInstance.from_config(str(folder)) as instance:
        assert sorted(run.status.value for run in instance.get_runs()) == ["CANCELED", "CANCELED", "SUCCESS"]


def test_a_desk_is_restored_into_the_volume_of_a_container(
    desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = backed_up(desk, tmp_path / "b.tar.gz")
    volume = tmp_path / "volume"
    volume.mkdir()
    same = volume.stat().st_ino
    monkeypatch.setattr(Path, "is_mount", lambda path: path == volume)
    restore(file, volume, passphrase=None)
    assert volume.stat().st_ino == same, "it was filled, not replaced"
    assert read_marker(volume).desk_id != read_marker(desk).desk_id
    assert not list(volume.glob(".*.restoring"))
    with pytest.raises(ConfigurationError, match="not empty"):
        restore(file, volume, passphrase=None)
