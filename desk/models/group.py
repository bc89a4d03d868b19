"""`spotdesk models` and its sub-commands. Without one it lists the versions of a zone."""

from typing import Any

import typer
from typer.core import TyperGroup

from desk.models.carry import export, import_
from desk.models.pin import pin, unpin
from desk.models.versions import models
from desk.validation.verify import verify

_LIST = "list"


class _ListsByDefault(TyperGroup):
    """`spotdesk models --zone Z` is `spotdesk models list --zone Z`."""

    default_command = _LIST
    """What it does where no sub-command is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = [self.default_command, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ListsByDefault,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
    help="List the versions of a zone's model, carry one to another registry, or pin the one that serves.",
)
app.command(_LIST)(models)
app.command("export")(export)
app.command("import")(import_)
app.command()(pin)
app.command()(unpin)
app.command()(verify)
