"""`spotdesk dev`: the Dagster UI and its daemon on this machine's loopback address."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from desk.console import err
from resources.environments import PROJECT_ROOT, child_environment, read_environment


def dev(port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 3000) -> None:
    """Open the lineage graph: the Dagster UI and its daemon, on 127.0.0.1 only. Stop with Ctrl-C."""
    environment = read_environment()
    err.print(f"Dagster UI on http://127.0.0.1:{port} - state in {environment.home} - environment {environment.name}")
    words = [str(Path(sys.executable).parent / "dagster"), "dev", "-w", str(PROJECT_ROOT / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
    raise typer.Exit(subprocess.run(words, cwd=PROJECT_ROOT, env=dict(child_environment(environment)), check=False).returncode)
