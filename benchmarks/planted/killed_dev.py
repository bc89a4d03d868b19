"""`spotdesk dev` killed with everything that it had started, while runs are worked off, and started again.

For `killed_runs --dev`. Every process of the desk gets SIGKILL at once: the UI, the daemon, the
server of the code and the processes of runs. The time begins with the start of the next `spotdesk dev`.
"""

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from http.client import HTTPException
from pathlib import Path

from dagster import DagsterInstance, RunsFilter
from dagster._core.storage.tags import PARENT_RUN_ID_TAG, RETRY_NUMBER_TAG

from resources.instance.prepare import prepare_dagster_home
from resources.instance.workers import UNDER_WAY
from resources.settings.environment import read_environment
from tests.support.dagster_ui import LAUNCH, ask, launch_parameters
from tests.support.killed_daemon import idle_home
from tests.support.processes import wait_for
from tests.support.started import free_port, started

ZONE = "DE_LU"
LAUNCH_JOB = "history_loaded"
_FIRST_DAY, _LAST_DAY = date(2023, 1, 1), date(2024, 3, 1)
"""So many days that a run lasts longer than the wait before the kill."""
_LAST_RETRY = "2"
"""`max_retries` in `dagster.yaml` of a desk."""
_LONGEST_WAIT = 8.0
_START_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class DevKill:
    """What became of the runs of one kill."""

    n_runs: int
    """Runs that were under way."""
    closed_seconds: float
    """From the start of the next `dev` until each of them was over and held no slot."""
    again_seconds: float
    """From there until the daemon had started each of them again; infinite where it had not in time."""


def measure_dev(folder: Path, n_kills: int, rng: random.Random, limit_seconds: float) -> Iterator[DevKill]:
    """Kill, start again and measure, so many times; each start goes on with what the last one left."""
    home = idle_home(folder)
    settings = str(prepare_dagster_home(read_environment(home)))
    dead: list[str] = []
    for number in range(n_kills + 1):
        begun = time.monotonic()
        with (
            started(home, "dev", "--port", str(port := free_port())),
            DagsterInstance.from_config(settings) as instance,
        ):
            if dead:
                yield _measured(instance, dead, begun, limit_seconds)
            if number == n_kills:
                break
            wait_for(lambda port=port: _launches(port), _START_SECONDS)  # type: ignore[misc]
            wait_for(lambda instance=instance: _started(instance) != [], _START_SECONDS)  # type: ignore[misc]
            time.sleep(rng.uniform(0.0, _LONGEST_WAIT))
            dead = _started(instance)
            kill_desk(home)


def kill_desk(home: Path) -> None:
    """SIGKILL to every process of the desk, however it was started: its environment names the folder."""
    mark = f"SPOTDESK_HOME={home}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(place.name) != os.getpid() and mark in (place / "environ").read_bytes().split(b"\0"):
                os.kill(int(place.name), signal.SIGKILL)


def _measured(instance: DagsterInstance, dead: list[str], begun: float, limit: float) -> DevKill:
    closed = _seconds_until(lambda: _are_closed(instance, dead), begun, limit)
    again = _seconds_until(lambda: _are_started_again(instance, dead), begun, 4 * limit)
    return DevKill(len(dead), closed, again)


def _seconds_until(holds: Callable[[], bool], begun: float, limit: float) -> float:
    while time.monotonic() - begun < limit:
        if holds():
            return time.monotonic() - begun
        time.sleep(0.25)
    return float("inf")


def _are_closed(instance: DagsterInstance, dead: list[str]) -> bool:
    held = instance.event_log_storage.get_concurrency_run_ids()
    runs = instance.get_runs(RunsFilter(run_ids=dead))
    return all(run.is_finished for run in runs) and not held & set(dead)


def _are_started_again(instance: DagsterInstance, dead: list[str]) -> bool:
    """Whether each that failed has a run that follows it, unless it was the last that may be."""
    followed = {run.tags[PARENT_RUN_ID_TAG] for run in instance.get_runs() if PARENT_RUN_ID_TAG in run.tags}
    runs = instance.get_runs(RunsFilter(run_ids=dead))
    failed = (run for run in runs if run.status.value == "FAILURE")
    return {run.run_id for run in failed if run.tags.get(RETRY_NUMBER_TAG) != _LAST_RETRY} <= followed


def _started(instance: DagsterInstance) -> list[str]:
    return [run.run_id for run in instance.get_runs(RunsFilter(statuses=list(UNDER_WAY)))]


def _launches(port: int) -> bool:
    """Launch a run in the UI as a person does; false while it does not answer yet."""
    wanted = launch_parameters(LAUNCH_JOB, ZONE, _LAST_DAY, {})
    wanted["params"]["executionMetadata"]["tags"].append(
        {"key": "spotdesk/first_day", "value": str(_FIRST_DAY)}
    )
    headers = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{port}"}
    body = json.dumps({"query": LAUNCH, "variables": wanted})
    try:
        status, text = ask(port, "/graphql", method="POST", headers=headers, body=body)
        return status == 200 and "runId" in json.loads(text)["data"]["launchRun"].get("run", {})
    except (OSError, HTTPException):
        return False
