"""How every command speaks: a table or JSON on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any

import polars as pl
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

out = Console()
err = Console(stderr=True)


def emit(rows: pl.DataFrame | Iterable[Mapping[str, Any]], *, as_json: bool, title: str = "", empty: str = "nothing to show") -> None:
    """Print rows as a table, or as a JSON list of objects."""
    records = rows.to_dicts() if isinstance(rows, pl.DataFrame) else [dict(row) for row in rows]
    if as_json:
        emit_json(records)
    elif not records:
        out.print(f"{title}: {empty}" if title else empty)
    else:
        out.print(as_table(records, title=title))


def emit_json(value: Any) -> None:
    """Print a value as JSON; days and instants as ISO 8601 text."""
    sys.stdout.write(json.dumps(value, default=_plain, indent=2, ensure_ascii=False) + "\n")


def as_table(records: list[dict[str, Any]], *, title: str = "") -> Table:
    """A rich table with a column for each key; numbers are right-aligned."""
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for name in records[0]:
        is_number = isinstance(next((row[name] for row in records if row.get(name) is not None), None), int | float)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in records:
        table.add_row(*(_shown(value) for value in row.values()))
    return table


def as_facts(records: list[dict[str, Any]], *, by: str, title: str = "") -> Table:
    """A table on its side, for few records with many fields: a row for each field, a column for each record, headed by the field `by`."""
    return as_table([{"": name, **{str(record[by]): record[name] for record in records}} for name in records[0] if name != by], title=title)


def progress() -> Progress:
    """A progress bar on standard error: nothing of it enters what a script reads."""
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=err, transient=True
    )


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.4g}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    return str(value)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
