"""Reference of the command line, read from the commands themselves."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

from desk.main import GROUPS, app

_HEAD = (
    "Made from the code. Exit codes: 0 done; 1 a figure, a check or a verdict failed; 2 the command or the"
    " configuration is wrong; 130 interrupted. Every command takes `-h`. With `--json` an error is on"
    ' standard output too, as `{"error": {"kind": ..., "message": ..., "exit_code": ...}}`. `spotdesk'
    " --install-completion` lets the shell complete commands, options, zones, profiles, strategies, sources"
    " and tables."
)


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below `command` with the words that call it, sub-commands included."""
    if not hasattr(command, "list_commands"):
        yield words, command
        return
    context = typer.Context(command)
    for name in command.list_commands(context):
        yield from leaves(command.get_command(context, name), (*words, name))


def page() -> str:
    """The page: a table of groups, then each command with its words, options and exit codes."""
    parts = [
        "# Commands\n",
        f"{_HEAD}\n",
    ]
    root = get_command(app)
    context = typer.Context(root)
    for group, commands in GROUPS.items():
        parts.append(f"## {group}\n")
        for name in commands:
            command = root.get_command(context, name)  # type: ignore[attr-defined]
            parts += [_part(words, one) for words, one in leaves(command, (name,))]
    return "\n".join(parts)


def _part(words: tuple[str, ...], command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and one.name != "help"]
    call = " ".join(("spotdesk", *words, *(_argument(one) for one in arguments)))
    rows = [f"| `{_spoken(one)}` | {_meaning(one)} |" for one in (*arguments, *options)]
    table = "\n".join(["| word | meaning |", "|---|---|", *rows]) if rows else ""
    return f"### {' '.join(words)}\n\n```\n{call}\n```\n\n{_prose(command.help or '')}\n\n{table}\n"


def _argument(parameter: Any) -> str:
    name = parameter.name.upper()
    return name if parameter.required else f"[{name}]"


def _spoken(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    names = ", ".join((*parameter.opts, *parameter.secondary_opts))
    return names if parameter.is_flag else f"{names} {parameter.metavar or parameter.name.upper()}"


def _meaning(parameter: Any) -> str:
    text = plain(getattr(parameter, "help", "") or "")
    default = parameter.default
    needed = " Needed." if parameter.required else ""
    is_told = default in (None, False, "", ()) or callable(default) or parameter.required
    told = "" if is_told else f" Default: {getattr(default, 'value', default)}."
    return f"{text}{needed}{told}".replace("|", "\\|").replace("\n", " ")


def plain(text: str) -> str:
    """Help without the marks of the terminal's markup."""
    return re.sub(r"\\\[", "[", re.sub(r"\[/?(bold|dim|italic|green|red|yellow|cyan)\]", "", text))


def _prose(text: str) -> str:
    """Help as Markdown; what stands indented in it is code."""
    return plain(inspect.cleandoc(text.replace("\b", "").replace("\f", "")))
