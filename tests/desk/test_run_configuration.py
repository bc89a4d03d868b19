"""A run that anybody launches cannot say where the desk sends, what it keeps to, or what time it is.

The attacks are real: the webserver of Dagster without a guard, GET requests as a foreign web page makes them,
and a listener that counts what arrives.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import Definitions, build_init_resource_context

from benchmarks.planted.run_attacks import measure_runs
from definitions import build_definitions
from resources.fixed_resource import FixedResource
from resources.settings.environment import read_environment

HARMLESS = {"loggers.console.config.log_level", "loggers.console.config.name"}
"""All that the configuration of any run may set: what the log of the run shows."""
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Dagster's own
    # A run that is executed inside a request leaves a coroutine of asyncio behind.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.slow  # a real webserver; `make test` walks the configuration of every job instead
def test_a_run_with_foreign_resources_is_refused_by_dagster_and_nothing_leaves(tmp_path: Path) -> None:
    found = measure_runs(tmp_path)
    assert len(found.tried) == 10
    assert found.launched == []
    assert found.arrived == []
    assert found.plain_run == {"refused"}, "without configuration the run is launched, and the halt holds"


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Definitions:
    return build_definitions(read_environment(tmp_path_factory.mktemp("home")))


def settable(config_type: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Paths of all values that a configuration may give."""
    fields = getattr(config_type, "fields", None)
    if fields is None:
        yield ".".join(path)
        return
    for name, field in fields.items():
        yield from settable(field.config_type, (*path, name))


def test_the_configuration_of_a_run_sets_nothing_but_its_log_in_any_job(definitions: Any) -> None:
    jobs = definitions.get_repository_def().get_all_jobs()
    assert len(jobs) > 10
    found = {job.name: set(settable(job.run_config_schema.config_type)) for job in jobs}
    assert {name: paths - HARMLESS for name, paths in found.items() if paths - HARMLESS} == {}
    assert all(paths == HARMLESS for paths in found.values())


def test_no_resource_of_any_job_takes_configuration_even_if_dagster_let_it_through(definitions: Any) -> None:
    foreign = {"uri": "s3://evil", "state_folder": "/tmp/evil", "fixed_utc": "2025-06-02T09:00Z"}
    seen = {}
    for job in definitions.get_repository_def().get_all_jobs():
        for name, resource in job.resource_defs.items():
            assert list(settable(resource.config_schema.config_type)) == [], (job.name, name)
            seen[name] = resource
    fixed = {name: resource for name, resource in seen.items() if name not in ("mlflow", "io_manager")}
    assert {"lake", "desk", "clock", "outbox", "alerts", "market_source", "state_folder"} <= fixed.keys()
    for name, resource in fixed.items():
        given = resource.resource_fn(build_init_resource_context(config=foreign))
        assert isinstance(given, FixedResource), name
        assert "evil" not in repr(given), name
        with pytest.raises(TypeError, match="configured at launch"):
            type(given).configure_at_launch()
    assert fixed["clock"].resource_fn(build_init_resource_context(config=foreign)).fixed_utc == ""


def test_nothing_that_leaves_the_desk_knows_the_clock_of_a_replay(project_root: Path) -> None:
    senders = [*(project_root / "resources/trading").rglob("*.py"), project_root / "sensors/publication.py"]
    senders += [
        *(project_root / "resources/providers").glob("*.py"),
        *(project_root / "desk/guard").glob("*.py"),
    ]
    senders += [project_root / "trading_assets/trading/outbox.py"]
    assert len(senders) > 20
    knowing = [path.name for path in senders if "resources.clock" in path.read_text(encoding="utf-8")]
    assert knowing == []
