"""`spotdesk`: every command of the desk, and one way to fail.

Exit codes: 0 done; 1 a figure, a check or a verdict failed; 2 the command or the configuration is wrong; 130 interrupted.
"""

import sys

import click
import typer

from desk.dev import dev
from desk.drift import drift
from desk.sql import sql
from desk.status import status
from spot.errors import SpotdeskError

app = typer.Typer(
    name="spotdesk",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Machine-learning power trading on the spot markets: data, forecasts, signals, and models that keep themselves right.",
    epilog="Begin with: spotdesk demo.  Every command takes --help; those that print a table also take --json.",
)

for command in (status, drift, sql, dev):
    app.command()(command)


def main() -> None:
    """Run the command line; an error that Spotdesk raises on purpose is one line on standard error and exit code 2."""
    try:
        app()
    except SpotdeskError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
