"""A day of a desk on several hosts, for `deploy/test/hosts.sh`: load; train and decide while a host is lost.

Every figure that it prints was measured in this run. Exit code 1: something was lost, doubled or late.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from hosts_runs import Runs

SCRATCH, NET = Path(os.environ["SCRATCH"]), os.environ["NET"]
ZONES = os.environ["ZONES"].split()
HERE = Path(__file__).resolve().parent
HOME = SCRATCH / "desk"
DAYS_LOADED = 110
NOTICED_SECONDS = 20.0
WORKERS = ("w1", "w2")
_BEGUN = time.monotonic()
_processes: dict[str, list[subprocess.Popen[bytes]]] = {}


def step(text: str) -> None:
    """Say what happens, and when."""
    seconds = time.monotonic() - _BEGUN
    sys.stdout.write(f"{int(seconds // 60)}:{int(seconds % 60):02d} {text}\n")
    sys.stdout.flush()


def environment() -> dict[str, str]:
    """Variables of every process of the desk, as in deploy/hosts/hosts.env."""
    head = os.environ["HEAD_ADDRESS"]
    return {
        **os.environ,
        "SPOTDESK_HOME": str(HOME),
        "SPOTDESK_DAGSTER_SETTINGS": str(SCRATCH / "dagster.yaml"),
        "SPOTDESK_BROKER_URL": f"redis://{head}:6379/0",
        "SPOTDESK_RESULTS_URL": f"redis://{head}:6379/1",
        "MLFLOW_TRACKING_URI": f"http://{head}:5000",
        "SPOTDESK_STOP_URI": str(SCRATCH / "stop"),
    }


def begin(host: str, name: str, *command: str) -> subprocess.Popen[bytes]:
    """Start a process of a host; its output is a log."""
    with (SCRATCH / "log" / f"{host}-{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [str(HERE / "host.sh"), host, *command], stdout=log, stderr=log, env=environment()
        )
    _processes.setdefault(host, []).append(process)
    return process


def do(host: str, *command: str) -> None:
    """Run a command of a host to its end."""
    code = begin(host, "commands", *command).wait()
    if code:
        sys.exit(f"{' '.join(command)} ended with {code}")


def wait_for(what: str, holds: Callable[[], Any], seconds: float, pause: float = 0.2) -> Any:
    """What `holds` gives once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not within {seconds:g} s")
        time.sleep(pause)
    return found


def start_worker(host: str) -> None:
    """Start both workers of a host, as the units of systemd do."""
    for queue, slots in (("desk", "2"), ("heavy", "1")):
        begin(host, queue, "spotdesk", "service", "worker", "--queue", queue, "--slots", slots)


def lose(host: str) -> float:
    """Take a host away: its network is cut, so that nobody is told, and then its processes are killed."""
    subprocess.run(["ip", "-n", f"{NET}-{host}", "link", "set", "eth0", "down"], check=True)
    at = time.monotonic()
    found = subprocess.run(
        ["ip", "netns", "pids", f"{NET}-{host}"], check=True, capture_output=True, text=True
    )
    for pid in found.stdout.split():
        subprocess.run(["kill", "-9", pid], check=False)
    return at


def bring_back(host: str) -> None:
    """The network of a host, and its workers."""
    subprocess.run(["ip", "-n", f"{NET}-{host}", "link", "set", "eth0", "up"], check=True)
    start_worker(host)


def end_all(runs: Runs, ids: Sequence[str], what: str, seconds: float = 240) -> None:
    """Wait until each run, or the one that was started in its place, has succeeded."""
    for run_id in ids:
        wait_for(what, partial(_has_ended, runs, run_id), seconds)
        last = runs.last_of(run_id)
        if last.status.value != "SUCCESS":
            sys.exit(f"{what}: run {last.run_id} is {last.status.value}")
    step(f"{what}: {len(ids)} runs, on {', '.join(sorted(runs.host_of(runs.last_of(one)) for one in ids))}")


