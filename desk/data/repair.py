"""`spotdesk repair`: damaged files of the lake are named and taken out of service."""

from dataclasses import asdict
from typing import Annotated

import typer

from desk.screen.console import JsonFlag, emit, err
from resources.lake.repair import damaged_files, take_out_of_service
from resources.settings.environment import read_environment
from resources.wiring import make_lake


def repair(
    *,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Take the damaged files out of service; without it nothing changes."),
    ] = False,
    lose_books: Annotated[
        bool,
        typer.Option(
            "--lose-books",
            help="With --apply: also those of signals, publications and other records, which only a backup"
            " has.",
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the files of the ledger that are lost or differ from their checksum, each with its remedy.

    Nothing is read from a damaged file. With --apply it moves into the folder `_damaged` of its table. Its
    rows are then gone from the table, and the days can be loaded or made again.

    Exit code 1: a damaged file is still in service. Exit code 2: a log is damaged, which only a backup cures.

        spotdesk repair --apply
    """
    lake = make_lake(read_environment())
    found = damaged_files(lake)
    emit([asdict(one) for one in found], as_json=as_json, title="repair", empty="every file is sound")
    if not found:
        return
    if not apply:
        raise typer.Exit(1)
    removable = [one for one in found if one.n_rows is not None and (lose_books or not one.is_in_books)]
    take_out_of_service(lake, removable)
    left = damaged_files(lake)
    err.print(
        f"{len(removable)} files are out of service, {len(left)} damaged ones are left", highlight=False
    )
    if any(one.n_rows is None for one in left):
        err.print("A damaged log cannot be repaired: restore the table from a backup.", highlight=False)
        raise typer.Exit(2)
    if left:
        raise typer.Exit(1)
