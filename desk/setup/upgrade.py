"""`spotdesk upgrade`: bring the desk of an older Spotdesk to this version, after a backup."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from desk.screen.console import JsonFlag, emit_json, out
from resources.home.find import command_at, find_desk
from resources.home.upgrade import upgrade as upgrade_desk
from resources.wall_clock import utc_now


def upgrade(
    *,
    backup: Annotated[
        Path | None,
        typer.Option("--backup", help="File of the backup that is made first.  \\[default: beside the desk]"),
    ] = None,
    conf: Annotated[
        Path | None,
        typer.Option(
            "--conf",
            help=(
                "Folder of the settings of a desk that has none of its own."
                "  \\[default: SPOTDESK_CONF, else conf of the checkout]"
            ),
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring the desk to this version: format, settings, tables, models, and Dagster's and MLflow's schemas.

    A backup is made first. If a step fails, `spotdesk restore` gives back the desk as it was. The command
    prints what it did. A desk of this version only gets what it lacks. Stop `spotdesk dev` first.
    """
    home, now = find_desk(), utc_now()
    file = backup or home.parent / f"{home.name}-before-upgrade-{now:%Y%m%dT%H%M%SZ}.tar.gz"
    report = upgrade_desk(
        home,
        file.expanduser().absolute(),
        conf=None if conf is None else conf.expanduser().resolve(),
        now=now,
        tell=lambda line: None if as_json else out.print(line, soft_wrap=True),
    )
    if as_json:
        emit_json(asdict(report))
        return
    if not report.done:
        out.print("there was nothing to do")
    for line in report.next:
        out.print(f"next: {line}", soft_wrap=True)
    out.print(f"next: {command_at(home)} status --verify", soft_wrap=True)
