"""`spotdesk models verify`: whether this code reads every version that serves."""

from dataclasses import asdict

import typer

from desk.screen.console import JsonFlag, emit_json, out
from resources.settings.desk import desk_resource
from resources.settings.environment import read_environment
from resources.wiring import make_lake, make_registry
from workflows.lifecycle.verify_champions import verify_champions


def verify(*, as_json: JsonFlag = False) -> None:
    """Load every serving version of the desk with this code. A deployment asks before it switches.

    Files are compared with their checksums and then read. Nothing is changed.

    Exit code 1: a version that serves cannot be read.
    """
    environment = read_environment()
    desk = desk_resource(environment, zones=make_lake(environment).zones("day_ahead_forecasts"))
    found = list(verify_champions(make_registry(environment), desk.zones))
    damaged = [one for one in found if one.problem]
    if as_json:
        emit_json([asdict(one) for one in found])
    else:
        for one in found:
            said = one.problem or "loads"
            out.print(f"{one.zone} {one.family} version {one.version}: {said}", markup=False, soft_wrap=True)
        out.print(f"{len(found) - len(damaged)} of {len(found)} serving versions can be read")
    if damaged:
        raise typer.Exit(1)
