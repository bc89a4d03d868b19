"""`spotdesk dev`: the Dagster UI behind the guard, and the daemon."""

import os
import sys
from typing import Annotated

import typer

from desk.guard.settings import guard_settings
from desk.screen.console import err
from resources.home.find import PROJECT_ROOT
from resources.home.markets import MarketMemory, market_of
from resources.instance.prepare import child_environment, prepare_dagster_home
from resources.settings.desk import desk_settings
from resources.settings.environment import read_environment


def dev(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 3000,
    *,
    host: Annotated[
        str, typer.Option(help="Address to bind to; any but loopback asks everybody to log in.")
    ] = "127.0.0.1",
    login: Annotated[bool, typer.Option("--login", help="Ask for a login on loopback, too.")] = False,
    look_only: Annotated[
        bool, typer.Option("--look-only", help="The UI without the daemon: no schedule and no sensor runs.")
    ] = False,
) -> None:
    """Open the lineage graph: the Dagster UI and its daemon, for this machine alone. Stop with Ctrl-C.

    The daemon works as it would for a desk: schedules before each gate, missing history, retrains that are
    due, for every zone of zones.yaml. For others than this machine: `--host` and `spotdesk users add`.

    Exit code 2: others could reach the UI, and the desk has no users.
    """
    environment = read_environment()
    guard = guard_settings(environment, host, login=login)
    err.print(
        f"Dagster UI on http://{host}:{port} - state in {environment.home} - environment {environment.name}"
        + (" - with login" if guard.needs_login else "")
    )
    if not look_only:
        settings = desk_settings(environment).zones
        for zone, own in settings.items():
            MarketMemory(environment.home).refuse_other(zone, market_of(own))
        zones = ", ".join(f"{zone} ({own.source})" for zone, own in settings.items())
        err.print(
            f"The daemon runs schedules and sensors for {zones}: missing history is loaded now. For the UI"
            " alone: --look-only"
        )
        err.print("To be alarmed if this process dies, run in another terminal or service: spotdesk watch")
        prepare_dagster_home(environment)
        train_one_at_a_time()
        close_what_died()
    words = [sys.executable, "-m", "desk.guard.serve", "--host", host, "--port", str(port)]
    words += [*(["--look-only"] if look_only else []), *(["--login"] if login else [])]
    os.chdir(PROJECT_ROOT)
    # This process becomes the server, so that a signal to it reaches the one that ends its children.
    os.execve(sys.executable, words, dict(child_environment(environment)))  # noqa: S606 - no shell, a fixed program


def train_one_at_a_time() -> None:
    """One slot for the pool `training`.

    `dagster.yaml` has one limit for all pools, and its limit by tag does not cover runs started in the UI.
    """
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        instance.event_log_storage.set_concurrency_slots("training", 1)


def close_what_died() -> None:
    """Close the runs whose processes died with the daemon before this one, and free their slots."""
    from dagster import DagsterInstance

    from resources.instance.in_process import close_dead_runs

    with DagsterInstance.get() as instance:
        if n_closed := close_dead_runs(instance):
            err.print(f"{n_closed} runs had lost their process and are started again")
