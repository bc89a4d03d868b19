"""Caddy on loopback with a file of the deployment, and the guarded UI as a browser reaches it."""

import os
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from pathlib import Path
from socket import create_connection
from typing import Any

from tests.support.guarded_ui import Ui
from tests.support.processes import wait_for
from tests.support.started import free_port

HOST = "desk.example"
_ALONE = (
    "{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\thttp_port {http}\n\thttps_port {https}\n}}\n"
)
"""A certificate of Caddy's own, ports that are free, and nothing written outside its folder."""


@contextmanager
def caddy(file: Path, folder: Path, variables: Mapping[str, str]) -> Iterator[tuple[int, ssl.SSLContext]]:
    """Caddy with `file` and its variables; its port, and a context that trusts its certificate."""
    port = free_port()
    folder.mkdir()
    own = folder / "Caddyfile"
    own.write_text(_ALONE.format(http=free_port(), https=port) + file.read_text(encoding="utf-8"))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "SPOTDESK_UI_HOSTS": HOST,
        **variables,
    }
    with (folder / "log").open("wb") as log:
        words = ["caddy", "run", "--adapter", "caddyfile", "--config", str(own)]
        process = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
    root = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    try:
        wait_for(lambda: root.is_file() or process.poll() is not None, 60)
        assert process.poll() is None, (folder / "log").read_text()
        trusted = ssl.create_default_context(cafile=str(root))
        wait_for(lambda: _answers(port, trusted), 60)
        yield port, trusted
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int, trusted: ssl.SSLContext) -> bool:
    try:
        with create_connection(("127.0.0.1", port)) as plain:
            trusted.wrap_socket(plain, server_hostname=HOST).close()
    except OSError:
        return False
    return True


class _Connection(HTTPSConnection):
    """To loopback, under the name of the desk."""

    def __init__(self, port: int, trusted: ssl.SSLContext) -> None:
        super().__init__(HOST, port, context=trusted, timeout=60)
        self._trusted = trusted

    def connect(self) -> None:
        plain = create_connection(("127.0.0.1", self.port))
        self.sock = self._trusted.wrap_socket(plain, server_hostname=HOST)


@dataclass(slots=True)
class ProxiedUi(Ui):
    """A guarded UI behind Caddy. Requests of nobody in particular are those of `logged_in`, if any."""

    trusted: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    logged_in: str = ""

    @property
    def origin(self) -> str:
        return f"https://{self.own_host}"

    @property
    def own_host(self) -> str:
        return f"{HOST}:{self.port}"

    def status_of(self, method: str, path: str, headers: dict[str, str], body: bytes | str | None) -> int:
        """Status of the answer to one request, over TLS."""
        connection = _Connection(self.port, self.trusted)
        try:
            connection.request(method, path, body=body, headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def cookie(self, who: str) -> dict[str, str]:
        """The header of a person's session; empty for nobody."""
        return Ui.cookie(self, who or self.logged_in)  # slots leave `super()` without its class

    @property
    def socket_options(self) -> dict[str, Any]:
        """How a websocket is opened, beside its address."""
        return {"ssl": self.trusted, "server_hostname": HOST}
