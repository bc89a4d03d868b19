"""`spotdesk override` and `overrides`: a person's own view of orders, and what such views earned."""

import sys
from datetime import datetime, timedelta
from typing import Annotated

import polars as pl
import typer

from desk.figures.opened import OpenedDesk
from desk.figures.overrides import Wish, changes_of, enter, scores_of, units_meant
from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit, emit_json, out
from resources.identity.person import recorded_name
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from spot.contracts.words import OverrideAction
from spot.errors import ConfigurationError
from spot.market.delivery import delivery_day_of

_DAYS = 30
"""Days that `overrides` shows. Chosen by hand: a month of decisions."""


def override(
    *,
    zone: Annotated[str, typer.Option("--zone", help="Bidding zone.")],
    strategy: Annotated[str, typer.Option("--strategy", help="Strategy whose orders they are.")],
    units: Annotated[
        str, typer.Option("--at", help="Local time 18:00, a span 18:00-20:00, or all of the day.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")],
    volume: Annotated[float | None, typer.Option("--volume", help="New power, MW.")] = None,
    price: Annotated[float | None, typer.Option("--price", help="New limit price, EUR/MWh.")] = None,
    leave_out: Annotated[bool, typer.Option("--leave-out", help="Do not send these orders.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Withdraw your change.")] = False,
    day: Annotated[
        datetime | None, typer.Option("--day", parser=a_day, metavar=DAY_FORM, help="Delivery day; tomorrow.")
    ] = None,
    by: Annotated[
        str, typer.Option("--by", help="Who; the user of this machine is recorded in any case.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for a confirmation.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Change orders of a day before its gate, leave them out, or give them back to the machine.

    The limits of the desk judge the change as they judge the machine. What they do not allow is refused. The
    change is a record with your name, and what leaves the desk takes it.

    Exit code 2: refused, nothing was changed; the message says why.
    """
    opened = OpenedDesk(read_environment())
    (name,) = opened.zones(zone)
    wish = Wish(
        zone=name,
        delivery_day=day.date() if day else delivery_day_of(name, utc_now()) + timedelta(days=1),
        strategy=strategy,
        units=units,
        action=_action(leave_out=leave_out, withdraw=withdraw),
        volume_mw=volume,
        limit_price_eur_per_mwh=price,
    )
    if not yes:
        _confirm(wish, len(units_meant(opened, wish)))
    rows = enter(opened, wish, by=recorded_name(by), reason=reason, clock=utc_now)
    if as_json:
        emit_json(rows.to_dicts())
        return
    out.print(told(rows), markup=False, soft_wrap=True)


def _action(*, leave_out: bool, withdraw: bool) -> OverrideAction:
    if leave_out and withdraw:
        raise ConfigurationError("give --leave-out or --withdraw, not both")
    return "leave_out" if leave_out else "withdraw" if withdraw else "change"


def _confirm(wish: Wish, n_units: int) -> None:
    what = {"change": "change", "leave_out": "leave out", "withdraw": "withdraw the change of"}[wish.action]
    scope = f"{wish.strategy} of {wish.zone} on {wish.delivery_day}, {n_units} units ({wish.units})"
    if not sys.stdin.isatty():
        raise ConfigurationError(f"this would {what} orders of {scope}: say --yes to do it")
    typer.confirm(f"{what} orders of {scope}?", abort=True, err=True)


def told(rows: pl.DataFrame) -> str:
    """What was changed, in a sentence that names the scope."""
    first = rows.row(0, named=True)
    done = {"change": "changed", "leave_out": "left out", "withdraw": "back to what the desk decided"}
    n_orders = rows.height
    what = (
        f"1 order of {first['strategy']} is"
        if n_orders == 1
        else f"{n_orders} orders of {first['strategy']} are"
    )
    return (
        f"{first['zone']} {first['delivery_day']}: {what}"
        f" {done[first['action']]}, by {first['entered_by']}: {first['reason']}. Within all limits."
    )


def overrides(
    *,
    zone: Annotated[str | None, typer.Option("--zone", help="Bidding zone; all of the desk.")] = None,
    days: Annotated[
        int, typer.Option("--days", min=1, max=3660, help="Delivery days, tomorrow last.")
    ] = _DAYS,
    orders: Annotated[bool, typer.Option("--orders", help="Every order that was changed.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show what people's changes of orders earned beside the machine's own orders, by person.

    Both are settled at the same prices. The P&L of the desk (`spotdesk pnl`) stays that of the machine.
    """
    opened = OpenedDesk(read_environment())
    found = []
    for name in opened.zones(zone):
        last = delivery_day_of(name, utc_now()) + timedelta(days=1)
        found.append(changes_of(opened, name, last - timedelta(days=days - 1), last))
    changes = pl.concat(found)
    scores = [score.row() for score in scores_of(changes)]
    if as_json:
        emit_json({"scores": scores, "orders": changes.to_dicts()})
        return
    emit(
        scores,
        as_json=False,
        title="changes by people, net P&L",
        empty=f"nobody changed an order in {days} days",
    )
    if orders:
        emit(
            changes.drop("delivery_start_utc", "currency", "limit_price_eur_per_mwh"),
            as_json=False,
            title="orders that were changed",
            empty="none",
        )
