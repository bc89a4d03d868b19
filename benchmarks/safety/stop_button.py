"""Whether anything leaves after the stop button was acknowledged, judged at the receiver, and how fast it is.

    python -m benchmarks.safety.stop_button [--trials 1000] [--quick] [--command-trials 20] [--json]

A publisher in another process sends message after message, through the door that the outbox uses. Each trial
presses the button at a random instant while a sender is in one of these troubles:

| trouble | what is done |
|---|---|
| none | nothing: as fast as it can |
| sender frozen | the process of the message gets SIGSTOP, and SIGCONT after the acknowledgement |
| publisher frozen | the process that publishes, likewise |
| slow names | the look-up of the receiver's address hangs up to 0.3 s |
| slow TLS | the receiver waits up to 0.3 s within the handshake |
| slow receiver | a message of 4 MB to a receiver that reads slowly: most of it stands in buffers |

The receiver notes for every message that is complete and whose signature is right when its last byte arrived,
as the kernel stamps it. Then a person resumes. `--command-trials` takes the time of the whole command
`spotdesk halt`, Python's start included. Exit code 1 where a message arrived after an acknowledgement and
before the resumption, or the 99th percentile is 1 s or more.
"""

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.planted.slow_receiver import make_certificate, receive_forever
from resources.files import write_whole
from resources.home.marker import new_marker
from resources.trading.leaving import send
from resources.trading.state import TradingStateStore
from spot.errors import SpotdeskError
from spot.risk.state import TradingState

ZONE, SECRET = "SK", "loopback"
TROUBLES = ("none", "sender frozen", "publisher frozen", "slow names", "slow TLS", "slow receiver")
_SLOW_NAMES = (
    "import socket, time, random; plain = socket.getaddrinfo\n"
    "def slow(*given, **named):\n"
    "    time.sleep(random.uniform(0.0, 0.3)); return plain(*given, **named)\n"
    "socket.getaddrinfo = slow\n"
)


@dataclass(frozen=True, slots=True)
class Place:
    """The desk of the benchmark and its receiver."""

    home: Path
    port: int
    safe_port: int

    @property
    def state_folder(self) -> Path:
        """Where the button writes."""
        return self.home / "trading_state"

    @property
    def trouble(self) -> Path:
        """Names the trouble that messages are in now."""
        return self.home / "trouble"

    @property
    def arrived(self) -> Path:
        """A line for each message that arrived complete and signed: its kind and the instant, in ns."""
        return self.home / "arrived"


@dataclass(slots=True)
class Result:
    """Seconds of each halt by trouble, and messages that came too late."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in TROUBLES})
    late: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TROUBLES, 0))
    arrived: int = 0


def publish_forever(place: Place, certificate: Path) -> None:
    """Send messages as the trouble of the moment asks, whatever becomes of them."""
    os.environ["SSL_CERT_FILE"] = str(certificate)
    plain = send._BEGIN  # noqa: SLF001 - the program of the sender, with a slow resolver before it
    number = 0
    while True:
        trouble = place.trouble.read_text(encoding="utf-8")
        send._BEGIN = plain if trouble != "slow names" else _SLOW_NAMES + plain  # noqa: SLF001
        scheme, port = ("https", place.safe_port) if trouble == "slow TLS" else ("http", place.port)
        number += 1
        size = 4_000_000 if trouble == "slow receiver" else 20_000
        now = datetime.now(UTC)
        permission = send.Permission(
            state_folder=place.state_folder,
            zone=ZONE,
            state=TradingState.ACTIVE,
            judged_at=now,
            valid_until=now + timedelta(hours=1),
        )
        try:
            send.post(
                permission,
                url=f"{scheme}://localhost:{port}/",
                secret=SECRET,
                headers={"X-Trouble": trouble, "X-Number": str(number)},
                body=b"x" * size,
                seconds=5.0,
            )
        except SpotdeskError:
            time.sleep(0.005)


def measure(
    trials: int, command_trials: int, *, settle_seconds: float = 0.4, seed: int = 1
) -> dict[str, Any]:
    """Latencies in seconds, and the number of messages after an acknowledgement."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        certificate = make_certificate(home)
        ports = context.Queue()
        receiver = context.Process(
            target=receive_forever, args=(home / "arrived", certificate, SECRET, ports), daemon=True
        )
        receiver.start()
        place = Place(home, *ports.get(timeout=60))
        new_marker(home, kind="desk", now=datetime.now(UTC))
        store = TradingStateStore(place.state_folder)
        store.set_up()
        write_whole(place.trouble, b"none")
        publisher = context.Process(target=publish_forever, args=(place, certificate), daemon=True)
        publisher.start()
        try:
            result = _trials(
                place, store, publisher.pid or 0, trials, settle_seconds, np.random.default_rng(seed)
            )
            command = [_press_command(place, store) for _ in range(command_trials)]
        finally:
            for process in (publisher, receiver):
                if process.pid:
                    os.kill(process.pid, signal.SIGCONT)
                process.kill()
                process.join()
    return _summary(trials, result, command)


