"""The books find every change of what they pin, and no crash looks like one."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from benchmarks.planted.books_desk import make_books_desk, undone
from benchmarks.planted.books_edits import EDITS, Edit
from benchmarks.safety.books import registry_restored
from resources.books.begin import keep_books
from resources.books.certificate import make_certificate
from resources.books.chain import Chain
from resources.books.commits import PROOF
from resources.books.keys import key_file, make_key
from resources.books.leaving import head_to_send, last_departure, newest_head, send_head
from resources.books.new_key import next_key
from resources.books.verification.verify import verify
from resources.home.backup import back_up
from resources.home.restore import restore
from resources.lake.checksums import record_checksums
from resources.lake.lake import Lake
from resources.models.version import VersionFacts
from resources.settings.environment import Environment, read_environment
from resources.trading import state
from resources.trading.place import Place
from resources.trading.state import TradingStateStore
from resources.wiring import make_lake, make_registry
from spot.books.certificate import check_certificate
from spot.books.record import Head, parse_head
from spot.errors import ConfigurationError, SourceUnavailableError
from tests.support.raw_rows import ramp, raw_day

TABLE = "day_ahead_prices"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return make_books_desk(tmp_path_factory.mktemp("books") / "desk")


@pytest.fixture
def scratch(desk: Environment) -> Iterator[Environment]:
    """The desk; whatever is done to it is undone."""
    with undone(desk.home), registry_restored(desk.home):
        yield desk


def head_of(desk: Environment) -> Head:
    head = Chain(desk.home).head()
    assert head is not None
    return head


def prices(day: date) -> pl.DataFrame:
    return raw_day(TABLE, "DE_LU", day, ramp("DE_LU", day))


def cut_records(desk: Environment, n: int) -> None:
    """As a kill between an action and its record leaves the books."""
    path = Chain(desk.home).path
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-n]))


def test_a_sound_desk_verifies_against_its_head_and_its_key(desk: Environment) -> None:
    verdict = verify(desk, head=head_of(desk))
    assert verdict.is_sound
    assert not verdict.waiting
    assert verdict.n_late == 0
    assert verify(desk, public_key=verdict.public_key).is_sound
    assert "not with the key that was given" in verify(desk, public_key="0" * 64).first


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edit_by_somebody_without_the_key_is_found_and_named(scratch: Environment, edit: Edit) -> None:
    head = head_of(scratch)
    word = edit(scratch.home, random.Random(5))
    verdict = verify(scratch, head=head)
    assert not verdict.is_sound
    assert word in verdict.first


def test_a_killed_process_leaves_books_that_the_next_command_completes(scratch: Environment) -> None:
    make_lake(scratch).append(TABLE, prices(date(2024, 2, 1)), source="x")
    head = head_of(scratch)
    make_lake(scratch).append(TABLE, prices(date(2024, 2, 2)), source="x")
    cut_records(scratch, 1)
    before = verify(scratch, head=head)
    assert before.is_sound
    assert len(before.waiting) == 1
    assert "1 late records" in keep_books(scratch)
    after = verify(scratch, head=head)
    assert after.is_sound
    assert not after.waiting
    assert after.n_late == 1
    assert keep_books(scratch) == ""


@pytest.mark.slow
def test_a_process_that_is_killed_while_it_writes_leaves_sound_books(tmp_path: Path) -> None:
    desk = make_books_desk(tmp_path / "desk", with_models=False)
    head = head_of(desk)
    code = (
        "import sys; from datetime import date, timedelta; from pathlib import Path;"
        " from tests.resources.test_books import make_lake, prices, read_environment, TABLE\n"
        "lake = make_lake(read_environment(Path(sys.argv[1]))); print('begins', flush=True)\n"
        "for n in range(1000): lake.append(TABLE, prices(date(2023, 1, 1) + timedelta(days=n)), source='x')"
    )
    for wait in (0.31, 0.47):
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(desk.home)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert child.stdout is not None
        assert child.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(wait)
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        assert verify(desk, head=head).first == ""
        keep_books(desk)
        after = verify(desk, head=head)
        assert after.is_sound
        assert not after.waiting


def test_a_late_record_takes_nothing_in_that_the_desk_did_not_sign(scratch: Environment) -> None:
    uri = f"{scratch.lake_uri}/{TABLE}"
    make_lake(scratch).append(TABLE, prices(date(2024, 2, 3)), source="x")
    head = head_of(scratch)
    proof = DeltaTable(uri).history(1)[0][PROOF]
    delta = DeltaTable(uri)
    rows = pl.read_delta(uri).with_columns(pl.col("price_eur_per_mwh") + 1).head(1)
    facts = CommitProperties(custom_metadata={PROOF: proof})
    write_deltalake(delta, rows.to_arrow(), mode="append", commit_properties=facts)
    record_checksums(delta)
    assert keep_books(scratch) == ""
    assert "is not of the desk" in verify(scratch, head=head).first


def test_rows_of_an_unrecorded_commit_are_those_that_were_signed(scratch: Environment) -> None:
    head = head_of(scratch)
    make_lake(scratch).append(TABLE, prices(date(2024, 2, 4)), source="x")
    cut_records(scratch, 1)
    uri = f"{scratch.lake_uri}/{TABLE}"
    added = DeltaTable(uri).get_add_actions(flatten=True)
    newest = pl.DataFrame(added).sort("modification_time")["path"][-1]
    path = Path(uri) / newest
    pl.read_parquet(path).with_columns(pl.col("price_eur_per_mwh") + 1).write_parquet(path)
    (Path(uri) / "_checksums" / f"{path.name}.sha256").unlink()
    assert "is not of the desk" in verify(scratch, head=head).first
    assert keep_books(scratch) == ""


def test_a_change_of_the_registry_that_was_killed_is_taken_in_late(scratch: Environment) -> None:
    head = head_of(scratch)
    make_registry(scratch).set_tag("BE", "2", "note", "seen")
    cut_records(scratch, 1)
    before = verify(scratch, head=head)
    assert before.is_sound
    assert before.waiting
    keep_books(scratch)
    after = verify(scratch, head=head)
    assert after.is_sound
    assert not after.waiting
    assert after.n_late == 1


def test_a_version_that_was_registered_by_a_killed_process_is_taken_in_late(scratch: Environment) -> None:
    head, registry = head_of(scratch), make_registry(scratch)
    day = date(2024, 3, 1)
    facts = VersionFacts(
        settings={},
        metrics={},
        fingerprint="f3",
        lineage="simulated",
        trained_from=day,
        trained_through=day,
        serves_from=day,
        tags={},
    )
    registry.register("BE", {"a.json": b"{}"}, facts)
    cut_records(scratch, 1)
    assert verify(scratch, head=head).is_sound
    keep_books(scratch)
    verdict = verify(scratch, head=head)
    assert verdict.is_sound
    assert not verdict.waiting


def test_a_stop_without_a_record_is_named_until_the_next_command_takes_it_in(scratch: Environment) -> None:
    head = head_of(scratch)
    TradingStateStore(scratch.trading_state).halt("FR", reason="x", actor="Ann")
    assert verify(scratch, head=head).is_sound
    cut_records(scratch, 1)
    assert "has no record" in verify(scratch, head=head).first
    keep_books(scratch)
    assert verify(scratch, head=head).is_sound


def test_a_stop_holds_and_a_resumption_does_not_while_others_hold_the_books(
    scratch: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TradingStateStore(scratch.trading_state)

    def held(*_: object, **__: object) -> None:
        raise SourceUnavailableError("held")

    with monkeypatch.context() as patched:
        patched.setattr(Chain, "append", held)
        assert store.halt("FR", reason="x", actor="Ann").state == "HALTED"
        with pytest.raises(SourceUnavailableError):
            store.resume("FR", reason="x", actor="Ann")
        assert store.state("FR") == "HALTED"


def test_a_stop_may_be_recorded_after_the_resumption_that_followed_it(
    scratch: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TradingStateStore(scratch.trading_state)
    with monkeypatch.context() as patched:
        patched.setattr(state, "record_stop", lambda _folder: None)  # the process was killed there
        store.halt("FR", reason="x", actor="Ann")
    store.resume("FR", reason="x", actor="Ann")
    keep_books(scratch)
    verdict = verify(scratch, head=head_of(scratch))
    assert verdict.is_sound
    assert verdict.n_late == 1


def test_a_resumption_that_was_killed_before_it_held_is_no_finding(
    scratch: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TradingStateStore(scratch.trading_state)
    store.halt("FR", reason="x", actor="Ann")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(state, "append_regular", killed)
        with pytest.raises(KeyboardInterrupt):
            store.resume("FR", reason="x", actor="Ann")
    assert verify(scratch, head=head_of(scratch)).is_sound
    store.resume("FR", reason="again", actor="Ann")
    assert verify(scratch, head=head_of(scratch)).is_sound
    log = scratch.trading_state / "log.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    assert "a line was removed" in verify(scratch, head=head_of(scratch)).first


def test_a_line_that_was_cut_off_is_no_record(scratch: Environment) -> None:
    head = head_of(scratch)
    with Chain(scratch.home).path.open("ab") as file:
        file.write(b'{"number": ')
    assert verify(scratch, head=head).is_sound
    make_lake(scratch).append(TABLE, prices(date(2024, 2, 5)), source="x")
    assert verify(scratch, head=head).is_sound


def test_upkeep_of_the_lake_is_in_the_books(scratch: Environment) -> None:
    lake, head = make_lake(scratch), head_of(scratch)
    for n in range(12, 29):
        lake.append(TABLE, prices(date(2024, 1, n)), source="x")
    lake.compact()
    lake.vacuum(keep_days=7)
    assert verify(scratch, head=head).is_sound


def test_a_desk_of_before_begins_its_books_with_what_stands(tmp_path: Path) -> None:
    lake = Lake(uri=str(tmp_path / "lake"))
    lake.append(TABLE, prices(date(2024, 1, 1)), source="x")
    desk = read_environment(tmp_path)
    assert "older version" in keep_books(desk)
    head = head_of(desk)
    assert verify(desk, head=head).is_sound
    path = next(Path(lake.uri, TABLE).rglob("zone=*/*/*.parquet"))
    path.write_bytes(path.read_bytes() + b"x")
    assert TABLE in verify(desk, head=head).first


def test_a_new_key_is_signed_with_the_old_one(tmp_path: Path) -> None:
    desk = make_books_desk(tmp_path / "desk", with_models=False)
    head, old = head_of(desk), verify(desk).public_key
    new = next_key(desk.home)
    make_lake(desk).append(TABLE, prices(date(2024, 2, 1)), source="x")
    verdict = verify(desk, head=head)
    assert verdict.is_sound
    assert verdict.public_key == new != old


def test_the_key_is_for_its_owner_alone_and_in_no_backup(tmp_path: Path) -> None:
    desk = make_books_desk(tmp_path / "desk", with_models=False)
    path = key_file(desk.home)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match="there already"):
        make_key(desk.home)
    head = head_of(desk)
    back_up(desk, tmp_path / "b.tgz", now=NOW, passphrase="a long passphrase")
    restore(tmp_path / "b.tgz", tmp_path / "restored", passphrase="a long passphrase")
    restored = read_environment(tmp_path / "restored")
    assert not key_file(restored.home).exists()
    assert "not signed" in verify(restored, head=head).first
    assert verify(restored, head=head_of(restored)).is_sound
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        make_lake(desk).append(TABLE, prices(date(2024, 2, 6)), source="x")


def test_a_certificate_is_checked_by_a_stranger(desk: Environment) -> None:
    public_key = verify(desk).public_key
    signal_id = make_lake(desk).read("signals")["signal_id"][0]
    document = make_certificate(desk, signal_id)
    text = json.dumps(document).encode()
    assert all(check.holds for check in check_certificate(text, public_key))
    assert not any(check.holds for check in check_certificate(text, "0" * 64) if "signed" in check.what)
    document["statement"]["signal"] = document["statement"]["signal"].replace('"zone"', '"zone "')
    failed = {
        check.what
        for check in check_certificate(json.dumps(document).encode(), public_key)
        if not check.holds
    }
    assert {"the signal is in this commit", "the desk signed the certificate"} <= failed
    with pytest.raises(ValueError, match="no certificate"):
        check_certificate(b"{}", public_key)


def test_the_head_leaves_to_a_place_that_keeps_every_head(scratch: Environment, tmp_path: Path) -> None:
    place = Place(str(tmp_path / "elsewhere"))
    with pytest.raises(SourceUnavailableError):
        send_head(scratch.home, place, now=NOW)
    (tmp_path / "elsewhere").mkdir()
    assert newest_head(place) is None
    first = send_head(scratch.home, place, now=NOW)
    make_lake(scratch).append(TABLE, prices(date(2024, 2, 7)), source="x")
    send_head(scratch.home, place, now=NOW)
    assert str(newest_head(place)) == head_to_send(scratch.home) != first
    assert len(list((tmp_path / "elsewhere").iterdir())) == 2
    departure = last_departure(scratch.home)
    assert departure is not None
    assert departure.to == place.uri
    assert verify(scratch, head=parse_head(first)).is_sound
