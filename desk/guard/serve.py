"""The UI and the daemon of a desk: Dagster's own app behind the guard, one code server for both.

`spotdesk dev` becomes this process. A signal ends the UI, the daemon and the code server.
"""

import contextlib
import logging
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Annotated, Any, NoReturn

import typer
import uvicorn
import yaml
from dagster import DagsterInstance
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._serdes import serialize_value
from dagster._utils.log import configure_loggers
from dagster_shared.ipc import get_ipc_shutdown_pipe, open_ipc_subprocess, send_ipc_shutdown_message
from dagster_webserver.app import create_app_from_workspace_process_context

from desk.guard.code_watch import CodeWatch
from desk.guard.guard import guarded
from desk.guard.settings import GuardSettings, guard_settings
from desk.guard.viewer import DeskWorkspace
from resources.home.find import PROJECT_ROOT
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from resources.wiring import make_resources
from spot.contracts.words import Severity
from spot.errors import SpotdeskError

_POLL_MILLISECONDS = 2000
_DAEMON_END_SECONDS = 60
_STATEMENT_MILLISECONDS, _POOL_RECYCLE_SECONDS, _POOL_OVERFLOW = 15_000, 3_600, 20
"""As dagster-webserver sets them by default."""


def serve(
    *,
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    port: Annotated[int, typer.Option()] = 3000,
    look_only: Annotated[bool, typer.Option("--look-only")] = False,
    login: Annotated[bool, typer.Option("--login")] = False,
    workspace: Annotated[Path | None, typer.Option()] = None,
    log_format: Annotated[str, typer.Option("--log-format")] = "colored",
) -> None:
    """Serve until a signal ends it.

    With a `workspace`, the server of the code and the daemon are services of their own.
    """
    settings = guard_settings(read_environment(), host, login=login)
    if log_format == "json":
        _log_as_json()
    signal.signal(signal.SIGTERM, _end_in_order)
    with DagsterInstance.get() as instance, _workspace(instance, workspace) as workspace_file:
        instance.optimize_for_webserver(_STATEMENT_MILLISECONDS, _POOL_RECYCLE_SECONDS, _POOL_OVERFLOW)
        target = WorkspaceFileTarget(paths=[str(workspace_file)])
        with DeskWorkspace(instance, target) as context:
            server = guarded_server(context, settings, host=host, port=port)
            with contextlib.ExitStack() as beside:
                if not look_only and workspace is None:
                    beside.enter_context(_daemon(instance, workspace_file, server))
                if not look_only:
                    beside.enter_context(_code_watch(context))
                server.run()


def _log_as_json() -> None:
    """Let the guard log as Dagster does, one JSON object a line."""
    configure_loggers(formatter="json")
    own = logging.getLogger("spotdesk")
    own.handlers, own.propagate = logging.getLogger("dagster").handlers, False


def _end_in_order(number: int, _frame: object) -> NoReturn:
    """The server hands a signal on once it has stopped: the daemon and the code server end then."""
    raise SystemExit(128 + number)


def guarded_server(
    workspace: WorkspaceProcessContext, settings: GuardSettings, *, host: str, port: int
) -> uvicorn.Server:
    """The server of the UI of a workspace; there is none without the guard."""
    app = guarded(create_app_from_workspace_process_context(workspace, "", _POLL_MILLISECONDS), settings)
    # A header of a request never says where it came from; the guard asks the connection.
    return uvicorn.Server(
        uvicorn.Config(
            app, host=host, port=port, log_level="warning", proxy_headers=False, server_header=False
        )
    )


@contextlib.contextmanager
def _workspace(instance: DagsterInstance, given: Path | None) -> Iterator[Path]:
    """A code server that UI and daemon share, as a workspace file that names it; the `given` one if any."""
    if given is not None:
        yield given
        return
    target = WorkspaceFileTarget(paths=[str(PROJECT_ROOT / "workspace.yaml")])
    with (
        ProxyServerManager(instance=instance, workspace_load_target=target) as servers,
        tempfile.TemporaryDirectory() as folder,
    ):
        file = Path(folder) / "workspace.yaml"
        file.write_text(yaml.dump({"load_from": servers.get_code_server_specs()}), encoding="utf-8")
        yield file


@contextlib.contextmanager
def _daemon(instance: DagsterInstance, workspace_file: Path, server: uvicorn.Server) -> Iterator[None]:
    """Dagster's daemon as a child; when it ends by itself, the server ends, too, with exit code 1."""
    read_end, write_end = get_ipc_shutdown_pipe()
    words = [sys.executable, "-m", "dagster._daemon", "run", "--shutdown-pipe", str(read_end)]
    words += ["--instance-ref", serialize_value(instance.get_ref()), "--workspace", str(workspace_file)]
    child = open_ipc_subprocess(words, pass_fds=[read_end])
    is_ending = threading.Event()

    def watch() -> None:
        child.wait()
        if not is_ending.is_set():
            sys.stderr.write(f"the daemon ended by itself (exit code {child.returncode}): stopping\n")
            server.should_exit = True

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        ended_itself = child.poll() is not None
        is_ending.set()
        if not ended_itself:
            _end(child, write_end)
    if ended_itself:
        raise typer.Exit(1)


@contextlib.contextmanager
def _code_watch(workspace: WorkspaceProcessContext) -> Iterator[None]:
    """A thread that loads the code again while it does not load, and raises the alert."""
    environment = read_environment()
    alerts, is_over = make_resources(environment)["alerts"], threading.Event()

    def tell(message: str, severity: Severity) -> None:
        alerts.send("code_does_not_load", message, severity=severity, now=utc_now())

    watch = CodeWatch(workspace, environment.dagster_home, tell)
    threading.Thread(target=watch.run, args=(is_over,), daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


def _end(child: Any, write_end: int) -> None:
    send_ipc_shutdown_message(write_end)
    try:
        child.wait(timeout=_DAEMON_END_SECONDS)
    except TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    try:
        typer.run(serve)
    except SpotdeskError as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(2)
