"""`spotdesk rederive`: rows made again from the captured answers, after a parser was improved."""

from collections import Counter
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import polars as pl
import typer

from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit, progress
from resources.market.live_sources import make_live_market
from resources.market.rederive import Rederived
from resources.market.rederive import rederive as rederive_rows
from resources.settings.at_use import provider_urls
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from spot.market.zones import find_zone


def _no_secret(_variable: str) -> str:
    """No secret is needed: a request is only built to find the parser of its address."""
    return "not asked for"


def rederive(
    *,
    zone: Annotated[list[str], typer.Option("--zone", help="Bidding zone; repeat for more.")],
    table: Annotated[
        list[str] | None, typer.Option("--table", help="Raw table; repeat for more.  \\[default: all]")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Provider; repeat for more.  \\[default: all]")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since", parser=a_day, metavar=DAY_FORM, help="Only answers captured from this day on."
        ),
    ] = None,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="Add the rows that the ledger lacks; without it nothing is written."),
    ] = False,
    details: Annotated[
        bool, typer.Option("--details", help="One line per answer instead of one per source and table.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Read the stored answers of the providers again with today's parsers, and show what the ledger lacks.

    No provider is asked. Rows keep their dates: that of the capture, of the provider or of the rule.

    Exit code 1: an answer that gave rows once is refused today.

        spotdesk rederive --zone DE_LU --table imbalance_prices --apply
    """
    environment = read_environment()
    lake = make_lake(environment)
    market = make_live_market(lake, environment.home / "http", secret=_no_secret, base_urls=provider_urls())
    captures = lake.read(
        "captures", zones=[find_zone(name).name for name in zone], first_day=since.date() if since else None
    )
    wanted = [
        pl.col(column).is_in(names) for column, names in (("series", table), ("source", source)) if names
    ]
    chosen = captures.filter(*wanted) if wanted else captures
    found: list[Rederived] = []
    with progress() as bar:
        line = bar.add_task("reading", total=chosen.filter(pl.col("body_sha256") != "").height)
        for one in rederive_rows(market, chosen, is_applied=apply):
            found.append(one)
            bar.advance(line)
    rows = [asdict(one) for one in found] if details else _by_table(found)
    emit(rows, as_json=as_json, title="rederive", empty="no answer was captured")
    if any(one.outcome == "refused" and one.n_rows_then for one in found):
        raise typer.Exit(1)


def _by_table(found: list[Rederived]) -> list[dict[str, Any]]:
    """One line per zone, source and table."""
    lines: dict[tuple[str, str, str], Counter[str]] = {}
    for one in found:
        line = lines.setdefault((one.zone, one.source, one.table), Counter())
        line.update(
            {"answers": 1, one.outcome: 1, "rows": one.n_rows, "missing": one.n_missing, "added": one.n_added}
        )
    names = (
        "answers",
        "read",
        "no data",
        "refused",
        "no provider makes this request any more",
        "rows",
        "missing",
        "added",
    )
    return [
        {"zone": zone, "source": source, "table": table, **{name: line[name] for name in names}}
        for (zone, source, table), line in lines.items()
    ]
