"""`spotdesk metrics`: the figures of the desk for Prometheus, once or as a server on loopback."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry, generate_latest, start_http_server

from desk.guard.settings import is_loopback
from desk.metrics.collect import DeskCollector
from desk.screen.console import err
from resources.home.find import find_desk
from spot.errors import ConfigurationError


def metrics(
    *,
    serve: Annotated[
        bool, typer.Option("--serve", help="Answer on http://HOST:PORT/metrics until a signal ends it.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to bind to: loopback, but for --inside.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 9464,
    inside: Annotated[
        bool,
        typer.Option(
            "--inside", help="Bind to another address: in a container, whose port others do not reach."
        ),
    ] = False,
) -> None:
    """Print gates, age of data, runs, alerts, P&L and limits in the text format of Prometheus.

    The server has no login. So it binds to loopback only, and P&L is read by nobody on the network.

    Exit code 2: there is no desk, or the address is not loopback.
    """
    find_desk()
    if not serve:
        registry = CollectorRegistry()
        registry.register(DeskCollector())
        typer.echo(generate_latest(registry).decode(), nl=False)
        return
    with served_metrics(host, port, inside=inside):
        is_over = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: is_over.set())
        is_over.wait()


@contextmanager
def served_metrics(host: str, port: int, *, inside: bool) -> Iterator[None]:
    """Answer Prometheus from a thread of this process.

    Raises:
        ConfigurationError: the address is not loopback and not `inside` a container, or cannot be bound to.
    """
    if not inside and not is_loopback(host):
        raise ConfigurationError(
            f"--host {host}: others could read the P&L of the desk; bind to 127.0.0.1 and put a proxy with a"
            " login before it, or say --inside in a container whose port is published on loopback only"
        )
    registry = CollectorRegistry()
    registry.register(DeskCollector())
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise ConfigurationError(f"cannot serve on {host}:{port}: {error.strerror}") from error
    err.print(f"metrics on http://{host}:{port}/metrics")
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
