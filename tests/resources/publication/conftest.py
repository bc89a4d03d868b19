"""A receiver of orders, and a desk that publishes to it."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from resources.lake.lake import Lake
from resources.trading.outbox import Outbox, Publisher
from resources.trading.state import TradingStateStore
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.signals import decide_signals
from tests.support.live_desk import make_live_desk
from tests.support.live_orders import BEFORE, DAY, GATE, SECRET, decide, write_tables
from tests.support.sample_market import ZONE, make_request


class _Receiver(BaseHTTPRequestHandler):
    server: Any

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.n_begun += 1
        time.sleep(self.server.pause_seconds)
        self.server.received.append((dict(self.headers), body))
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: str) -> None:
        pass


class _Server(HTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A connection that a halt resets is no news."""


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    server: Any = _Server(("127.0.0.1", 0), _Receiver)
    server.received, server.answers, server.pause_seconds, server.n_begun = [], [], 0.0, 0
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def store(tmp_path: Path) -> TradingStateStore:
    store = TradingStateStore(tmp_path / "state")
    store.set_up()
    return store


@pytest.fixture
def desk(tmp_path: Path, store: TradingStateStore) -> Callable[..., Any]:
    """A lake with the signals of one live day, and a function that publishes them at an instant."""
    lake = Lake(uri=str(tmp_path / "lake"))
    home = make_live_desk(tmp_path, ZONE)

    def publish(now: Any = BEFORE, mode: str = "live", **options: Any) -> Any:
        decision = decide_signals(
            make_request(DAY, SettlementSpread(), as_of_utc=GATE - timedelta(hours=1), mode=mode)
        )
        lake.replace("signals", decision.frame, zone=ZONE, first_day=DAY, last_day=DAY)
        lake.replace("limit_conformance", decision.conformance, zone=ZONE, first_day=DAY, last_day=DAY)
        publisher = Publisher(lake=lake, state_folder=str(store.folder), home=home, **options)
        return publisher.publish(lake.read("signals"), clock=lambda: now)

    publish.lake = lake  # type: ignore[attr-defined]
    return publish


@pytest.fixture
def live_outbox(
    desk: Any,
    store: TradingStateStore,
    receiver: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Outbox:
    """The outbox of a live zone whose signals are decided and not yet sent."""
    monkeypatch.setenv("SPOTDESK_SIGNAL_WEBHOOK_URL", f"http://127.0.0.1:{receiver.server_port}/token-canary")
    monkeypatch.setenv("SPOTDESK_SIGNAL_WEBHOOK_SECRET", SECRET)
    write_tables(desk.lake, decide(GATE - timedelta(hours=1)))
    return Outbox(
        lake=desk.lake, state_folder=str(store.folder), drop_folder=str(tmp_path / "drop"), home=str(tmp_path)
    )
