"""`spotdesk screen`: the page that a trader keeps open all day."""

from contextlib import nullcontext
from typing import Annotated

import typer
import uvicorn

from desk.guard.settings import guard_settings
from desk.metrics.command import served_metrics
from desk.screen.console import err
from desk.trader_screen.app import Screen, screen_app
from resources.settings.environment import read_environment


def screen(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 3100,
    *,
    host: Annotated[
        str, typer.Option(help="Address to bind to; any but loopback asks everybody to log in.")
    ] = "127.0.0.1",
    login: Annotated[bool, typer.Option("--login", help="Ask for a login on loopback, too.")] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Answer Prometheus there, too, as `spotdesk metrics --serve` does: one process for both.",
        ),
    ] = None,
    inside: Annotated[
        bool,
        typer.Option(
            "--inside", help="--metrics-port on another address than loopback, as of `spotdesk metrics`."
        ),
    ] = False,
) -> None:
    """Serve the trader's screen: one page on the whole desk, with the stop button. Stop with Ctrl-C.

    Per zone: can we trade and why not, the gate, forecast and orders, P&L, positions, limits, models, sources
    and alerts. Halting, reducing, resuming, signing off and acknowledging need the role of a trader.

    Exit code 2: others could reach the screen, and the desk has no users.
    """
    environment = read_environment()
    guard = guard_settings(environment, host, login=login)
    made = Screen(environment, read_environment, needs_login=guard.needs_login)
    err.print(
        f"trader's screen on http://{host}:{port} - desk in {environment.home}"
        + (" - with login" if guard.needs_login else ""),
        soft_wrap=True,
    )
    beside = served_metrics(host, metrics_port, inside=inside) if metrics_port else nullcontext()
    with beside:
        # A header of a request never says where it came from; the guard asks the connection.
        uvicorn.run(
            screen_app(made, guard),
            host=host,
            port=port,
            log_level="warning",
            proxy_headers=False,
            server_header=False,
        )
