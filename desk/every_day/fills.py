"""`spotdesk fills`: signals beside what was sent and what the exchange filled."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import polars as pl
import typer

from desk.figures.opened import OpenedDesk
from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from spot.market.clock import local_time
from spot.market.delivery import ZoneDays, delivery_day_of
from workflows.decisions.exchange import compared_fills

_DAYS = 7
"""Delivery days shown by default: a week. Chosen by hand; not tuned."""


def fills(
    *,
    zone: Annotated[str | None, typer.Option("--zone", help="Bidding zone; all of the desk.")] = None,
    day: Annotated[
        datetime | None,
        typer.Option("--day", parser=a_day, metavar=DAY_FORM, help="Last delivery day; tomorrow by default."),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="Delivery days.")] = _DAYS,
    differences: Annotated[
        bool, typer.Option("--differences", help="Only units where the exchange's report differs.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show signals beside what was sent and what the exchange filled, and where they differ.

    Long is positive. Units are those of live days of which the exchange has reported anything
    (`spotdesk ingest`). `difference` is empty where the report agrees with what was sent and with the price.

    Exit code 1: something differs.
    """
    opened, found = OpenedDesk(read_environment()), []
    for name in opened.zones(zone):
        last = delivery_day_of(name, utc_now()) + timedelta(days=1) if day is None else day.date()
        rows = compared_fills(ZoneDays(name, last - timedelta(days=days - 1), last), opened.lake)
        found.append(rows.with_columns(local=local_time(name).dt.strftime("%H:%M")))
    units = pl.concat(found)
    differ = units.filter(pl.col("difference") != "")
    shown = differ if differences else units
    emit(
        shown.drop("local").to_dicts() if as_json else [_row(row) for row in shown.to_dicts()],
        as_json=as_json,
        title="signals, sent, filled",
        empty="the exchange's report agrees" if units.height else "the exchange has reported nothing",
    )
    if differ.height:
        raise typer.Exit(1)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "zone": row["zone"],
        "day": row["delivery_day"],
        "local": row["local"],
        "strategy": row["strategy"],
        "signal": row["signal_mw"],
        "sent": row["sent_mw"],
        "filled": row["filled_mw"],
        "price": row["fill_price_eur_per_mwh"],
        "cleared": row["clearing_price_eur_per_mwh"],
        "traded MWh": row["traded_mwh"],
        "difference": row["difference"],
    }
