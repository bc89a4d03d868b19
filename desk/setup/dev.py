"""`spotdesk dev`: the Dagster UI and its daemon on this machine's loopback address."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from desk.screen.console import err
from resources.home.find import PROJECT_ROOT
from resources.home.markets import MarketMemory, market_of
from resources.settings.environment import (
    child_environment,
    desk_settings,
    prepare_dagster_home,
    read_environment,
)


def dev(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 3000,
    *,
    look_only: Annotated[
        bool, typer.Option("--look-only", help="The UI without the daemon: no schedule and no sensor runs.")
    ] = False,
) -> None:
    """Open the lineage graph: the Dagster UI and its daemon, on 127.0.0.1 only. Stop with Ctrl-C.

    The daemon works as it would for a desk: schedules before each gate, missing history, retrains that are
    due, for every zone of zones.yaml.
    """
    environment = read_environment()
    err.print(
        f"Dagster UI on http://127.0.0.1:{port} - state in {environment.home} - environment"
        f" {environment.name}"
    )
    if not look_only:
        settings = desk_settings(environment).zones
        for zone, own in settings.items():
            MarketMemory(environment.home).refuse_other(zone, market_of(own))
        zones = ", ".join(f"{zone} ({own.source})" for zone, own in settings.items())
        err.print(
            f"The daemon runs schedules and sensors for {zones}: history that is missing is loaded now. To"
            " look only: --look-only"
        )
        prepare_dagster_home(environment)
        train_one_at_a_time()
    command = ["dagster-webserver"] if look_only else ["dagster", "dev"]
    words = [*command, "-w", str(PROJECT_ROOT / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
    os.chdir(PROJECT_ROOT)
    # This process becomes Dagster's, so that a signal to it reaches the one that ends its children.
    os.execve(Path(sys.executable).parent / command[0], words, dict(child_environment(environment)))  # noqa: S606 - no shell, a fixed program


def train_one_at_a_time() -> None:
    """One slot for the pool `training`.

    `dagster.yaml` knows one limit for all pools, and its limit by tag does not see what is started in the UI.
    """
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        instance.event_log_storage.set_concurrency_slots("training", 1)
