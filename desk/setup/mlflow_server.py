"""MLflow's own server as this process: `python -m desk.setup.mlflow_server --port=5000 ...`.

`mlflow server` starts the server as a child and waits beside it with 200 MB of imports. Here the same command
becomes the server. It takes the options of `mlflow server` but those that need a process beside it.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn
from unittest import mock

import mlflow.server
from mlflow.cli import cli

from resources.settings.process import set_variables, variables

_NO_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Jobs of MLflow need a runner beside the server, and nobody here asks for one."""


def _become(command: Sequence[object], *, extra_env: Mapping[str, str], **_how: object) -> NoReturn:
    words = [str(word) for word in command]
    os.execvpe(words[0], words, {**variables(), **extra_env})  # noqa: S606 - no shell, MLflow's own command


def main(options: Sequence[str]) -> None:
    """Prepare the database as `mlflow server` does, and become the server."""
    set_variables(_NO_JOBS)
    with mock.patch.object(mlflow.server, "_exec_cmd", _become):
        cli(["server", *options])


if __name__ == "__main__":
    main(sys.argv[1:])
