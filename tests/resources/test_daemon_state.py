"""The silence of a daemon and code that does not load are known to every process of the desk."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus
from dagster._daemon.types import DaemonHeartbeat

from resources.home.daemon_state import (
    CodeProblem,
    daemon_state,
    keep_code_problem,
    last_tick,
    read_code_problem,
)

NOW = datetime(2025, 6, 10, 12, 0, tzinfo=UTC)
ORIGIN = RemoteInstigatorOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("spotdesk"), "__repository__"), "watched"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of an instance."""
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    return tmp_path


def beat(home: Path, at: datetime) -> None:
    with DagsterInstance.from_config(str(home)) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(at.timestamp(), "SENSOR", "a-daemon"))


def test_a_desk_without_a_daemon_says_how_one_is_started(tmp_path: Path) -> None:
    (line,) = daemon_state(tmp_path, NOW).lines()
    assert "none has worked on this desk" in line
    assert "spotdesk dev" in line


def test_a_daemon_that_lives_needs_no_line_and_a_silent_one_says_since_when(home: Path) -> None:
    beat(home, NOW - timedelta(seconds=40))
    assert daemon_state(home, NOW).lines() == []
    (line,) = daemon_state(home, NOW + timedelta(minutes=5)).lines()
    assert line.startswith("daemon: SILENT since 2025-06-10 11:59:20 UTC")


def test_code_that_does_not_load_is_told_with_its_cause_until_it_loads(home: Path) -> None:
    beat(home, NOW)
    keep_code_problem(home, CodeProblem(NOW, "ModuleNotFoundError: No module named 'x'"))
    (line,) = daemon_state(home, NOW).lines()
    assert line.startswith("code: DOES NOT LOAD since 2025-06-10 12:00:00 UTC")
    assert line.endswith("ModuleNotFoundError: No module named 'x'")
    keep_code_problem(home, None)
    keep_code_problem(home, None)
    assert daemon_state(home, NOW).lines() == []


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"since_utc": "x", "cause": 1}'])
def test_a_damaged_note_is_a_problem_and_no_crash(home: Path, damage: str) -> None:
    (home / "code_problem.json").write_text(damage, encoding="utf-8")
    problem = read_code_problem(home)
    assert problem is not None
    assert "cannot be read" in problem.cause


def test_the_newest_tick_is_dagsters_own_where_a_deployment_has_its_storage(home: Path) -> None:
    (home / "dagster.yaml").write_text(
        f"telemetry: {{enabled: false}}\nstorage:\n  sqlite: {{base_dir: {home / 'elsewhere'}}}\n",
        encoding="utf-8",
    )
    assert last_tick(home) is None
    with DagsterInstance.from_config(str(home)) as instance:
        state = InstigatorState(ORIGIN, InstigatorType.SENSOR, InstigatorStatus.RUNNING)
        instance.add_instigator_state(state)
        for status, minutes in ((TickStatus.SUCCESS, 3), (TickStatus.SKIPPED, 2), (TickStatus.STARTED, 1)):
            at = (NOW - timedelta(minutes=minutes)).timestamp()
            instance.create_tick(
                TickData(
                    instigator_origin_id=state.instigator_origin_id,
                    selector_id=state.selector_id,
                    instigator_name="watched",
                    instigator_type=InstigatorType.SENSOR,
                    status=status,
                    timestamp=at,
                    run_ids=[],
                    skip_reason="nothing to do" if status is TickStatus.SKIPPED else None,
                )
            )
    assert last_tick(home) == NOW - timedelta(minutes=2), "a tick that has only begun is no sign"
