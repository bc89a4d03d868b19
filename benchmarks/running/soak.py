"""Whether the memory of the sensors stays flat.

    python -m benchmarks.running.soak [--evaluations 10000] [--json]

A desk on the simulated market is made. Every sensor that is no reaction to a run is evaluated again and again
in this process, as the server of the code does for the daemon. Memory is read every fifty evaluations; the
first fifth is warm-up. Exit code 1 where it grows by more than 1 MB per 1,000 evaluations after that.
"""

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from dagster import DagsterInstance, SensorDefinition, build_sensor_context
from dagster._core.definitions.sensor_definition import SensorType

from definitions import build_definitions
from resources.home.make import make_home
from resources.instance.prepare import prepare_dagster_home
from resources.settings.environment import Environment, read_environment

MOST_MB_PER_1000 = 1.0
_EVERY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked:
    """What was measured."""

    n_evaluations: int
    n_sensors: int
    seconds: float
    mb_per_1000: float
    """Slope of resident memory after warm-up, MB per 1,000 evaluations."""
    memory_mb: tuple[float, float]
    """At the end of the warm-up and at the end."""


def make_desk(folder: Path) -> Environment:
    """A desk of one zone."""
    zones = "defaults: {source: simulated, strategies: [storage]}\nzones: {FR: {}}\n"
    make_home(folder, settings={"zones.yaml": zones})
    environment = read_environment(folder)
    prepare_dagster_home(environment)
    return environment


def soak_sensors(
    environment: Environment, instance: DagsterInstance, n_evaluations: int
) -> tuple[int, list[float]]:
    """Evaluate the sensors in turn; their number, and resident memory every fifty evaluations, MB."""
    graph = build_definitions(environment)
    sensors = [
        one
        for one in graph.sensors or []
        if isinstance(one, SensorDefinition) and one.sensor_type == SensorType.STANDARD
    ]
    memory = []
    repository, resources = graph.get_repository_def(), dict(graph.resources or {})
    for n in range(n_evaluations):
        sensor = sensors[n % len(sensors)]
        own = {name: resources[name] for name in sensor.required_resource_keys}
        with build_sensor_context(instance=instance, repository_def=repository, resources=own) as context:
            sensor.evaluate_tick(context)
        if n % _EVERY == 0:
            memory.append(_resident_mb())
    return len(sensors), memory


def measure(folder: Path, n_evaluations: int) -> Soaked:
    """The soak of one desk."""
    environment = make_desk(folder)
    with DagsterInstance.from_config(str(environment.dagster_home)) as instance:
        begun = time.perf_counter()
        n_sensors, memory = soak_sensors(environment, instance, n_evaluations)
        seconds = time.perf_counter() - begun
    warm = memory[len(memory) // 5 :]
    return Soaked(
        n_evaluations=n_evaluations,
        n_sensors=n_sensors,
        seconds=seconds,
        mb_per_1000=slope(warm) * 1000 / _EVERY,
        memory_mb=(warm[0], warm[-1]),
    )


def slope(values: Sequence[float]) -> float:
    """Least squares slope of values at equal distances; 0 for fewer than two."""
    return float(np.polyfit(np.arange(len(values)), values, 1)[0]) if len(values) > 1 else 0.0


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder) / "desk", asked.evaluations)
    if asked.json:
        print(json.dumps(asdict(found), indent=2))
    else:
        print(
            f"{found.n_evaluations} evaluations of {found.n_sensors} sensors in {found.seconds:.0f} s:"
            f" {found.mb_per_1000:+.2f} MB per 1,000 after warm-up"
            f" ({found.memory_mb[0]:.0f} to {found.memory_mb[1]:.0f} MB)"
        )
    sys.exit(0 if found.mb_per_1000 <= MOST_MB_PER_1000 else 1)


if __name__ == "__main__":
    main()
