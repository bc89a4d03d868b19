"""`spotdesk halt`, `resume` and `state`: the stop button.

It imports nothing that is slow or may be down: no Dagster, no MLflow, no lake.
"""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import click
import typer
from typer.core import TyperCommand

from desk.screen.voice import modern
from desk.trading.tell import tell
from resources.home.find import find_desk
from resources.identity.person import recorded_name
from resources.trading.state import StillLeavingError, TradingStateStore
from resources.trading.state_files import StateRecord
from spot.errors import ConfigurationError, SpotdeskError
from spot.risk.state import TradingState

stop_button = typer.Typer(no_args_is_help=True, help="The stop button: halt, resume, reduce, state.")

_NOT = "NOT HALTED"
_UsageError: Any = typer.BadParameter.__base__
"""The library's own class, which it does not name in public."""
_Zone = Annotated[str | None, typer.Option("--zone", help="One bidding zone; without it the whole desk.")]
_Who = Annotated[
    str, typer.Option("--by", help="Who asks; the user of this machine is recorded in any case.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class HaltCommand(TyperCommand):
    """The command whose every failure says that nothing is halted, a mistyped option included."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, as the library reads them.

        Raises:
            BadParameter: they are wrong.
        """
        try:
            return super().parse_args(ctx, modern("halt", args, lambda line: typer.echo(line, err=True)))
        except _UsageError as error:
            said = error.format_message()
            raise typer.BadParameter(f"{_NOT}: {said}", ctx) from error


COMMAND_CLASSES = {"halt": HaltCommand}
"""Commands that are more than a function."""


@stop_button.command(cls=HaltCommand)
def halt(
    zone: _Zone = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "",
    name: _Who = "",
    as_json: _Json = False,
) -> None:
    """Stop trading at once.

    After this command returns, no signal leaves. Only `spotdesk resume` undoes it. It works when every other
    part of Spotdesk is down.

    Exit code 0: halted. Exit code 2: not halted, and the message says what to do.
    """
    try:
        store = _store()
        record = store.halt(zone, reason=reason or "halted by hand", actor=recorded_name(name))
    except StillLeavingError:
        tell(store.record("desk" if zone is None else f"zone-{zone}"), wait_seconds=0.0)
        raise
    except Exception as error:
        said = str(error) if isinstance(error, ConfigurationError) else f"{type(error).__name__} {error}"
        raise ConfigurationError(said if said.startswith(_NOT) else f"{_NOT}: {said}") from error
    _acknowledge(record, as_json=as_json)


@stop_button.command()
def resume(
    reason: Annotated[str, typer.Option("--reason", help="Why it is safe to trade again; required.")],
    zone: _Zone = None,
    name: _Who = "",
    as_json: _Json = False,
) -> None:
    """Trade again after a halt.

    A zone stays halted while the desk is halted. A halted zone stays halted when the desk is resumed. The
    command shows both.

    Exit code 2: nothing was resumed.
    """
    store = _store()
    record = store.resume(zone, reason=reason, actor=recorded_name(name))
    others = [
        other
        for other in store.records()
        if other.state is not TradingState.ACTIVE and (zone is None or other.scope == "desk")
    ]
    if as_json:
        elsewhere = tell(record)
        still = [{**asdict(other), "cure": other.cure} for other in others]
        sys.stdout.write(
            json.dumps(
                {**asdict(record), "effective_state": store.state(zone), "still_stopped": still}
                | _second(elsewhere),
                indent=2,
            )
            + "\n"
        )
        return
    _acknowledge(record, as_json=False)
    for other in others:
        typer.echo(_still_stopped(zone, other), err=True)


@stop_button.command()
def reduce(
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    zone: _Zone = None,
    name: _Who = "",
    as_json: _Json = False,
) -> None:
    """Allow only orders that make open positions smaller."""
    _acknowledge(_store().reduce(zone, reason=reason, actor=recorded_name(name)), as_json=as_json)


@stop_button.command()
def state(zone: _Zone = None, as_json: _Json = False) -> None:
    """Show the trading state of the desk and of every zone with a state of its own.

    Exit code 1: the desk, or the zone asked for, is not ACTIVE.
    """
    store = _store()
    records = [
        record for record in store.records() if zone is None or record.scope in ("desk", f"zone-{zone}")
    ]
    if as_json:
        sys.stdout.write(
            json.dumps([{**asdict(record), "cure": record.cure} for record in records], indent=2) + "\n"
        )
    else:
        for record in records:
            _print(record)
            if record.cure:
                typer.echo(f"  to resume trading: {record.cure}")
    if store.state(zone) is not TradingState.ACTIVE:
        raise typer.Exit(1)


def main() -> None:
    """Run the stop button on its own: `python -m desk.trading.stop halt`."""
    try:
        stop_button()
    except SpotdeskError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(2)


def _store() -> TradingStateStore:
    return TradingStateStore(find_desk() / "trading_state")


def _still_stopped(zone: str | None, other: StateRecord) -> str:
    """What still stops a resumed scope: the desk above a zone, or a zone that stays halted."""
    why = f" ({other.reason}, by {other.actor or 'nobody'})"
    if zone is not None:
        return (
            f"NOTHING IS SENT YET: the desk is still {other.state}{why}, and {zone} with it. To resume the"
            f" desk: {other.cure}"
        )
    return f"zone {other.scope.removeprefix('zone-')} is still {other.state}{why}. To resume it: {other.cure}"


def _acknowledge(record: StateRecord, *, as_json: bool) -> None:
    """Say what holds here at once; then what the second place says, where there is one."""
    if as_json:
        sys.stdout.write(json.dumps({**asdict(record), **_second(tell(record))}, indent=2) + "\n")
        return
    _print(record)
    sys.stdout.flush()
    elsewhere = tell(record)
    if elsewhere:
        typer.echo(f"second place: {elsewhere}", err=elsewhere.startswith("NOT"))


def _second(elsewhere: str) -> dict[str, str]:
    return {"second_place": elsewhere} if elsewhere else {}


def _print(record: StateRecord) -> None:
    why = f": {record.reason}" if record.reason else ""
    who = f" (by {record.actor}, {_to_the_second(record.since_utc)})" if record.actor else ""
    typer.echo(f"{record.scope} {record.state}{why}{who}")


def _to_the_second(instant: str) -> str:
    """An instant to the second, as in every table. Text that is not an instant stays as it is."""
    try:
        return datetime.fromisoformat(instant).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except ValueError:
        return instant


if __name__ == "__main__":
    main()
