"""The whole graph as text: every asset with its parents, every check, job, sensor and schedule.

Written anew after a change on purpose:

    .venv/bin/python -m tests.support.graph_text > tests/trading_assets/graph.txt
"""

import sys
from collections.abc import Iterator
from typing import Any

from dagster import AssetSelection, Definitions, RunStatusSensorDefinition, ScheduleDefinition

from definitions import build_definitions
from resources.home.find import TEMPLATES
from resources.settings.environment import read_environment
from trading_assets.catalogue import ASSETS, CHECKS
from trading_assets.partitions import ONLY_WITH_TAG


def graph_text() -> str:
    """The assets and checks that a desk can have, and the rest of the desk of the templates."""
    environment = read_environment().model_copy(update={"conf_folder": TEMPLATES / "conf"})
    definitions = build_definitions(environment)
    parts = (_assets(), _checks(), _jobs(definitions), _sensors(definitions), _schedules(definitions))
    return "\n".join(line for part in parts for line in part)


def _assets() -> Iterator[str]:
    yield "# assets: group/name <- parents"
    specs = sorted(
        (spec for asset in ASSETS for spec in asset.specs), key=lambda one: (one.group_name, one.key)
    )
    for spec in specs:
        parents = ", ".join(sorted({dep.asset_key.to_user_string() for dep in spec.deps}))
        only = f" (only with {spec.tags[ONLY_WITH_TAG]})" if ONLY_WITH_TAG in spec.tags else ""
        yield f"{spec.group_name}/{spec.key.to_user_string()}{only} <- {parents or 'nothing'}"


def _checks() -> Iterator[str]:
    yield "\n# checks: asset: check, those that block, and what they read beside their asset"
    for spec in sorted(
        (spec for check in CHECKS for spec in check.check_specs), key=lambda one: str(one.key)
    ):
        others = ", ".join(sorted(dep.asset_key.to_user_string() for dep in spec.additional_deps))
        line = f"{spec.asset_key.to_user_string()}: {spec.name}{' BLOCKS' if spec.blocking else ''}"
        yield f"{line} <- {others}" if others else line


def _jobs(definitions: Definitions) -> Iterator[str]:
    yield "\n# jobs: assets"
    graph = definitions.resolve_asset_graph()
    for job in sorted(definitions.jobs or [], key=lambda one: one.name):
        selection: Any = job.selection  # type: ignore[union-attr]
        assert isinstance(selection, AssetSelection)
        keys = sorted(key.to_user_string() for key in selection.resolve(graph))
        yield f"{job.name}: {', '.join(keys)}"


def _sensors(definitions: Definitions) -> Iterator[str]:
    yield "\n# sensors: jobs they watch -> jobs they start"
    for sensor in sorted(definitions.sensors or [], key=lambda one: one.name):
        watched: Any = sensor._monitored_jobs if isinstance(sensor, RunStatusSensorDefinition) else None
        names = ", ".join(sorted(job.name for job in watched or [])) or "no job"
        started = ", ".join(sorted(target.job_name for target in sensor.targets or [])) or "no job"
        yield f"{sensor.name}: {names} -> {started}"


def _schedules(definitions: Definitions) -> Iterator[str]:
    yield "\n# schedules: time -> job"
    for schedule in sorted(definitions.schedules or [], key=lambda one: one.name):
        assert isinstance(schedule, ScheduleDefinition)
        at = f"{schedule.cron_schedule} {schedule.execution_timezone}"
        yield f"{schedule.name}: {at} -> {schedule.job_name}"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(graph_text())
