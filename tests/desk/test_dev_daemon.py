"""`spotdesk dev` on an empty desk, with the real daemon.

It loads the history that is missing and trains the first version. The partitions page then shows the days
that have rows, and no check is red.
"""

import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus

from resources.home.make import make_home
from tests.support.partition_days import check_shown_days
from tests.support.started import free_port, started

DONE_WITHIN_SECONDS = 840
LAST_JOB = "database_published"
"""What a sensor asks for after the first training."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty desk of one zone that learns from two months."""
    made = tmp_path / "desk"
    make_home(made)
    zones = made / "conf" / "zones.yaml"
    text = zones.read_text().replace("  DE_LU: {}\n", "")
    zones.write_text(text.replace("  training_days: 730", "  training_days: 60"))
    return made


@pytest.fixture
def instance(home: Path) -> Iterator[DagsterInstance]:
    """The instance of the desk while `spotdesk dev` runs."""
    port = free_port()
    with started(home, "dev", "--port", str(port)) as server:
        # Two processes that make the databases at once get in each other's way: wait for the UI.
        _wait_until(lambda: _answers(port), server, home)
        with DagsterInstance.from_config(str(home / "dagster")) as made:
            _wait_until(lambda: _ended(made).get(LAST_JOB, 0) > 0, server, home)
            yield made


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_the_daemon_fills_an_empty_desk_and_the_partitions_page_shows_the_days_with_rows(
    home: Path, instance: DagsterInstance
) -> None:
    days = check_shown_days(home, instance)
    assert len(days["day_ahead_features"]) > 70
    assert len(days["day_ahead_prices"]) > 70
    assert {"history_loaded", "zone_retrained"} <= _ended(instance).keys()
    assert [run.status for run in instance.get_runs() if run.status == DagsterRunStatus.FAILURE] == []
    assert _red_checks(instance) == []


def _wait_until(is_done: Callable[[], bool], server: "subprocess.Popen[bytes]", home: Path) -> None:
    deadline = time.monotonic() + DONE_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if is_done():
            return
        assert server.poll() is None, _log(home)
        time.sleep(5)
    raise AssertionError(f"not done within {DONE_WITHIN_SECONDS} s:\n{_log(home)}")


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _log(home: Path) -> str:
    return (home / "dev.log").read_text(errors="replace")[-3000:]


def _ended(instance: DagsterInstance) -> Counter[str]:
    """Job to the number of its runs that ended well."""
    return Counter(run.job_name for run in instance.get_runs() if run.status == DagsterRunStatus.SUCCESS)


def _red_checks(instance: DagsterInstance) -> list[str]:
    kind = DagsterEventType.ASSET_CHECK_EVALUATION
    events = [
        record.event_log_entry.dagster_event
        for run in instance.get_runs()
        for record in instance.get_records_for_run(run.run_id, of_type=kind).records
    ]
    found = [event.asset_check_evaluation_data for event in events if event is not None]
    return [one.check_name for one in found if not one.passed and one.severity.value == "ERROR"]
