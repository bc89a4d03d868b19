"""`spotdesk sql`: queries on the analyst database, read-only and without access to anything else."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from desk.screen.console import JsonFlag, as_block, emit, err, fitting_columns, is_too_wide, out
from resources.analysts.query import CONTENTS, query_database
from resources.settings.environment import read_environment

_DEFAULT_ROWS = 200
_FEW_ROWS = 5
"""Rows up to which a result that is too wide is shown as blocks, one line per column."""


def sql(
    query: Annotated[
        str,
        typer.Argument(
            help="SQL in DuckDB's dialect; '-' reads it from standard input. Without it: list the tables."
        ),
    ] = "",
    *,
    as_json: JsonFlag = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    vertical: Annotated[
        bool, typer.Option("--vertical", help="Print each row as a block, one line per column.")
    ] = False,
    max_rows: Annotated[
        int, typer.Option("--max-rows", min=1, help="Rows shown in a table; JSON and CSV always hold all.")
    ] = _DEFAULT_ROWS,
    database: Annotated[Path | None, typer.Option(help="A DuckDB file other than that of the desk.")] = None,
) -> None:
    """Query the analyst database: tables, views and `forecasts_as_of(instant)`.

    Without a query, it lists every table and view with its meaning.

    A result that is too wide for the window is shown as a block per row where it has few rows, and else with
    the columns that fit; the others are named.

    The connection is read-only and has no file or network access. Instants are UTC. docs/analysts.md has ten
    example questions.

        spotdesk sql "SELECT zone, avg(absolute_error_eur_per_mwh) FROM forecasts WHERE role = 'champion'
        GROUP BY zone"
    """
    path = database or read_environment().analyst_database
    frame = query_database(path, sys.stdin.read() if query == "-" else query or CONTENTS)
    if as_csv:
        sys.stdout.write(frame.write_csv())
        return
    if as_json:
        emit(frame, as_json=True)
        return
    shown, left_out = frame.head(max_rows), list[str]()
    is_wide = shown.height <= _FEW_ROWS and is_too_wide(shown)
    if not shown.is_empty() and (vertical or is_wide):
        for number, row in enumerate(shown.iter_rows(named=True), start=1):
            out.print(as_block(row, title=f"row {number} of {frame.height:,}"))
    else:
        n_fitting = fitting_columns(shown)
        shown, left_out = shown[:, :n_fitting], shown.columns[n_fitting:]
        emit(shown, as_json=False, empty="no rows")
    if left_out:
        err.print(
            f"{len(left_out)} columns are too many for this window: {', '.join(left_out)}. Name the columns"
            " that you want, or use --vertical, --csv or --json",
            soft_wrap=True,
        )
    if frame.height > max_rows:
        err.print(f"{frame.height - max_rows:,} more rows: use --max-rows, --csv or --json")
