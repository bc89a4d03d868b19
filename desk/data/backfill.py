"""`spotdesk backfill`: years of live data into the ledger, month by month.

It is polite to providers and continues after any interruption.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from desk.data.analysts import publish_tables
from desk.data.history import TROUBLE, load_history
from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit, err
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError
from spot.market.zones import find_zone


def backfill(
    *,
    zone: Annotated[list[str], typer.Option("--zone", help="Bidding zone; repeat for more.")],
    first_day: Annotated[
        datetime, typer.Option("--from", parser=a_day, metavar=DAY_FORM, help="First delivery day.")
    ],
    last_day: Annotated[
        datetime | None,
        typer.Option(
            "--to",
            parser=a_day,
            metavar=DAY_FORM,
            help="Last delivery day, included.  \\[default: yesterday]",
        ),
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", help="Raw table; repeat for more.  \\[default: all that the sources have]"),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Live source, in order of preference.  \\[default: as in zones.yaml]"),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Ask again for finished months, to find revisions.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Load history from the live sources into the ledger.

    You can interrupt it at any time. The same command goes on where it stopped.

    The dated publication rules say when a value became known. A value that differs from the stored one is a
    revision and counts as known from now on. Every answer is kept. Every refused row goes to quarantine and
    is named. No host is asked more often than its budget allows.

    A month is done when each due day of it is whole in the ledger, and only then. Days that are open are
    asked for again, from each source in turn.

    Exit code 1: some days are open. Exit code 2: an option is wrong, and nothing was asked.

        spotdesk backfill --zone DE_LU --from 2023-01-01 --source energy_charts
    """
    environment, now = read_environment(), utc_now()
    last = last_day.date() if last_day else now.date() - timedelta(days=1)
    if last < first_day.date():
        raise ConfigurationError(f"--from {first_day.date()} is after --to {last}")
    rows = load_history(
        environment,
        [find_zone(name).name for name in zone],
        (first_day.date(), last),
        tables=table,
        sources=source,
        again=again,
        now=now,
    )
    if rows:
        publish_tables(environment)
    emit(
        rows if as_json else _by_table(rows),
        as_json=as_json,
        title="backfill",
        empty="everything is loaded already",
    )
    if any(row["outcome"] in TROUBLE for row in rows):
        err.print("some days are open: run the same command again, it asks for them again")
        raise typer.Exit(1)


def _by_table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line per zone and table.

    Months by outcome, new rows, months that came from a fallback, and the newest trouble.
    """
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        counts = dict.fromkeys(("loaded", "nothing new", *TROUBLE), 0)
        start = {
            "zone": row["zone"],
            "table": row["table"],
            **counts,
            "new_rows": 0,
            "fallbacks": 0,
            "trouble": "",
        }
        line = lines.setdefault((row["zone"], row["table"]), start)
        line[row["outcome"]] += 1
        line["new_rows"] += row["new_rows"]
        line["fallbacks"] += row["is_fallback"]
        line["trouble"] = (
            row["detail"]
            if row["outcome"] in ("open", "failed", "no answer") or row["is_fallback"]
            else line["trouble"]
        )
    return list(lines.values())
