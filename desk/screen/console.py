"""The output of every command: a table or JSON on standard output, everything else on standard error."""

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Any

import polars as pl
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from spot.sources.bounds import END_OF_INSTANTS, FIRST_INSTANT

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

DAY_FORM = "YYYY-MM-DD"
_PIPE_WIDTH = 200
"""Columns where no window sets the width, so that piped output is not folded at 80."""
_UNFOLDED = 18
"""Characters up to which a value stays on one line."""

out = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
err = Console(stderr=True, width=None if sys.stderr.isatty() else _PIPE_WIDTH)


def a_day(text: str) -> datetime:
    """A delivery day as an option: its midnight, without a time zone.

    Raises:
        BadParameter: it is not of the form YYYY-MM-DD, there is no such day, or it lies outside 1990 to 2099.
    """
    try:
        day = datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - a calendar day, which has no zone
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a day of the form {DAY_FORM}, for example 2024-03-31"
        ) from None
    if not FIRST_INSTANT.year <= day.year < END_OF_INSTANTS.year:
        raise typer.BadParameter(
            f"{text} lies outside {FIRST_INSTANT.year} to {END_OF_INSTANTS.year - 1}, the days of any market"
        )
    return day


def emit(
    rows: pl.DataFrame | Iterable[Mapping[str, Any]],
    *,
    as_json: bool,
    title: str = "",
    empty: str = "nothing to show",
    decimals: int = 2,
) -> None:
    """Print rows as a table, with `decimals` to numbers of 1 and more, or as a JSON list of objects."""
    records = rows.to_dicts() if isinstance(rows, pl.DataFrame) else [dict(row) for row in rows]
    if as_json:
        emit_json(records)
    elif not records:
        out.print(f"{title}: {empty}" if title else empty)
    else:
        out.print(as_table(records, title=title, decimals=decimals))


def emit_json(value: Any) -> None:
    """Print a value as JSON, see `json_text`."""
    sys.stdout.write(json_text(value) + "\n")


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """JSON with days and instants as ISO 8601 text, and a number that is not finite as null."""
    return json.dumps(_finite(value), default=_plain, indent=indent, ensure_ascii=False, allow_nan=False)


def as_table(records: list[dict[str, Any]], *, title: str = "", decimals: int = 2) -> Table:
    """A rich table with a column for each key.

    Numbers are right-aligned; in a narrow window headings and sentences fold before values do.
    """
    table = Table(
        title=title or None,
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    shown = [{name: _shown(value, decimals) for name, value in row.items()} for row in records]
    widths = {name: min(max(len(row.get(name, "")) for row in shown), _UNFOLDED) for name in records[0]}
    is_narrow = (
        sum(max(width, *map(len, name.split("_"))) + _BETWEEN for name, width in widths.items()) > out.width
    )
    for name, width in widths.items():
        is_number = isinstance(
            next((row[name] for row in records if row.get(name) is not None), None), int | float
        )
        table.add_column(
            name,
            justify="right" if is_number else "left",
            overflow="fold",
            min_width=None if is_narrow else width,
        )
    for row in shown:
        table.add_row(*row.values())
    return table


def as_block(row: Mapping[str, Any], *, title: str = "", decimals: int = 2) -> Table:
    """One record as a table on its side: a line for each field, as wide as the window."""
    lines = [{"column": name, "value": _shown(value, decimals)} for name, value in row.items()]
    return as_table(lines or [{"column": "-", "value": "-"}], title=title)


def fitting_columns(frame: pl.DataFrame, *, decimals: int = 2) -> int:
    """How many columns, from the first on, the window can show without folding values; at least one."""
    room, n_fitting = out.width, 0
    for column in frame:
        longest = max((len(_shown(value, decimals)) for value in column.head(_LOOKED_AT)), default=0)
        room -= max(min(longest, _WIDEST), min(len(column.name), _UNFOLDED)) + _BETWEEN
        if room < 0:
            break
        n_fitting += 1
    return max(n_fitting, 1)


def is_too_wide(frame: pl.DataFrame) -> bool:
    """Whether the window cannot show every column without folding values."""
    return fitting_columns(frame) < frame.width


_LOOKED_AT = 200
"""Rows that say how wide a column is."""
_BETWEEN = 3
"""Characters between two columns."""
_WIDEST = 40
"""Characters of a column above which its text is folded; a sentence needs no line of its own."""


def as_facts(records: list[dict[str, Any]], *, by: str, title: str = "") -> Table:
    """A table on its side, for few records with many fields.

    A row for each field, a column for each record, headed by the field `by`.
    """
    return as_table(
        [
            {"": name, **{str(record[by]): record[name] for record in records}}
            for name in records[0]
            if name != by
        ],
        title=title,
    )


def progress() -> Progress:
    """A progress bar on standard error, so that it never enters what a script reads."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )


@contextmanager
def stages() -> Iterator[Callable[[str, float], None]]:
    """Shows the progress of a long command. It is called with a line of words and the finished share, 0 to 1.

    On standard error it is a bar in a terminal, else a line of text at each tenth.
    """
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    if err.is_terminal:
        with Progress(*columns, console=err, transient=True) as bar:
            task = bar.add_task("starting", total=1.0)
            yield lambda line, share: bar.update(task, description=line, completed=share)
        return
    told = -1

    def tell(line: str, share: float) -> None:
        nonlocal told
        tenths = int(10 * share)
        if tenths > told:
            told = tenths
            err.print(f"{100 * share:3.0f} % {line}", highlight=False)

    yield tell


def _shown(value: Any, decimals: int) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, float):
        if abs(value) >= 1:
            return f"{value:,.{decimals}f}"
        text = f"{value:.4g}"
        return f"{value:.2f}" if len(text.lstrip("-")) == len("0.1") else text  # 0.70 beside 1.20
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
