"""`spotdesk drift`: the verdicts of a zone's monitors."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, NoReturn

import polars as pl
import typer

from desk.figures.monitors import monitor_verdicts
from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit, emit_json, err, out
from resources.lake.lake import Lake
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from spot.market.zones import find_zone

_SHOWN = ("delivery_day", "feature", "method", "value", "threshold", "status", "reason")


def drift(
    *,
    zone: Annotated[str, typer.Option("--zone", help="Bidding zone.")],
    day: Annotated[
        datetime | None,
        typer.Option("--day", parser=a_day, metavar=DAY_FORM, help="Day judged; the newest by default."),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="One line per judged day instead of one per feature.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the distance of the newest inputs from days of the same season, per feature, with the verdict.

    The newest verdict of every other monitor follows.

    Exit code 1: there is drift, or nothing was judged.
    """
    environment = read_environment()
    lake = make_lake(environment)
    rows = lake.read("feature_drift", zones=[find_zone(zone).name])
    if rows.is_empty():
        _say_nothing(
            f"zone {zone}: no drift has been judged yet; spotdesk run judges it after the forecasts",
            as_json=as_json,
        )
    if history:
        emit(_by_day(rows), as_json=as_json, title=f"drift of {zone}")
        return
    judged: date = rows["delivery_day"].sort()[-1] if day is None else day.date()
    shown = rows.filter(pl.col("delivery_day") == judged)
    if shown.is_empty():
        _say_nothing(f"zone {zone}: nothing was judged on {judged}", as_json=as_json)
    emit(
        shown.sort(pl.col("status") == "ok", "feature").select(_SHOWN),
        as_json=as_json,
        title=f"drift of {zone} on {judged}",
    )
    if not as_json:
        for line in _others(lake, find_zone(zone).name, judged):
            out.print(line, highlight=False, markup=False, soft_wrap=True)
    if (shown["status"] != "ok").any():
        raise typer.Exit(1)


def _say_nothing(why: str, *, as_json: bool) -> NoReturn:
    """Why there is no row; a script gets an empty list."""
    err.print(why)
    if as_json:
        emit_json([])
    raise typer.Exit(1)


def _others(lake: Lake, zone: str, judged: date) -> Iterator[str]:
    """One line per other monitor: its newest verdict up to the day, and why."""
    for verdict in monitor_verdicts(lake, zone, last_day=judged):
        if verdict.monitor != "drift":
            said = "".join(f"; {text}" for text in verdict.reasons[:3])
            yield f"  {verdict.monitor} on {verdict.delivery_day}: {verdict.status}{said}"


def _by_day(rows: pl.DataFrame) -> pl.DataFrame:
    features = pl.col("feature").filter(pl.col("status") == "alert").sort()
    return (
        rows.group_by("delivery_day")
        .agg(
            features=pl.len(),
            alerts=(pl.col("status") == "alert").sum(),
            cannot_see=(pl.col("status") == "cannot_see").sum(),
            alerting=features.str.join(", "),
        )
        .sort("delivery_day")
    )
