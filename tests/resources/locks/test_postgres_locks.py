"""Locks in Postgres: they hold for every host, die with their process, and fail closed without the server."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from resources.home.marker import new_marker
from resources.locks.held import LockTakenError, held
from resources.models.version_store import VersionStore
from resources.providers.http import HttpClient, HttpPolicy
from resources.trading.locks import deciding, publishing, writing_decision
from spot.errors import SourceUnavailableError
from tests.support.live_desk import LONG_AGO
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.provider_server import faulty_provider, sends

pytestmark = pytest.mark.slow
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with postgres_server() as started:
        yield started


@pytest.fixture
def hosts(server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The folder of one desk as two hosts see it, each at a place of its own and with files of its own."""
    monkeypatch.setenv("SPOTDESK_DAGSTER_SETTINGS", str(server.settings(tmp_path)))
    one, other = tmp_path / "one" / "desk", tmp_path / "other" / "desk"
    for home in (one, other):
        home.mkdir(parents=True)
    new_marker(one, kind="desk", now=LONG_AGO)
    (other / "desk.json").write_bytes((one / "desk.json").read_bytes())
    return one, other


def _hold(folder: Path, is_held: Event) -> None:
    with deciding(folder):
        is_held.set()
        time.sleep(60)


def test_each_lock_holds_for_another_host_and_for_no_other_lock(hosts: tuple[Path, Path]) -> None:
    one, other = (home / "trading_state" for home in hosts)
    with deciding(one), writing_decision(one), publishing(one):
        with pytest.raises(
            LockTakenError, match=r"other zones are deciding.*Postgres was not free within 0\.1"
        ):
            deciding(other, wait_seconds=0.1).__enter__()
        with pytest.raises(LockTakenError, match="a decision is being written or read"):
            writing_decision(other, wait_seconds=0).__enter__()
    with deciding(other, wait_seconds=0), writing_decision(other, wait_seconds=0), publishing(other):
        pass
    assert not list(one.glob("*.lock")), "a lock in Postgres makes no file"


def test_versions_of_a_zone_are_changed_by_one_host_at_a_time(hosts: tuple[Path, Path]) -> None:
    one, other = (VersionStore("http://mlflow:5000", str(home / "models"), "price") for home in hosts)
    with one.lock("DE_LU"):
        with pytest.raises(
            LockTakenError, match=r"versions of price\.DE_LU are being changed: nothing was changed"
        ):
            other.lock("DE_LU", wait_seconds=0).__enter__()
        with other.lock("FR", wait_seconds=0):
            pass


def test_the_lock_of_a_killed_process_is_free_at_once(hosts: tuple[Path, Path]) -> None:
    is_held = SPAWN.Event()
    process = SPAWN.Process(target=_hold, args=(hosts[0] / "trading_state", is_held))
    process.start()
    try:
        assert is_held.wait(30)
        with pytest.raises(LockTakenError):
            deciding(hosts[1] / "trading_state", wait_seconds=0).__enter__()
        os.kill(process.pid or 0, signal.SIGKILL)
        with deciding(hosts[1] / "trading_state", wait_seconds=2):
            pass
    finally:
        process.kill()
        process.join()


def test_without_the_server_nothing_is_locked_and_the_error_says_why(
    hosts: tuple[Path, Path], server: PostgresServer
) -> None:
    with ExitStack() as locks:
        lock = locks.enter_context(deciding(hosts[0] / "trading_state"))
        lock.check()
        server.stop()
        with pytest.raises(SourceUnavailableError, match=r"no signal was made: Postgres.*does not answer"):
            lock.check()
    with pytest.raises(SourceUnavailableError, match=r"nothing was sent: Postgres.*does not answer"):
        publishing(hosts[0] / "trading_state").__enter__()
    with pytest.raises(SourceUnavailableError, match=r"nothing was changed: Postgres.*does not answer"):
        VersionStore("http://mlflow:5000", str(hosts[0] / "models"), "price").lock("FR").__enter__()
    with pytest.raises(
        SourceUnavailableError, match=r"127\.0\.0\.1 was not asked: Postgres.*does not answer"
    ):
        HttpClient(hosts[0] / "http").get("http://127.0.0.1:9/")
    server.start()
    with deciding(hosts[0] / "trading_state", wait_seconds=0) as lock:
        lock.check()


def test_a_body_that_fails_gives_the_lock_back(hosts: tuple[Path, Path]) -> None:
    path = hosts[0] / "any.lock"
    with (
        pytest.raises(ZeroDivisionError),
        held(path, wait_seconds=0, taken="others do it", undone="nothing was done"),
    ):
        _ = 1 / 0
    with held(path, wait_seconds=0, taken="others do it", undone="nothing was done"):
        pass


def test_hosts_share_the_budget_of_a_provider(hosts: tuple[Path, Path]) -> None:
    policy = HttpPolicy(requests_per_minute=60.0, attempts=1)
    waits: list[float] = []
    one, other = (HttpClient(home / "http", policy, sleep=waits.append) for home in hosts)
    with faulty_provider() as provider:
        provider.plan = [
            sends(b"1"),
            sends(b"2"),
            sends(b"3"),
            sends(b"", 429, Retry_After="600"),
            sends(b"5"),
        ]
        assert [client.get(provider.url).body for client in (one, other, one)] == [b"1", b"2", b"3"]
        assert [round(wait) for wait in waits] == [1, 2], "each turn is a second after the one before"
        for client in (other, one):  # the ban that one host was told holds for the other
            with pytest.raises(SourceUnavailableError, match=r"pause of|after 1 attempt"):
                client.get(provider.url)
        assert len(provider.asked) == 4
