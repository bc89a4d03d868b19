"""How fast the trader's screen is under readers, actions and questions, and whether everybody can use it.

    python -m benchmarks.running.screen [--home DIR] [--readers 20] [--seconds 20] [--axe] [--json]

`spotdesk screen` serves a trained desk, or the one in `--home`, as a process of its own on loopback. Every
reader asks for the whole page once a second, five times as often as the page does by itself. Each two seconds
the zone is halted or resumed, so that the page is made anew, and somebody moves a slider of what if twice a
second. A desk in `--home` is only read. The load of the machine is printed beside the figures.

With `--axe`, axe-core looks at the page in light and dark, on a phone and a monitor (needs Chromium).

Exit code 1: the 95th percentile of the page is not below 200 ms, an answer failed, or axe found a violation.
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
from typing import Any

import httpx
import numpy as np

from resources.settings.environment import read_environment
from resources.wiring import make_lake
from tests.support.lineage_page import browser_page
from tests.support.paper_desk import make_paper_desk
from tests.support.screen_browser import NARROW, WIDE

AIM_MS = 200.0
_UP_WITHIN_SECONDS = 240.0
_BETWEEN_PAGES, _BETWEEN_ACTIONS, _BETWEEN_QUESTIONS = 1.0, 2.0, 0.5
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


def measure(address: str, zone: str, *, readers: int, seconds: float, has_actions: bool) -> list[Latency]:
    """Ask for the page as so many people, move a slider, and do actions meanwhile where allowed."""
    httpx.get(f"{address}/what_if?zone={zone}", timeout=300)  # the first question reads the day
    end = time.monotonic() + seconds
    took: dict[str, list[float]] = {"page": [], "what if": [], "halt or resume": []}
    failed = dict.fromkeys(took, 0)
    jobs: list[tuple[Ask, str, float]] = [
        (lambda client, _: client.get("/"), "page", _BETWEEN_PAGES)
    ] * readers
    jobs.append((lambda client, n: _question(client, zone, n), "what if", _BETWEEN_QUESTIONS))
    if has_actions:
        jobs.append((lambda client, n: _act(client, zone, n), "halt or resume", _BETWEEN_ACTIONS))

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


def _act(client: httpx.Client, zone: str, n: int) -> httpx.Response:
    path = "/do/resume" if n % 2 else "/do/halt"
    return client.post(path, json={"scope": zone, "reason": "a benchmark"})


def _question(client: httpx.Client, zone: str, n: int) -> httpx.Response:
    return client.get("/what_if", params={"zone": zone, "set": f"wind={5 * (n % 9) - 20:+d}%"})


def axe_violations(address: str) -> list[dict[str, Any]]:
    """What axe-core finds on the page, for each window and colour scheme."""
    from axe_playwright_python.sync_playwright import Axe

    found = []
    for name, (width, height) in (("phone", NARROW), ("monitor", WIDE)):
        for scheme in ("light", "dark"):
            with browser_page(width, height) as page:
                page.emulate_media(color_scheme=scheme)
                page.goto(address)
                page.locator(".zone").first.wait_for()
                page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
                answer = Axe().run(page).response
            rules = [one["id"] for one in answer["violations"]]
            found.append(
                {
                    "window": name,
                    "scheme": scheme,
                    "violations": rules,
                    "n_rules_passed": len(answer["passes"]),
                }
            )
    return found


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
    parser.add_argument("--axe", action="store_true", help="judge the page with axe-core, too")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = asked.home or Path(folder) / "desk"
        if asked.home is None:
            make_paper_desk(home)
        zone = make_lake(read_environment(home=home)).zones("day_ahead_forecasts")[0]
        with served(home) as address:
            found = measure(
                address, zone, readers=asked.readers, seconds=asked.seconds, has_actions=asked.home is None
            )
            axe = axe_violations(address) if asked.axe else []
    load = os.getloadavg()[0]
    if asked.json:
        latencies = [asdict(one) for one in found]
        print(json.dumps({"load": load, "latencies": latencies, "axe": axe}, indent=2))
    else:
        print(f"{asked.readers} readers, {asked.seconds:g} s; load of the machine {load:.1f}")
        for one in found:
            print(
                f"{one.what}: {one.n} answers, {one.n_failed} failed, p50 {one.p50_ms:.0f} ms,"
                f" p95 {one.p95_ms:.0f} ms, p99 {one.p99_ms:.0f} ms"
            )
        for look in axe:
            rules = ", ".join(look["violations"]) or "no violation"
            passed = f"{look['n_rules_passed']} rules passed"
            print(f"axe, {look['window']}, {look['scheme']}: {rules}, {passed}")
    page = next(one for one in found if one.what == "page")
    is_bad = page.p95_ms >= AIM_MS or any(one.n_failed for one in found)
    sys.exit(int(is_bad or any(look["violations"] for look in axe)))


if __name__ == "__main__":
    main()