def _trials(
    place: Place,
    store: TradingStateStore,
    publisher: int,
    trials: int,
    settle_seconds: float,
    chance: np.random.Generator,
) -> Result:
    result, windows, span = Result(), [], _usual_seconds(place) * 2
    for i in range(trials):
        trouble = TROUBLES[i % len(TROUBLES)]
        write_whole(place.trouble, trouble.encode())
        _wait_for_sender(publisher)
        time.sleep(chance.uniform(0.0, span))
        frozen = _freeze(trouble, publisher)
        pressed = time.perf_counter()
        store.halt(ZONE, reason=f"trial {i}", actor="benchmark")
        result.seconds[trouble].append(time.perf_counter() - pressed)
        acknowledged = time.time_ns()
        for pid in frozen:
            _signal(pid, signal.SIGCONT)
        time.sleep(settle_seconds)
        windows.append((acknowledged, time.time_ns()))
        store.resume(ZONE, reason="next trial", actor="benchmark")
    for line in place.arrived.read_text(encoding="utf-8").splitlines():
        trouble, _, instant = line.rpartition(" ")
        result.arrived += 1
        result.late[trouble] += any(begin < int(instant) < end for begin, end in windows)
    return result


def _usual_seconds(place: Place, messages: int = 5) -> float:
    """Seconds that one message takes here and now: the button is pressed at any instant of two of them."""
    deadline, began = time.monotonic() + 120.0, time.monotonic()
    while (n := len(place.arrived.read_text(encoding="utf-8").splitlines())) < messages:
        if time.monotonic() > deadline:
            raise TimeoutError("no message arrived")
        time.sleep(0.01)
    return (time.monotonic() - began) / n


def _freeze(trouble: str, publisher: int) -> list[int]:
    """Stop who is to be frozen; a sender that has just ended is not there any more."""
    if trouble == "publisher frozen":
        pids = [publisher]
    elif trouble == "sender frozen":
        pids = _children(publisher)
    else:
        return []
    for pid in pids:
        _signal(pid, signal.SIGSTOP)
    return pids


def _wait_for_sender(publisher: int) -> None:
    """Until the publisher has a sender at work."""
    deadline = time.monotonic() + 60.0
    while not _children(publisher):
        if time.monotonic() > deadline:
            raise TimeoutError("the publisher sends nothing")
        time.sleep(0.002)


def _children(pid: int) -> list[int]:
    """Process ids of the children (man 5 proc_pid_task_children)."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _press_command(place: Place, store: TradingStateStore) -> float:
    """Seconds of the whole command."""
    root = Path(__file__).resolve().parents[2]
    words = [sys.executable, "-m", "desk.trading.stop", "halt", "--zone", ZONE]
    environment = {"SPOTDESK_HOME": str(place.home), "PATH": "/usr/bin:/bin"}
    began = time.perf_counter()
    subprocess.run(words, check=True, cwd=root, env=environment, capture_output=True)
    seconds = time.perf_counter() - began
    store.resume(ZONE, reason="next trial", actor="benchmark")
    return seconds


def _summary(trials: int, result: Result, command: list[float]) -> dict[str, Any]:
    every = np.array([one for seconds in result.seconds.values() for one in seconds])
    by_trouble = {
        name: {
            "trials": len(seconds),
            "p99_s": round(float(np.quantile(seconds, 0.99)), 4),
            "longest_s": round(max(seconds), 4),
            "late_messages": result.late[name],
        }
        for name, seconds in result.seconds.items()
        if seconds
    }
    late, p99 = sum(result.late.values()), float(np.quantile(every, 0.99))
    return {
        "trials": trials,
        "p50_s": round(float(np.quantile(every, 0.5)), 4),
        "p99_s": round(p99, 4),
        "longest_s": round(float(every.max()), 4),
        "messages_arrived": result.arrived,
        "messages_after_acknowledgement": late,
        "command_trials": len(command),
        "command_p50_s": round(float(np.quantile(command, 0.5)), 4) if command else None,
        "command_p99_s": round(float(np.quantile(command, 0.99)), 4) if command else None,
        "by_trouble": by_trouble,
        "is_met": late == 0 and p99 < 1.0 and result.arrived > 0,
    }


def main() -> int:
    """Print the table; 1 where a figure is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="25 trials, and 2 of the command")
    parser.add_argument("--command-trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    trials, command = (25, 2) if arguments.quick else (arguments.trials, arguments.command_trials)
    result = measure(trials, command, seed=arguments.seed)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            rows = value.items() if isinstance(value, dict) else [(name, value)]
            for row, said in rows:
                print(f"{row:32} {said}")
    return 0 if result["is_met"] else 1


if __name__ == "__main__":
    sys.exit(main())
