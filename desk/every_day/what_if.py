"""`spotdesk whatif`: what the forecast, the orders and the money would be with other inputs."""

from datetime import datetime
from typing import Annotated

import typer

from desk.figures.opened import OpenedDesk
from desk.figures.what_if import MARK, answer, ask
from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit, emit_json, err, out
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now

_ORDER = ("local", "strategy", "side", "volume_mw", "limit_price_eur_per_mwh", "expected_price_eur_per_mwh")


def whatif(
    *,
    zone: Annotated[str, typer.Option("--zone", help="Bidding zone.")],
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="INPUT=CHANGE",
            help="Move an input over the whole day: wind=+20%, load=-1500MW. May be given again.",
        ),
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option("--day", parser=a_day, metavar=DAY_FORM, help="Delivery day; the newest decided one."),
    ] = None,
    orders: Annotated[bool, typer.Option("--orders", help="Every order that would be made.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show forecast, orders and expected money with other inputs, beside the machine's own.

    Nothing is stored and nothing is sent. An input beyond all that the model has learnt from is said so.

    Exit code 2: the champion does not read such an input, or has never seen inputs near these.
    """
    opened = OpenedDesk(read_environment())
    asked = ask(opened, zone, utc_now(), None if day is None else day.date())
    _, facts = answer(asked, changes or ())
    if as_json:
        emit_json(facts)
        return
    moved = ", ".join(facts["changes"]) or "nothing changed"
    rows = [
        {"": what, "machine": facts[f"machine_{key}"], "what if": facts[key]}
        for what, key in (
            ("mean price, EUR/MWh", "mean_eur_per_mwh"),
            ("expected P&L, EUR", "expected_eur"),
            ("orders", "n_orders"),
        )
    ]
    out.print(f"{MARK}. {facts['zone']} {facts['delivery_day']}: {moved}", soft_wrap=True, markup=False)
    emit(rows, as_json=False)
    for note in facts["notes"]:
        err.print(f"{note}", soft_wrap=True, markup=False)
    if orders:
        emit(
            [{name: order[name] for name in _ORDER} for order in facts["orders"]],
            as_json=False,
            title="orders that would be made",
            empty="none",
        )
    elif facts["inputs"]:
        reads = ", ".join(f"{one['name']} (mean {one['mean_mw']:,.0f} MW)" for one in facts["inputs"])
        out.print(f"inputs to move: {reads}", soft_wrap=True, markup=False)
