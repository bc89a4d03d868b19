"""The server of MLflow in the deployment: one process, its own checks on, no jobs beside it."""

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import wait_for
from tests.support.started import free_port


@pytest.mark.slow  # importing MLflow twice takes ten seconds
def test_mlflow_is_served_by_one_process_that_refuses_a_foreign_host(
    tmp_path: Path, project_root: Path
) -> None:
    port = free_port()
    options = [
        f"--backend-store-uri=sqlite:///{tmp_path / 'mlflow.db'}",
        f"--artifacts-destination={tmp_path / 'models'}",
        *("--serve-artifacts", "--workers=1", "--host=127.0.0.1", f"--port={port}"),
        f"--allowed-hosts=127.0.0.1:{port}",
    ]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "desk.setup.mlflow_server", *options],
            cwd=project_root,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(lambda: _status(port) == 200 or server.poll() is not None, 120)
        assert server.poll() is None, (tmp_path / "log").read_text()
        assert _status(port, "/api/2.0/mlflow/registered-models/search") == 200
        assert _status(port, "/api/2.0/mlflow/registered-models/search", f"evil.example:{port}") == 403
        assert Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split() == []
        server.terminate()
        server.wait(30)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)


def _status(port: int, path: str = "/health", host: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": host} if host else {})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()
