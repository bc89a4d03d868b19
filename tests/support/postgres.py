"""A Postgres server of a test's own on loopback, and desks whose records it keeps."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml


@dataclass(frozen=True)
class PostgresServer:
    """A server that trusts everybody on this machine."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://dagster@127.0.0.1:{self.port}/dagster"

    def settings(self, folder: Path, **more: object) -> Path:
        """A file for SPOTDESK_DAGSTER_SETTINGS that names the server."""
        path = folder / "deployment.yaml"
        path.write_text(yaml.safe_dump({"storage": {"postgres": {"postgres_url": self.url}}, **more}))
        return path

    def start(self) -> None:
        words = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        options = f"{words} -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        log = str(self.folder / "log")
        _run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-s", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """Stop at once, as if its host had crashed."""
        _run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-s", "-m", "immediate", "stop")


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A new server; a test that asks for it cannot run without the programs."""
    if _programs() is None:
        missing = "the programs of Postgres are missing: apt-get install postgresql"
        if "SPOTDESK_NO_SKIP" in os.environ:  # CI skips nothing
            pytest.fail(missing)
        pytest.skip(missing)
    folder = Path(tempfile.mkdtemp(prefix="spotdesk-postgres-"))
    server = PostgresServer(folder, free_port())
    try:
        if os.getuid() == 0:  # which the server refuses to run as
            shutil.chown(folder, "postgres", "postgres")
        data = str(folder / "data")
        _run(
            "initdb",
            "-D",
            data,
            "-U",
            "dagster",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        )
        server.start()
        _run("createdb", "-h", "127.0.0.1", "-p", str(server.port), "-U", "dagster", "dagster")
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *words: str) -> None:
    folder = _programs()
    assert folder is not None
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
    subprocess.run([*user, str(folder / program), *words], check=True, cwd="/", stdout=subprocess.DEVNULL)


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
