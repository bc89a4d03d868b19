"""`spotdesk sample-files`: simulated market data in the tidy layout, to try a desk on files."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit_json, out
from resources.files import write_whole
from spot.errors import ConfigurationError
from spot.market.zones import find_zone
from spot.simulation.market import simulate
from spot.sources.files.tidy_rows import tidy_rows

_TABLES = ("day_ahead_prices", "load_forecasts", "intraday_prices", "imbalance_prices")
_LONGEST_DAYS = 1500
"""Chosen by hand: some four years, more than any example needs. It stops a slip of the pen in a year."""
_FIRST_DAY, _LAST_DAY = date(2023, 12, 1), date(2024, 3, 31)


def sample_files(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the files; made if missing.")],
    *,
    zone: Annotated[
        list[str] | None, typer.Option("--zone", help="Bidding zone; repeat for more.  \\[default: NL]")
    ] = None,
    first_day: Annotated[
        datetime | None,
        typer.Option(
            "--from", parser=a_day, metavar=DAY_FORM, help="First delivery day.  \\[default: 2023-12-01]"
        ),
    ] = None,
    last_day: Annotated[
        datetime | None,
        typer.Option(
            "--to", parser=a_day, metavar=DAY_FORM, help="Last day, included.  \\[default: 2024-03-31]"
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the simulated market.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Write one CSV per zone in the tidy layout, from the simulated market. The prices are not real.

    A file of that name is replaced.

    Exit code 2: a zone has no simulated market, or the folder cannot be written.

        spotdesk sample-files ~/market-data --zone NL
    """
    first = first_day.date() if first_day else _FIRST_DAY
    last = last_day.date() if last_day else _LAST_DAY
    if not 0 <= (last - first).days < _LONGEST_DAYS:
        raise ConfigurationError(
            f"--from {first} to --to {last}: give the first day before the last, at most {_LONGEST_DAYS} days"
        )
    written = []
    for name in dict.fromkeys(find_zone(one).name for one in zone or ["NL"]):
        tables = simulate(name, first, last, seed=seed).tables
        rows = tidy_rows({table: tables[table] for table in _TABLES if table in tables}, name)
        path = folder.expanduser() / f"{name}_sample.csv"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, rows.write_csv().encode())
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}") from error
        written.append({"zone": name, "file": str(path), "rows": rows.height})
    if as_json:
        emit_json(written)
        return
    for one in written:
        out.print(
            f"{one['file']}: {one['rows']:,} values of a simulated market of {one['zone']}", soft_wrap=True
        )
