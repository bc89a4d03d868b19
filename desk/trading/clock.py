"""`spotdesk clock`: whether the clock of the machine is trusted, and a person's word that it is right."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from resources.home.find import find_desk
from resources.identity.person import recorded_name
from resources.trading.clock_watch import ClockWatch

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", add_completion=False)
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def show(*, as_json: _Json = False) -> None:
    """Look at the clock now.

    Exit code 1: it stepped or jumped, and nothing leaves until a person confirms it.
    """
    watch = ClockWatch(find_desk() / "trading_state")
    problem, view = watch.look(), watch.view()
    if as_json:
        sys.stdout.write(json.dumps({"problem": problem, **(asdict(view) if view else {})}, indent=2) + "\n")
    elif problem:
        typer.echo(f"the clock is NOT trusted: {problem}")
        typer.echo('  set it right, then: spotdesk clock confirm --by NAME --reason "..."')
    else:
        latest = datetime.fromtimestamp(view.latest, UTC) if view else None
        typer.echo(f"the clock is trusted; the latest instant seen is {latest:%Y-%m-%d %H:%M:%SZ}")
    if problem:
        raise typer.Exit(1)


@app.command()
def confirm(
    by: Annotated[str, typer.Option("--by", help="Who decides.")],
    reason: Annotated[str, typer.Option("--reason", help="How you know that the clock is right.")],
) -> None:
    """Say that the clock is right as it stands: what leaves may leave again."""
    view = ClockWatch(find_desk() / "trading_state").confirm(by=recorded_name(by), reason=reason)
    typer.echo(f"the clock is trusted from {datetime.fromtimestamp(view.latest, UTC):%Y-%m-%d %H:%M:%SZ} on")
