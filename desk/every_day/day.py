"""`spotdesk day`: why a day earned or lost what it did, and the message of the day."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

import spotdesk
from desk.every_day.follow import look
from desk.every_day.message import daily_message
from desk.figures.day_money import DayExplained, explain_day
from desk.figures.opened import OpenedDesk
from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit, emit_json, err, out
from resources.settings.at_use import alert_channels
from resources.settings.environment import read_environment
from resources.trading.channels import post_alert
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError
from spot.market.zones import find_zone

_CHANNEL_SECONDS = 10.0
"""Longest wait for one channel. Chosen by hand: a person waits for the command; a mail server needs a few
seconds.
"""

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
    help="One day: why it earned or lost what it did; the message of the day.",
)


@app.callback()
def _day() -> None:
    """One day: why it earned or lost what it did; the message of the day."""


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


@app.command()
def message(
    *,
    send: Annotated[
        bool, typer.Option("--send", help="Send it to the channels of SPOTDESK_WEBHOOK_URL, too.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print the message of the day: can we trade, net P&L, the plan, and alerts that nobody has seen.

    With `--send` it goes to the alert channels, mail or chat. A timer that runs it each morning makes it
    daily: docs/screen.md has one.

    Exit code 1: a channel did not take it. Exit code 2: there is no channel.
    """
    now = utc_now()
    facts = look(OpenedDesk(read_environment()), now)
    text = daily_message(facts)
    if as_json:
        emit_json({"message": text, **facts})
    else:
        typer.echo(text)
    if send:
        _send(text, now)


def _send(text: str, now: datetime) -> None:
    addresses = alert_channels()
    if not addresses:
        raise ConfigurationError(
            "no channel takes the message: set SPOTDESK_WEBHOOK_URL in the .env of the desk, and accept it"
            " with `spotdesk settings accept`"
        )
    row = {"severity": "info", "zone": "all", "kind": "daily_message", "message": text, "raised_at_utc": now}
    failed = post_alert(addresses, row, timeout_seconds=_CHANNEL_SECONDS)
    for number, why in failed.items():
        err.print(f"channel {number} did not take the message: {why}", markup=False)
    if failed:
        raise typer.Exit(1)
    err.print(f"sent to {len(addresses.split())} channels")


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
