import json
import multiprocessing
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from resources.settings.risk_limits import read_limit_book
from resources.trading.state import TradingStateStore
from spot.errors import ConfigurationError
from spot.risk.state import TradingState


@pytest.fixture
def store(tmp_path: Path) -> TradingStateStore:
    store = TradingStateStore(tmp_path / "state")
    store.set_up()
    return store


def test_a_folder_that_was_never_set_up_is_halted(tmp_path: Path) -> None:
    assert TradingStateStore(tmp_path / "state").state("SK") is TradingState.HALTED
    (tmp_path / "empty").mkdir()
    assert TradingStateStore(tmp_path / "empty").state("SK") is TradingState.HALTED


def test_halt_and_resume_of_a_zone_leave_the_others_alone(store: TradingStateStore) -> None:
    assert store.state("SK") is TradingState.ACTIVE
    store.halt("SK", reason="odd prices", actor="Ann")
    assert store.state("SK") is TradingState.HALTED
    assert store.state("BE") is TradingState.ACTIVE
    assert store.state() is TradingState.ACTIVE
    store.resume("SK", reason="prices checked", actor="Ann")
    assert store.state("SK") is TradingState.ACTIVE
    log = [json.loads(line) for line in (store.folder / "log.jsonl").read_text().splitlines()]
    assert [(line["before"], line["state"], line["reason"]) for line in log] == [
        ("ACTIVE", "HALTED", "odd prices"),
        ("HALTED", "ACTIVE", "prices checked"),
    ]


def test_a_halted_desk_halts_every_zone_and_resuming_a_zone_does_not_undo_it(
    store: TradingStateStore,
) -> None:
    store.halt(reason="stop", actor="Ann")
    store.resume("SK", reason="zone is fine", actor="Ann")
    assert store.state("SK") is TradingState.HALTED


def test_nothing_but_resume_makes_a_state_less_strict(store: TradingStateStore) -> None:
    store.halt("SK", reason="stop", actor="Ann")
    store.reduce("SK", reason="machine", actor="limits")
    store.set_up()
    assert TradingStateStore(store.folder).state("SK") is TradingState.HALTED
    store.reduce("BE", reason="closing", actor="Ann")
    assert store.state("BE") is TradingState.REDUCING
    store.halt("BE", reason="stop", actor="limits")
    assert store.state("BE") is TradingState.HALTED
    for reason, actor in (("", "Ann"), ("checked", " ")):
        with pytest.raises(ConfigurationError):
            store.resume("SK", reason=reason, actor=actor)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b'{"scope": "zone-SK", "state": "active"}',
        b'{"scope": "desk", "state": "ACTIVE"}',
    ],
)
def test_what_cannot_be_understood_is_halted(store: TradingStateStore, content: bytes) -> None:
    (store.folder / "zone-SK.json").write_bytes(content)
    assert store.state("SK") is TradingState.HALTED
    assert store.record("zone-SK").reason


def test_a_folder_that_is_gone_or_unreadable_is_halted(store: TradingStateStore) -> None:
    (store.folder / "zone-SK.json").mkdir()
    assert store.state("SK") is TradingState.HALTED
    (store.folder / "ready").unlink()
    assert store.state("BE") is TradingState.HALTED


def test_halt_works_before_anything_was_set_up_and_survives_setting_up(tmp_path: Path) -> None:
    store = TradingStateStore(tmp_path / "state")
    store.halt(reason="first things first", actor="Ann")
    store.set_up()
    assert store.state() is TradingState.HALTED


def test_a_folder_that_was_lost_stays_halted_until_a_person_resumes(store: TradingStateStore) -> None:
    store.halt("SK", reason="stop", actor="Ann")
    shutil.rmtree(store.folder)
    store.set_up()
    assert store.state("SK") is TradingState.HALTED
    assert store.state("BE") is TradingState.HALTED
    store.resume(reason="restored from backup", actor="Ann")
    assert store.state("BE") is TradingState.ACTIVE


def test_resuming_one_zone_of_a_desk_whose_state_was_lost_resumes_no_other(store: TradingStateStore) -> None:
    store.halt("BE", reason="stop", actor="Ann")
    shutil.rmtree(store.folder)
    with pytest.raises(ConfigurationError, match="whole desk first"):
        store.resume("SK", reason="looks fine", actor="Ann")
    assert {store.state(zone) for zone in ("SK", "BE", None)} == {TradingState.HALTED}


def test_a_halt_waits_for_no_frozen_process(store: TradingStateStore) -> None:
    with FileLock(store.folder / "lock"):
        began = time.monotonic()
        TradingStateStore(store.folder).halt("SK", reason="stop", actor="Ann")
        assert time.monotonic() - began < 1.0
    assert store.record("zone-SK").reason == "stop"


def test_a_halt_that_cannot_be_written_halts_the_whole_desk_and_says_so(store: TradingStateStore) -> None:
    (store.folder / "lock").mkdir()
    record = store.halt("SK", reason="stop", actor="Ann")
    assert record.state is TradingState.HALTED
    assert "could not be written" in record.reason
    assert {store.state(zone) for zone in ("SK", "BE", None)} == {TradingState.HALTED}


def test_a_halt_that_fails_says_that_it_failed(
    store: TradingStateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("read-only file system")

    (store.folder / "lock").mkdir()
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(ConfigurationError, match="NOT HALTED"):
        store.halt(reason="stop", actor="Ann")


def _halt_many(folder: Any, n: int) -> None:
    store = TradingStateStore(folder)
    for i in range(n):
        store.halt("SK", reason=f"number {i}", actor="load")


def test_many_processes_may_press_the_button_at_once(store: TradingStateStore) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_halt_many, args=(store.folder, 10)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert store.state("SK") is TradingState.HALTED
    assert len((store.folder / "log.jsonl").read_text().splitlines()) == 30


def test_the_stop_button_imports_neither_dagster_nor_mlflow() -> None:
    code = (
        "import sys, resources.trading.state; print(sorted({'dagster', 'mlflow', 'deltalake', 'duckdb',"
        " 'catboost'} & set(sys.modules)))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\xff",
        b"desk: [",
        b"desk: {a: 1}\ndesk: {a: 2}\n",
        b"- 1\n",
        b"!!python/object:os.system {}",
    ],
)
def test_limits_that_cannot_be_read_deny(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "risk_limits.yaml"
    if content is not None:
        path.write_bytes(content)
    limits = read_limit_book(path).limits("SK", "storage", date(2025, 6, 2))
    assert all(limit.value is None and limit.problem for limit in limits)
