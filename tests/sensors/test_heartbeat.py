"""The heartbeat: sent while sensors run, and its address is told to nobody."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from dagster import SkipReason, build_sensor_context

from sensors.heartbeat import desk_gives_heartbeat

TOKEN = "hidden-token"


class Service(http.server.BaseHTTPRequestHandler):
    """Counts what asks it."""

    asked: list[str] = []  # noqa: RUF012
    status = 200

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Service.asked, Service.status = [], 200
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made = f"http://127.0.0.1:{server.server_port}/ping/{TOKEN}"
    monkeypatch.setenv("SPOTDESK_HEARTBEAT_URL", made)
    yield made
    server.shutdown()
    server.server_close()


def said() -> str:
    answer = desk_gives_heartbeat(build_sensor_context())
    assert isinstance(answer, SkipReason)
    return answer.skip_message or ""


def test_without_an_address_nothing_is_sent() -> None:
    assert said() == "SPOTDESK_HEARTBEAT_URL is not set"


def test_each_tick_asks_the_address_once(address: str) -> None:
    assert said() == "the heartbeat was sent"
    assert Service.asked == [f"/ping/{TOKEN}"]


@pytest.mark.parametrize("fault", ["status", "nobody", "no address"])
def test_a_heartbeat_that_fails_stops_nothing_and_does_not_show_the_address(
    address: str, fault: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Service.status = 500
    wrong = {"status": address, "nobody": f"http://127.0.0.1:1/{TOKEN}", "no address": f"http://[{TOKEN}"}
    monkeypatch.setenv("SPOTDESK_HEARTBEAT_URL", wrong[fault])
    with caplog.at_level("DEBUG"):
        answer = said()
    assert answer.startswith("the heartbeat was not taken: ")
    assert TOKEN not in answer + caplog.text
