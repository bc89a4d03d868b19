"""`spotdesk`: every command of the desk, and one way to fail.

Exit codes: 0 done; 1 a figure, a check or a verdict failed; 2 the command or the configuration is wrong; 130
interrupted. A command's module is imported when the command runs, so that `spotdesk halt` does not wait for
libraries that it does not need.
"""

import sys
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from desk.screen.voice import completed, error_json, modern
from desk.setup.home_option import HomeOption, with_home
from resources.home.find import chosen_home, state_home
from spot.errors import SpotdeskError

GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Begin": {
        "demo": (
            "desk.demo.command",
            "The whole loop on a simulated market: data, models, paper trades, drift, a new champion.",
        ),
        "init": ("desk.setup.init", "Set up the desk: zones, their source, a token."),
        "upgrade": ("desk.setup.upgrade", "Upgrade the desk of an older Spotdesk to this version."),
        "backup": ("desk.setup.backup", "Write the whole desk to one file, while its runs go on."),
        "restore": ("desk.setup.backup", "Make a desk from a backup. It starts halted and on paper."),
        "doctor": (
            "desk.setup.doctor",
            "Show what is reachable, fresh and missing, and what a zone lacks to trade.",
        ),
        "assess": (
            "desk.assessment.command",
            "Load, train and backtest a zone, propose limits, and say whether to trade it.",
        ),
        "run": ("desk.trading.run", "Run the chain from data to settled signals, for a range of days."),
        "dev": ("desk.setup.dev", "Open the lineage graph on 127.0.0.1."),
        "watch": ("desk.watch.command", "Watch the desk from a small separate process, and raise alarms."),
        "screen": ("desk.trader_screen.command", "Serve the trader's screen on 127.0.0.1."),
        "metrics": ("desk.metrics.command", "Print the figures of the desk for Prometheus, or serve them."),
        "service": ("desk.setup.service", "Run one part of the desk: code, daemon, web or worker."),
        "share": ("desk.setup.service", "Let several hosts open the folder of the desk."),
        "users": ("desk.setup.users", "Who may log in to the UI, and as what."),
    },
    "Every day": {
        "status": (
            "desk.trading.status",
            "Show whether each zone can trade tomorrow, and what a person must do.",
        ),
        "signals": (
            "desk.trading.signals",
            "Show what to buy and sell on a day, why, and until when it holds.",
        ),
        "pnl": ("desk.every_day.commands", "Show what the desk earned: day, seven days, month."),
        "day": ("desk.every_day.day", "Why a day earned or lost what it did; the message of the day."),
        "whatif": ("desk.every_day.what_if", "Show forecast, orders and money with other inputs."),
        "override": (
            "desk.every_day.override",
            "Change an order before the gate, within the limits, or leave it out.",
        ),
        "overrides": ("desk.every_day.override", "Show what people's changes of orders earned."),
        "fills": ("desk.every_day.fills", "Show signals beside what was sent and filled."),
        "positions": ("desk.every_day.commands", "Show what the desk holds for coming deliveries."),
        "limits": ("desk.every_day.commands", "Show how much of each limit is used, and the headroom."),
        "stress": ("desk.every_day.stress", "Show joint value at risk and stress tests of a day."),
        "alerts": ("desk.every_day.commands", "Show alerts and who has acknowledged them."),
        "drift": ("desk.models.drift", "Show the verdicts of a zone's monitors."),
        "sql": ("desk.data.sql", "Query the analyst database, read-only."),
        "export": ("desk.data.export", "Write a table as Parquet or Arrow, for other tools."),
        "notebook": ("desk.data.notebook", "Open a notebook on the desk, or list the notebooks."),
    },
    "Stop": {
        "halt": ("desk.trading.stop", "Stop trading at once, a zone or the whole desk."),
        "reduce": ("desk.trading.stop", "Allow only orders that make open positions smaller."),
        "resume": ("desk.trading.stop", "Trade again after a halt; asks for a reason."),
        "state": ("desk.trading.stop", "Show the trading state of the desk and its zones."),
        "clock": ("desk.trading.clock", "Show whether the clock of the machine is trusted; confirm it."),
        "live": ("desk.trading.live", "Let this desk, and no copy of it, send the orders of a zone."),
        "paper": ("desk.trading.live", "Let a zone trade on paper again: no order leaves."),
    },
    "Models": {
        "models": (
            "desk.models.group",
            "List the versions of a zone's model: which one serves, its training data, its verdict.",
        ),
        "compare": ("desk.models.compare", "Compare two versions, in error and in money."),
        "worth": ("desk.models.worth", "What each input of a model is worth, in error and in money."),
        "retrain": ("desk.models.retrain", "Train a new version of a zone's models now."),
        "promote": ("desk.models.champion", "Let a version serve, on a person's responsibility."),
        "rollback": ("desk.models.champion", "Let an earlier version serve again, at once."),
        "explain-decision": (
            "desk.models.decisions",
            "Show why a version was rejected, promoted or rolled back.",
        ),
        "replay": ("desk.models.replay", "Make a past signal or forecast again, bit for bit."),
        "dossier": (
            "desk.models.dossier",
            "Write the records of a version for supervision, as one HTML page.",
        ),
    },
    "Trust": {
        "settings": ("desk.setup.settings", "Show which settings are in force, or accept a change of them."),
        "books": (
            "desk.books.command",
            "Check that no record was changed; make the key, or the certificate of a signal.",
        ),
    },
    "Measure": {
        "backtest": (
            "desk.trading.backtest",
            "Show what a strategy would have earned, compared with naive ones.",
        ),
        "benchmark": (
            "desk.benchmark.command",
            "Measure how good the forecasts are and what they cost, compared with published ones.",
        ),
        "validate": (
            "desk.validation.command",
            "Replay a recorded desk with this code beside what serves, and say what changed.",
        ),
    },
    "Data": {
        "ingest": (
            "desk.data.ingest",
            "Read a file of market data, or the exchange's report of fills, into the ledger.",
        ),
        "sample-files": (
            "desk.data.sample_files",
            "Write files of a simulated market, to try a desk on files.",
        ),
        "backfill": (
            "desk.data.backfill",
            "Load years of live history into the ledger. It can be interrupted.",
        ),
        "repair": ("desk.data.repair", "List damaged files of the ledger, and take them out of service."),
        "rederive": (
            "desk.data.rederive",
            "Read the captured answers of the providers again, with today's parsers.",
        ),
    },
    "Lists": {
        "zones": ("desk.lists.zones", "List the zones that can be traded."),
        "sources": ("desk.lists.sources", "List the sources of raw rows, and the keys that they need."),
        "strategies": (
            "desk.lists.strategies",
            "List the strategies that a zone can trade, plug-ins included.",
        ),
        "profiles": ("desk.lists.profiles", "List the models that can forecast a zone, plug-ins included."),
    },
}
"""Group of the help, then command to its module and its line. The module holds a function of the same name,
or a typer `app` of sub-commands.
"""
COMMANDS = {
    name: (module, line, group)
    for group, commands in GROUPS.items()
    for name, (module, line) in commands.items()
}


