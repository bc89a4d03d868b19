"""`--home`, which every command takes, and the desk that a command needs before it runs."""

import functools
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from desk.screen.voice import refuse_no_numbers
from resources.home.find import chosen_home, is_named, nearest_desk, state_home
from resources.settings.process import variable
from spot.errors import ConfigurationError

_STOPS = frozenset({"halt", "reduce", "resume", "state", "watch"})
"""Commands that work whatever the settings say."""


class Need(Enum):
    """What a command needs of a desk."""

    DESK = auto()
    """A desk of this format."""
    DESK_OR_NEW = auto()
    """A desk. In a checkout without one, a desk is made."""
    IF_THERE = auto()
    """A desk where one is named or near. Without one, the templates are its settings."""
    NOTHING = auto()
    """The command looks for a desk itself."""


NEEDS: dict[str, Need] = {
    "init": Need.NOTHING,
    "demo": Need.NOTHING,
    "run": Need.NOTHING,
    "restore": Need.NOTHING,
    "upgrade": Need.NOTHING,
    "halt": Need.NOTHING,
    "reduce": Need.NOTHING,
    "resume": Need.NOTHING,
    "state": Need.NOTHING,
    "watch": Need.NOTHING,
    "books": Need.NOTHING,
    "dev": Need.DESK_OR_NEW,
    "backtest": Need.IF_THERE,
    "benchmark": Need.IF_THERE,
    "validate": Need.NOTHING,
    "sample-files": Need.IF_THERE,
    "zones": Need.IF_THERE,
    "sources": Need.IF_THERE,
    "strategies": Need.IF_THERE,
    "profiles": Need.IF_THERE,
}
"""Commands that are not named here need a desk."""


HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        help="Folder of the desk.  \\[default: SPOTDESK_HOME, else the nearest desk upwards]",
        show_default=False,
    ),
]


def with_home(command: Any, name: str) -> Any:
    """The command with the option `--home`, whose need is met before it runs; sub-commands too."""
    for inner in getattr(command, "commands", {}).values():
        with_home(inner, name)
    if getattr(command, "commands", None) is None:
        command.params.append(_home_parameter())
        command.callback = _at_home(command.callback, NEEDS.get(name, Need.DESK), name)
    return command


def _at_home(run: Callable[..., Any], need: Need, name: str) -> Callable[..., Any]:
    @functools.wraps(run)
    def at_home(*args: Any, home: Path | None = None, **options: Any) -> Any:
        refuse_no_numbers(options)
        with chosen_home(home):
            _meet(need)
            _know_own_zones(is_stop=name in _STOPS)
            return run(*args, **options)

    return at_home


def _meet(need: Need) -> None:
    if need is Need.NOTHING or (need is Need.IF_THERE and not _is_desk_there()):
        return
    from resources.home.open import open_desk, open_or_make_desk

    opened = open_or_make_desk() if need is Need.DESK_OR_NEW else open_desk()
    if opened.note:
        typer.echo(opened.note, err=True)


def _know_own_zones(*, is_stop: bool) -> None:
    """Zones that the desk describes are known before a command looks for one.

    Settings that cannot be read keep no command from stopping trading.
    """
    file = Path(variable("SPOTDESK_CONF") or state_home() / "conf") / "zones.yaml"
    try:
        if not file.is_file() or b"own_zones" not in file.read_bytes():
            return
        from resources.market.own_zones import know_own_zones

        know_own_zones(file)
    except (OSError, ConfigurationError):
        if not is_stop:
            raise


def _is_desk_there() -> bool:
    return is_named() or nearest_desk(Path.cwd()) is not None


def _home_parameter() -> Any:
    """The option as the library makes it of a function's argument."""

    def holder(home: HomeOption = None) -> None: ...

    app = typer.Typer(rich_markup_mode="rich", add_completion=False)
    app.command()(holder)
    return get_command(app).params[0]
