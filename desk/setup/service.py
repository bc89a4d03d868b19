"""`spotdesk service` and `share`: parts of a desk as processes, in containers, units and on several hosts.

`spotdesk dev` is all of them in one. Each part becomes its program, so that a signal reaches it.
"""

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer
import yaml

from desk.guard.settings import guard_settings
from desk.screen.console import out
from desk.setup.dev import close_what_died, train_one_at_a_time
from resources.files import write_whole
from resources.home.find import PROJECT_ROOT, find_desk
from resources.home.marker import share_marker
from resources.instance.prepare import child_environment, prepare_dagster_home
from resources.settings.environment import Environment, read_environment
from spot.errors import ConfigurationError

Part = Literal["code", "daemon", "web", "worker"]
LogFormat = Literal["colored", "json"]
_WORKSPACE = "workspace.yaml"
LOCATION = "spotdesk"
"""Name of the code in the workspace, as in `workspace.yaml` of the checkout: schedules are known by it."""


def service(
    part: Annotated[
        Part,
        typer.Argument(
            help=(
                "code: the graph, and the process of each run.  daemon: schedules and sensors.  web: the UI. "
                " worker: runs that another host assigns."
            )
        ),
    ],
    *,
    host: Annotated[str, typer.Option(help="Address that `code` or `web` binds to.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Its port.  \\[default: that of --code for `code`, 3000 for `web`]"
        ),
    ] = None,
    code: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where `daemon` and `web` find the part `code`.")
    ] = "127.0.0.1:4000",
    queue: Annotated[
        str, typer.Option(help="Queue that `worker` serves: desk (decide, publish, judge) or heavy.")
    ] = "desk",
    slots: Annotated[int, typer.Option(min=1, max=64, help="Runs that `worker` works on at a time.")] = 2,
    login: Annotated[bool, typer.Option("--login", help="`web` asks for a login on loopback, too.")] = False,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="json: each line of the log is one JSON object.")
    ] = "colored",
) -> None:
    """Run one part of the desk until a signal ends it: three services do what `spotdesk dev` does in one.

    `worker` is for a desk on several hosts (docs/operations/scale.md). One worker serves one queue.

    Exit code 2: there is no desk, or others could reach the UI and the desk has no users.

        spotdesk service code &
        spotdesk service daemon &
        spotdesk service web --login
    """
    find_desk()
    code_host, code_port = _address(code)
    environment = read_environment()
    folder = prepare_dagster_home(environment)
    if part not in ("code", "worker"):  # whose own address is not the one at which others find it
        write_workspace(folder / _WORKSPACE, code_host, code_port)
    words: dict[Part, Callable[[], list[str]]] = {
        "code": lambda: _code(host, port or code_port),
        "daemon": lambda: ["-m", "dagster._daemon", "run", "--workspace", str(folder / _WORKSPACE)],
        "web": lambda: _web(environment, folder / _WORKSPACE, host, port or 3000, login=login),
        "worker": lambda: _worker(queue, slots),
    }
    log = [] if part == "worker" else ["--log-format", log_format]
    own = [sys.executable, *words[part](), *log]
    os.chdir(PROJECT_ROOT)
    os.execve(sys.executable, own, dict(child_environment(environment)))  # noqa: S606 - no shell, a fixed program


def share() -> None:
    """Let other hosts open the folder of this desk, on a file system that they all mount.

    Otherwise the folder counts as a copy on another machine: it is halted there and gets an identity of its
    own. A shared desk is known by the inode of its marker. A copy of the folder still counts as one; a clone
    of the whole disk does not.

    Exit code 2: there is no desk, it is a demo or a study, or the folder is itself a copy.
    """
    marker = share_marker(find_desk())
    out.print(
        f"desk {marker.desk_id} may be opened by several hosts. Check on one of them that locks of the file"
        " system hold for the others, too: docs/operations/scale.md",
        soft_wrap=True,
    )


def write_workspace(path: Path, host: str, port: int) -> None:
    """Write the file that names the server of the code."""
    server = {"grpc_server": {"host": host, "port": port, "location_name": LOCATION}}
    write_whole(path, yaml.safe_dump({"load_from": [server]}).encode())


def _code(host: str, port: int) -> list[str]:
    train_one_at_a_time()
    close_what_died()
    place = ["--python-file", str(PROJECT_ROOT / "definitions.py"), "--working-directory", str(PROJECT_ROOT)]
    return [
        *["-m", "dagster", "api", "grpc", "--location-name", LOCATION, *place],
        *["--host", host, "--port", str(port)],
    ]


def _worker(queue: str, slots: int) -> list[str]:
    if find_spec("dagster_celery") is None:
        raise ConfigurationError(
            "a worker needs the extra `hosts`: pip install --no-deps -r deploy/hosts/requirements.txt"
        )
    # The name says which worker it is: on each host there is at most one of a queue.
    return [
        *["-m", "celery", "--app", "resources.instance.hosts_worker:app", "worker", "--queues", queue],
        *["--concurrency", str(slots), "--hostname", f"{queue}@%h", "--loglevel", "INFO"],
        *["--without-mingle", "--without-gossip"],
    ]


def _web(environment: Environment, workspace: Path, host: str, port: int, *, login: bool) -> list[str]:
    guard_settings(environment, host, login=login)
    return [
        *["-m", "desk.guard.serve", "--host", host, "--port", str(port), "--workspace", str(workspace)],
        *(["--login"] if login else []),
    ]


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigurationError(f"--code {text!r}: expected HOST:PORT, such as 127.0.0.1:4000")
    return host, int(port)
