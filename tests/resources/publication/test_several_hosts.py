"""The outbox of a desk on several hosts: two publishers, and what it refuses without a stop or a lock."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resources.trading.outbox import Outbox
from spot.errors import SourceUnavailableError
from tests.support.live_orders import BEFORE, DAY
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.sample_market import ZONE

HOSTS = {"module": "resources.instance.hosts", "class": "HostsRunLauncher", "config": {}}


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with postgres_server() as started:
        yield started


@pytest.mark.slow
def test_two_publishers_send_once_and_without_the_server_nothing_leaves(
    live_outbox: Outbox,
    receiver: Any,
    server: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SPOTDESK_DAGSTER_SETTINGS", str(server.settings(tmp_path)))
    server.stop()
    with pytest.raises(SourceUnavailableError, match="Postgres, which keeps the locks of the desk"):
        live_outbox.publish(ZONE, DAY, DAY, clock=lambda: BEFORE)
    assert not receiver.received
    server.start()
    statuses: list[str] = []

    def publish() -> None:
        statuses.extend(live_outbox.publish(ZONE, DAY, DAY, clock=lambda: BEFORE)["status"])

    publishers = [threading.Thread(target=publish) for _ in range(4)]
    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        publisher.join()
    assert statuses == ["sent"] * 3, "table, file and webhook, once each"
    assert len(receiver.received) == 1


@pytest.mark.slow
def test_nothing_leaves_several_hosts_until_each_can_be_stopped(
    live_outbox: Outbox,
    receiver: Any,
    server: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SPOTDESK_DAGSTER_SETTINGS", str(server.settings(tmp_path, run_launcher=HOSTS)))
    rows = live_outbox.publish(ZONE, DAY, DAY, clock=lambda: BEFORE)
    assert rows["status"].unique().to_list() == ["refused"]
    assert "set SPOTDESK_STOP_URI" in rows["detail"][0]
    assert not receiver.received
