"""How fast the stop button is, and whether anything leaves after it was acknowledged.

    python -m benchmarks.halt_latency [--trials 1000] [--process-trials 20] [--json]

A publisher in another process sends as fast as it can (a file per message, under the same lock and checks as
the outbox). Each trial presses the button, takes the time until it is acknowledged, waits a moment, and
compares every message's time with the acknowledgement; then a person resumes. `--process-trials` measures the
whole command `spotdesk halt`, Python's start included. Exit code 1 where p99 is 1 s or more, or any message
left after an acknowledgement.
"""

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from resources.trading.state import TradingStateStore
from spot.risk.state import TradingState

ZONE = "SK"


def publish_forever(folder: Path, sent: Path) -> None:
    """Send messages while the state allows it: the loop of an outbox without its pauses."""
    store = TradingStateStore(folder)
    with sent.open("a", buffering=1) as log:
        while True:
            with store.sending(ZONE) as state:
                if state is TradingState.ACTIVE:
                    log.write(f"{time.monotonic_ns()}\n")
            time.sleep(0.0005)


def measure(trials: int, process_trials: int) -> dict[str, float]:
    """Latencies in seconds and the number of messages after an acknowledgement."""
    with tempfile.TemporaryDirectory() as home:
        folder, sent = Path(home) / "trading_state", Path(home) / "sent"
        store = TradingStateStore(folder)
        store.set_up()
        publisher = multiprocessing.get_context("spawn").Process(
            target=publish_forever, args=(folder, sent), daemon=True
        )
        publisher.start()
        while not sent.exists() or sent.stat().st_size == 0:
            time.sleep(0.05)
        button = [
            _trial(store, sent, lambda i: store.halt(ZONE, reason=f"trial {i}", actor="benchmark"), i)
            for i in range(trials)
        ]
        command = [_trial(store, sent, lambda _: _run_command(Path(home)), i) for i in range(process_trials)]
        publisher.terminate()
        publisher.join()
        n_messages = len(sent.read_text().split())
    seconds = np.array([latency for latency, _ in button])
    whole = np.array([latency for latency, _ in command]) if command else np.array([np.nan])
    return {
        "trials": trials,
        "p50_s": float(np.quantile(seconds, 0.5)),
        "p99_s": float(np.quantile(seconds, 0.99)),
        "max_s": float(seconds.max()),
        "command_trials": process_trials,
        "command_p50_s": float(np.quantile(whole, 0.5)),
        "command_p99_s": float(np.quantile(whole, 0.99)),
        "messages_sent": n_messages,
        "messages_after_acknowledgement": sum(late for _, late in button + command),
    }


def _trial(store: TradingStateStore, sent: Path, press: Callable[[int], object], i: int) -> tuple[float, int]:
    begin = sent.stat().st_size
    while sent.stat().st_size == begin:  # the publisher is at work
        time.sleep(0.0005)
    pressed = time.monotonic_ns()
    press(i)
    acknowledged = time.monotonic_ns()
    time.sleep(0.01)
    late = sum(int(stamp) > acknowledged for stamp in sent.read_text()[begin:].split())
    store.resume(ZONE, reason="next trial", actor="benchmark")
    return (acknowledged - pressed) / 1e9, late


def _run_command(home: Path) -> None:
    environment = {"SPOTDESK_HOME": str(home), "PATH": "/usr/bin:/bin"}
    root = Path(__file__).resolve().parents[1]
    subprocess.run(
        [sys.executable, "-m", "desk.trading.stop", "halt", "--zone", ZONE],
        check=True,
        cwd=root,
        env=environment,
        capture_output=True,
    )


def main() -> int:
    """Print the table; 1 where a figure is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--process-trials", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments.trials, arguments.process_trials)
    is_met = result["p99_s"] < 1.0 and result["messages_after_acknowledgement"] == 0
    if arguments.json:
        print(json.dumps({**result, "is_met": is_met}, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:34} {value:.4f}" if isinstance(value, float) else f"{name:34} {value}")
        print("figures met" if is_met else "FIGURES MISSED")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
