"""`spotdesk sql`: queries on the analyst database, read-only and without access to anything else."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from desk.screen.console import JsonFlag, emit, err
from resources.analysts.query import CONTENTS, query_database
from resources.settings.environment import read_environment

_DEFAULT_ROWS = 200


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
    max_rows: Annotated[
        int, typer.Option("--max-rows", min=1, help="Rows shown in a table; JSON and CSV always hold all.")
    ] = _DEFAULT_ROWS,
    database: Annotated[Path | None, typer.Option(help="A DuckDB file other than that of the desk.")] = None,
) -> None:
    """Query the analyst database: tables, views and `forecasts_as_of(instant)`.

    Without a query, it lists every table and view with its meaning.

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
    emit(frame if as_json else frame.head(max_rows), as_json=as_json, empty="no rows")
    if not as_json and frame.height > max_rows:
        err.print(f"{frame.height - max_rows:,} more rows: use --max-rows, --csv or --json")
