"""A real `spotdesk dev` beside a real `spotdesk watch`: how long a killed daemon stays untold."""

import http.server
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from resources.home.daemon_state import last_sign
from resources.home.make import make_home
from tests.support.processes import wait_for
from tests.support.started import free_port, started

TOKEN = "hidden-token"


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledDaemon:
    """What was measured."""

    messages: list[dict[str, str]]
    told_seconds: float
    """From the kill to the arrival of the message."""
    start_seconds: float
    """From the start of the watch to its first look."""
    memory_mb: float
    """Resident memory of the watch once it has told."""
    log: str


def idle_home(folder: Path) -> Path:
    """A desk whose zones are not scheduled, so that its daemon ticks and starts no run."""
    made = folder / "desk"
    make_home(made)
    zones = made / "conf" / "zones.yaml"
    zones.write_text(zones.read_text().replace("is_scheduled: true", "is_scheduled: false"))
    return made


@contextmanager
def alert_channel() -> Iterator[tuple[str, list[tuple[float, dict[str, str]]]]]:
    """An address that takes alerts, and what has arrived there: instant (monotonic, s) and message."""
    arrived: list[tuple[float, dict[str, str]]] = []

    class Channel(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            arrived.append((time.monotonic(), json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Channel)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{TOKEN}", arrived
    finally:
        server.shutdown()
        server.server_close()


def measure_killed_daemon(folder: Path) -> KilledDaemon:
    """Start both, kill the daemon with all its processes, wait for the message."""
    home = idle_home(folder)
    with alert_channel() as (address, arrived):
        (home / ".env").write_text(f"SPOTDESK_WEBHOOK_URL={address}\n")
        with started(home, "dev", "--port", str(free_port())) as daemon:
            wait_for(lambda: last_sign(home / "dagster") is not None, 400)
            begun = time.monotonic()
            with started(home, "watch") as watch:
                wait_for((home / "watch" / "note.json").is_file, 120)
                looked = time.monotonic()
                os.killpg(daemon.pid, signal.SIGKILL)
                killed = time.monotonic()
                wait_for(lambda: bool(arrived), 150)
                memory = _resident_mb(watch.pid)
        return KilledDaemon(
            messages=[message for _, message in arrived],
            told_seconds=arrived[0][0] - killed,
            start_seconds=looked - begun,
            memory_mb=memory,
            log=(home / "watch.log").read_text(),
        )


def _resident_mb(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
