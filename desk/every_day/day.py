"""`spotdesk day explain`: why a day earned or lost what it did."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

import spotdesk
from desk.figures.day_money import DayExplained, explain_day
from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit, emit_json, out
from spot.market.zones import find_zone

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
    help="Look back at one delivery day.",
)


@app.callback()
def _day() -> None:
    """Look back at one delivery day."""


@app.command()
def explain(
    day: Annotated[datetime, typer.Argument(parser=a_day, metavar="DAY", help=f"Delivery day, {DAY_FORM}.")],
    *,
    zone: Annotated[str, typer.Option("--zone", help="Bidding zone.")],
    as_json: JsonFlag = False,
) -> None:
    """Show why a settled day earned or lost what it did, step by step from expected to net P&L.

    `expected` is the filled power at the forecast prices. Then come the surprise of the day-ahead price, that
    of the second price, and costs. The units that moved the money most follow, then facts on forecast and
    limits.

    Exit code 1: nothing of the day is settled.
    """
    found = explain_day(spotdesk.open(), find_zone(zone).name, day.date())
    if as_json:
        emit_json({**asdict(found), "money": [row.row() for row in found.money]})
    else:
        _show(found)
    if not found.money:
        raise typer.Exit(1)


def _show(found: DayExplained) -> None:
    """Tables of money and units, then the facts."""
    names = {"day_ahead_surprise": "day-ahead came", "second_price_surprise": "second price came"}
    left_out = ["zone", "delivery_day"] + ["other"] * all(not row.other for row in found.money)
    money: list[dict[str, Any]] = [
        {names.get(key, key): value for key, value in row.row().items() if key not in left_out}
        for row in found.money
    ]
    title = f"{found.zone} {found.delivery_day}"
    emit(
        money,
        as_json=False,
        title=f"{title}: from expected to net",
        empty="nothing is settled: `spotdesk run` settles a day once its prices are known",
    )
    if found.units:
        emit(found.units, as_json=False, title="the units that moved the money most")
    for line in found.facts:
        out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