class _Commands(TyperGroup):
    """Commands that are imported when they are called. The general help needs only their lines."""

    shows_lines_only = False

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.shows_lines_only = True
        super().format_help(ctx, formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command, or an error that names the nearest one.

        The library searches among loaded commands only, and none is loaded.
        """
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0].lower(), COMMANDS, n=2)
            ctx.fail(
                f"No such command {args[0]!r}."
                + (
                    f" Did you mean {' or '.join(map(repr, near))}?"
                    if near
                    else " spotdesk --help lists them."
                )
            )
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, modern(name or "", rest, lambda line: typer.echo(line, err=True))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature of the library
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the signature of the library
        if cmd_name not in COMMANDS:
            return None
        module_name, line, group = COMMANDS[cmd_name]
        if self.shows_lines_only:
            return TyperCommand(cmd_name, help=line, rich_help_panel=group)
        return _load(module_name, cmd_name)


def _load(module_name: str, name: str) -> Any:
    module = import_module(module_name)
    command_app: typer.Typer | None = getattr(module, "app", None)
    if command_app is None:
        command_app = typer.Typer(
            pretty_exceptions_enable=False, rich_markup_mode="rich", add_completion=False
        )
        own = getattr(module, "COMMAND_CLASSES", {}).get(name)
        command_app.command(name, cls=own)(getattr(module, name.replace("-", "_")))
    command = get_command(command_app)
    command.name = name
    for one in (command, *getattr(command, "commands", {}).values()):
        completed(one)
    return with_home(command, name)


app = typer.Typer(
    name="spotdesk",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Machine-learning power trading on the spot markets: data, forecasts, signals, and models that keep"
        " themselves right."
    ),
    epilog=("Begin with: spotdesk demo.  Every command takes -h; those that print a table also take --json."),
)


def _say_version(is_asked: bool) -> None:
    if is_asked:
        try:
            number = version("spotdesk")
        except PackageNotFoundError:  # the code lies on the path and was not installed
            number = "unknown"
        typer.echo(f"spotdesk {number}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    home: HomeOption = None,
    _shows_version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Every command of the desk."""
    context.with_resource(chosen_home(home))


def main() -> None:
    """Run the command line.

    An error is one line on standard error and exit code 2; that of a fault of Spotdesk names a file with the
    trace. With `--json` the error is on standard output too, as `{"error": {...}}`.
    """
    as_json = "--json" in sys.argv[1:]
    try:
        code = app(standalone_mode=not as_json)
    except SpotdeskError as error:
        _fail(type(error).__name__, str(error), as_json=as_json)
    except _CommandError as error:
        _fail("UsageError", error.format_message(), as_json=as_json, exit_code=error.exit_code)
    except typer.Abort:
        _fail("Aborted", "nothing was done", as_json=as_json, exit_code=1)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of a Rust library is no Exception
        from desk.screen.failures import failure_line

        kind, _, message = failure_line(error, state_home()).partition(": ")
        _fail(kind, message, as_json=as_json)
    if isinstance(code, int) and code:
        sys.exit(code)


_CommandError: Any = typer.BadParameter.__mro__[2]
"""The library's own class of every error of a command line, which it does not name in public."""


def _fail(kind: str, message: str, *, as_json: bool, exit_code: int = 2) -> NoReturn:
    typer.echo(f"{kind}: {message}", err=True)
    if as_json:
        typer.echo(error_json(kind, message, exit_code))
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
