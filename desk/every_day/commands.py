"""`spotdesk pnl`, `positions`, `limits`, `alerts`: the figures that the trader's screen shows, as tables."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import polars as pl
import typer

from desk.figures.alerts import Alert, acknowledge
from desk.figures.opened import OpenedDesk
from desk.figures.positions import positions_of
from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit, emit_json, err, out
from resources.identity.person import recorded_name
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from spot.market.clock import local_time

_Zone = Annotated[str | None, typer.Option("--zone", help="Bidding zone; all of the desk by default.")]
_SHOWN_LIMITS = 12
"""Chosen by hand: the fullest limits, one screen without scrolling. `--json` has all of them."""


def _day(text: str) -> Any:
    return typer.Option("--day", parser=a_day, metavar=DAY_FORM, help=text)


def pnl(
    *,
    zone: _Zone = None,
    day: Annotated[
        datetime | None, _day("Last day of the periods; the newest settled one by default.")
    ] = None,
    with_naive: Annotated[
        bool, typer.Option("--naive", help="Compare with the naive rivals on the same days; takes seconds.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show net P&L of the newest settled day, of seven days and of the month, beside perfect foresight.

    With `--naive` also the naive rival that earned most on the same days: a rule on the sign of the spread,
    or the strategy itself on the prices of last week.
    """
    opened, rows = OpenedDesk(read_environment()), []
    for name in opened.zones(zone):
        last = None if day is None else day.date()
        rivals, why = opened.rivals(name, last=last) if with_naive else ({}, "")
        rows += [row.row() for row in opened.money(name, last=last, naive=rivals)]
        if why:
            err.print(f"{name}: {why}", soft_wrap=True)
    emit(
        rows if as_json else [_money_row(row) for row in rows],
        as_json=as_json,
        title="net P&L",
        empty="nothing settled yet: `spotdesk run` settles a day once its prices are known",
        decimals=0,
    )


def _money_row(row: dict[str, Any]) -> dict[str, Any]:
    share = row["foresight_share"]
    return {
        "zone": row["zone"],
        "strategy": row["strategy"],
        "mode": row["mode"],
        "period": row["period"],
        "from": row["first_day"],
        "to": row["last_day"],
        "days": row["n_days"],
        "P&L": row["pnl"],
        "perfect": row["perfect_foresight"],
        "share": None if share is None else f"{share:.0%}",
        "naive": row["naive"],
        "currency": row["currency"],
    }


def positions(
    *,
    zone: _Zone = None,
    day: Annotated[
        datetime | None, _day("Delivery day; today and later by default, else the newest decided.")
    ] = None,
    units: Annotated[
        bool, typer.Option("--units", help="One line per market time unit, in local time.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show what the desk holds for coming deliveries, by day and strategy.

    Before the auction these are orders, afterwards the power that was filled. Long is positive. A live order
    that no channel took is none.
    """
    opened, now, rows = OpenedDesk(read_environment()), utc_now(), []
    for name in opened.zones(zone):
        found = opened.unit_positions(name, now, day=None if day is None else day.date())
        rows += _unit_rows(name, found) if units else [position.row() for position in positions_of(found)]
    emit(rows, as_json=as_json, title="positions", empty="no position")


def _unit_rows(zone: str, units: pl.DataFrame) -> list[dict[str, Any]]:
    local = local_time(zone).dt.strftime("%H:%M").alias("local")
    shown = units.select(
        "zone", "delivery_day", "delivery_start_utc", local, "resolution_minutes", "strategy", "mode",
        "power_mw", "limit_price_eur_per_mwh", "state",
    )  # fmt: skip
    return shown.to_dicts()


def limits(
    *,
    zone: _Zone = None,
    day: Annotated[datetime | None, _day("Delivery day; the newest decided by default.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Show every limit, not only the most used.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show how much of each limit the signals of a day use, and the headroom: the fullest limits first.

    Exit code 1: a limit is breached or denies, so that nothing may leave.
    """
    opened, uses = OpenedDesk(read_environment()), []
    for name in opened.zones(zone):
        of_zone = opened.limits(name, day=None if day is None else day.date())
        uses += of_zone if every or as_json else of_zone[:_SHOWN_LIMITS]
    emit(
        [use.row() for use in uses]
        if as_json
        else [
            {
                "zone": use.zone,
                "day": use.delivery_day,
                "strategy": use.strategy,
                "scope": use.scope,
                "limit": use.limit,
                "used": use.used,
                "allowed": use.allowed,
                "headroom": "-" if use.headroom_frac is None else f"{use.headroom_frac:.0%}",
                "status": use.status,
            }
            for use in uses
        ],
        as_json=as_json,
        title="limits",
        empty="no day was decided yet: `spotdesk run` judges limits with the signals",
    )
    if any(use.is_stopping for use in uses):
        raise typer.Exit(1)


def alerts(
    *,
    zone: _Zone = None,
    days: Annotated[int, typer.Option("--days", min=1, max=36500, help="Raised in the last days.")] = 7,
    open_only: Annotated[bool, typer.Option("--open", help="Only what nobody has acknowledged.")] = False,
    acknowledged: Annotated[
        str | None, typer.Option("--acknowledge", metavar="ID", help="Acknowledge this alert.")
    ] = None,
    by: Annotated[
        str, typer.Option("--by", help="Who; the user of this machine is recorded in any case.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="What to note, for the record.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Show alerts and who has acknowledged them: open ones first, the most severe first.

    `--acknowledge ID` writes down that a person has seen one. It stays in the list.

    Exit code 1: a critical alert is open.
    """
    opened, now = OpenedDesk(read_environment()), utc_now()
    if acknowledged is not None:
        seen = acknowledge(opened.lake, acknowledged, by=recorded_name(by), note=reason, now=now)
        _tell(seen, as_json=as_json)
        return
    names = None if zone is None else opened.zones(zone)
    found = opened.alerts(names, since=now - timedelta(days=days))
    found = [alert for alert in found if alert.is_open or not open_only]
    emit(
        [alert.row() for alert in found] if as_json else [_alert_row(alert) for alert in found],
        as_json=as_json,
        title=f"alerts of the last {days} days",
        empty="none",
    )
    if any(alert.is_open and alert.severity == "critical" for alert in found):
        raise typer.Exit(1)


def _tell(alert: Alert, *, as_json: bool) -> None:
    if as_json:
        emit_json(alert.row())
    else:
        who = ", ".join(alert.acknowledged_by)
        out.print(f"{alert.zone} {alert.kind}: acknowledged by {who}", markup=False, soft_wrap=True)


def _alert_row(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.alert_id[:8],
        "raised_at_utc": alert.raised_at_utc,
        "severity": alert.severity,
        "zone": alert.zone,
        "kind": alert.kind,
        "message": alert.message,
        "acknowledged": ", ".join(alert.acknowledged_by) or "no",
    }