def _has_ended(runs: Runs, run_id: str) -> bool:
    return runs.last_of(run_id).status.value in ("SUCCESS", "FAILURE")


def lose_in(runs: Runs, ids: Sequence[str], at_step: str, what: str) -> None:
    """Take away the host that works on the first run which is at a step; see what becomes of the run."""
    victim = wait_for(f"{what}: {at_step}", lambda: runs.first_at(ids, at_step), 180, 0.05)
    host = runs.host_of(victim)
    at = lose(host)
    step(f"{what}: {host} lost its network and died while it worked on {at_step} of {victim.run_id[:8]}")
    wait_for("the loss", lambda: runs.is_failed(victim.run_id), 120)
    noticed = time.monotonic() - at
    end_all(runs, ids, what)
    again = runs.last_of(victim.run_id)
    took, host_again = time.monotonic() - at, runs.host_of(again)
    step(f"{what}: noticed after {noticed:.1f} s; done again on {host_again} after {took:.0f} s")
    if noticed > NOTICED_SECONDS:
        sys.exit(f"the loss of {host} was noticed after {noticed:.1f} s, not within {NOTICED_SECONDS:g} s")
    if again.run_id == victim.run_id or runs.host_of(again) == host:
        sys.exit(f"{victim.run_id} was not done again on another host")
    bring_back(host)


def main() -> None:
    """The day."""
    today = (datetime.now(UTC) + timedelta(seconds=int(os.environ["OFFSET"]))).date()
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)
    first = today - timedelta(days=DAYS_LOADED)
    zones = [word for zone in ZONES for word in ("--zone", zone)]
    do("head", "spotdesk", "init", str(HOME), *zones, "--source", "simulated")
    zones_file = HOME / "conf" / "zones.yaml"
    text = zones_file.read_text(encoding="utf-8")
    zones_file.write_text(text.replace("is_scheduled: true", "is_scheduled: false"), encoding="utf-8")
    do("head", "spotdesk", "share")
    begin("head", "mlflow", *_mlflow())
    days = [str(day) for day in (first, yesterday, tomorrow)]
    rows = ("python", str(HERE / "hosts_rows.py"))
    one = begin("head", "one", *rows, "make", str(HOME), str(SCRATCH / "one"), *days)
    do("head", "spotdesk", "resume", "--reason", "every host can be stopped", "--by", "test")
    begin("head", "code", "spotdesk", "service", "code", "--port", "4000")
    begin("head", "daemon", "spotdesk", "service", "daemon", "--code", "127.0.0.1:4000")
    for host in WORKERS:
        start_worker(host)
    os.environ.update(environment())
    wait_for("the code of the desk", lambda: _listens(4000), 180)
    runs = Runs(HOME)
    step("a head and two workers are up")
    loaded = [runs.launch("history_loaded", zone, yesterday, first) for zone in ZONES]
    end_all(runs, loaded, "loaded")
    trained = [runs.launch("zone_retrained", zone, None, None) for zone in ZONES]
    lose_in(runs, trained, "price_model", "trained")
    decided = [runs.launch("signals_ready", zone, tomorrow, tomorrow) for zone in ZONES]
    lose_in(runs, decided, "signals", "decided")
    if one.wait(timeout=300):
        sys.exit("the desk on one host failed: log/head-one.log")
    do("head", *rows, "compare", str(HOME), str(SCRATCH / "one"))
    sys.stdout.write(
        (SCRATCH / "log" / "head-commands.log").read_text(encoding="utf-8").splitlines()[-1] + "\n"
    )
    step("done")


def _listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def _mlflow() -> list[str]:
    head = os.environ["HEAD_ADDRESS"]
    return [
        *("python", "-P", "-m", "desk.setup.mlflow_server", "--workers", "1", "--serve-artifacts"),
        *("--backend-store-uri", f"postgresql://spotdesk@{head}/mlflow"),
        *("--artifacts-destination", str(SCRATCH / "models")),
        *("--host", head, "--port", "5000", "--allowed-hosts", f"{head}:5000"),
    ]


if __name__ == "__main__":
    main()
