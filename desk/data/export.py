"""`spotdesk export`: a table as a file for other tools."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

import spotdesk
from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit_json, out


def _day(*names: str, text: str) -> Any:
    return typer.Option(*names, parser=a_day, metavar=DAY_FORM, help=text)


def export(
    table: Annotated[str, typer.Argument(help="A table, such as day_ahead_forecasts.")],
    file: Annotated[Path, typer.Argument(help="Where to write: .parquet, or .arrow. It is replaced.")],
    *,
    zone: Annotated[str | None, typer.Option("--zone", help="Bidding zone; all by default.")] = None,
    first: Annotated[datetime | None, _day("--from", text="First delivery day; all by default.")] = None,
    last: Annotated[datetime | None, _day("--to", text="Last delivery day, included.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="INSTANT", help="What was known then, such as 2025-08-19T10:00Z."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a table as Parquet or Arrow, with meaning and unit of each column.

    It reads the ledger itself, so it has what the newest run wrote. `spotdesk sql` lists the tables. A raw
    table has every vintage of each value; with `--as-of` it has the one that was known at that instant.

        spotdesk export day_ahead_prices prices.parquet --zone DE_LU --from 2025-01-01

    Exit code 2: there is no such table, or the file cannot be written.
    """
    n_rows = spotdesk.open().export(
        table,
        file,
        zone=zone,
        first_day=None if first is None else first.date(),
        last_day=None if last is None else last.date(),
        as_of=as_of,
    )
    if as_json:
        emit_json({"table": table, "file": str(file), "rows": n_rows, "bytes": file.stat().st_size})
        return
    size = file.stat().st_size / 1e6
    out.print(f"{n_rows:,} rows of {table} in {file} ({size:,.2f} MB)", markup=False, soft_wrap=True)
