"""How fast is the trader's screen: the page while others read it and somebody halts and resumes.

    python -m benchmarks.running.screen [--home DIR] [--readers 20] [--seconds 20] [--json]

`spotdesk screen` serves a desk whose tomorrow is decided, or the one in `--home`, as a process of its own on
loopback. Every reader asks for the whole page once a second, five times as often as the page does by itself.
Each two seconds the zone is halted or resumed, so that the page is made anew. A desk in `--home` is only
read. Exit code 1: the 95th percentile of the page is not below 200 ms.
"""

import argparse
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import numpy as np

from resources.wall_clock import utc_now
from tests.support.decided_desk import make_decided_desk
from tests.support.sample_market import ZONE

AIM_MS = 200.0
_UP_WITHIN_SECONDS = 240.0
_BETWEEN_PAGES, _BETWEEN_DEEDS = 1.0, 2.0
Ask = Callable[[httpx.Client, int], httpx.Response]
"""Asks once, and is told how often it asked before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds from the request to the whole answer."""

    what: str
    n: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    n_failed: int


def measure(address: str, *, readers: int, seconds: float, has_deeds: bool) -> list[Latency]:
    """Ask for the page as so many people, and do deeds meanwhile where allowed."""
    end = time.monotonic() + seconds
    took: dict[str, list[float]] = {"page": [], "halt or resume": []}
    failed = dict.fromkeys(took, 0)
    jobs: list[tuple[Ask, str, float]] = [
        (lambda client, _: client.get("/"), "page", _BETWEEN_PAGES)
    ] * readers
    if has_deeds:
        jobs.append((_deed, "halt or resume", _BETWEEN_DEEDS))

    def work(ask: Ask, what: str, pause: float, delay: float) -> None:
        time.sleep(delay)
        with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
            for n in itertools.count():
                if time.monotonic() >= end:
                    return
                started = time.perf_counter()
                answer = ask(client, n)
                took[what].append(1000 * (time.perf_counter() - started))
                failed[what] += answer.status_code != 200
                time.sleep(max(0.0, pause - (time.perf_counter() - started)))

    threads = [
        threading.Thread(target=work, args=(*job, _BETWEEN_PAGES * n / len(jobs)))
        for n, job in enumerate(jobs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [_latency(what, values, failed[what]) for what, values in took.items() if values]


def _deed(client: httpx.Client, n: int) -> httpx.Response:
    path = "/do/resume" if n % 2 else "/do/halt"
    return client.post(path, json={"scope": ZONE, "reason": "a benchmark"})


def _latency(what: str, values: list[float], n_failed: int) -> Latency:
    p50, p95, p99 = (float(one) for one in np.percentile(values, [50, 95, 99]))
    return Latency(what=what, n=len(values), p50_ms=p50, p95_ms=p95, p99_ms=p99, n_failed=n_failed)


@contextmanager
def served(home: Path) -> Iterator[str]:
    """`spotdesk screen` of a desk, ready; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "desk.main", "--home", str(home), "screen", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(words, env=dict(os.environ), stderr=subprocess.DEVNULL) as process:
        try:
            _wait(address, process)
            yield address
        finally:
            process.terminate()


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    """Until the page shows facts."""
    deadline = time.monotonic() + _UP_WITHIN_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if "Can we trade?" in httpx.get(address, timeout=30).text:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise SystemExit("the screen did not come up")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="a desk to read; a made-up one by default")
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = asked.home or Path(folder) / "desk"
        if asked.home is None:
            make_decided_desk(home, utc_now())
        with served(home) as address:
            found = measure(
                address, readers=asked.readers, seconds=asked.seconds, has_deeds=asked.home is None
            )
    if asked.json:
        print(json.dumps([asdict(one) for one in found], indent=2))
    else:
        print(f"{asked.readers} readers, {asked.seconds:g} s")
        for one in found:
            print(
                f"{one.what}: {one.n} answers, {one.n_failed} failed, p50 {one.p50_ms:.0f} ms,"
                f" p95 {one.p95_ms:.0f} ms, p99 {one.p99_ms:.0f} ms"
            )
    page = next(one for one in found if one.what == "page")
    sys.exit(int(page.p95_ms >= AIM_MS or any(one.n_failed for one in found)))


if __name__ == "__main__":
    main()
