"""Every command of `spotdesk` with wrong words for each option, made from what the command asks for."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from typer.main import get_command

from desk.main import app

_RIGHT = {
    "zone": "DE_LU",
    "zones": "DE_LU",
    "by": "Ann",
    "reason": "a test",
    "source": "simulated",
    "query": "select 1",
    "name": "ann",
    "role": "trader",
}
_WRONG_NUMBERS = ("-1", "9" * 30, "x")
_WRONG_WORDS = ("nonsense", "", "../../etc", "x" * 5000, "a\x00b", "9999-12-31", "-1")


def command_lines(places: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Command lines with one wrong word each; `places` are paths that no command can use."""
    for words, command in _leaves(get_command(app), ()):
        if not any(one.required for one in command.params):
            yield (*words, "--no-such-option")
        for parameter in command.params:
            for wrong in _wrong(parameter, places):
                yield (*words, *_right_words(command, parameter), *_spoken(parameter, wrong))


def _leaves(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "list_commands"):
        yield words, command
        return
    context = command.make_context("spotdesk", [], resilient_parsing=True)
    for name in command.list_commands(context):
        yield from _leaves(command.get_command(context, name), (*words, name))


def _wrong(parameter: Any, places: Sequence[str]) -> Sequence[str]:
    kind = parameter.type_descriptor.annotation
    if kind is bool or getattr(parameter, "is_flag", False):
        return ()
    if kind is Path:
        return places
    if kind in (int, float):
        return (*_WRONG_NUMBERS, "nan") if kind is float else _WRONG_NUMBERS
    if kind is datetime:
        return ("2025-13-01", "yesterday", "0001-01-01", "9999-12-31")
    return _WRONG_WORDS


def _right_words(command: Any, left_out: Any) -> Iterator[str]:
    """Words for what else the command must have."""
    for parameter in command.params:
        if parameter.required and parameter is not left_out:
            yield from _spoken(parameter, _right(parameter))


def _right(parameter: Any) -> str:
    kind = parameter.type_descriptor.annotation
    if kind is datetime:
        return "2025-03-02" if parameter.name.startswith(("last", "to")) else "2025-03-01"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return str(next(iter(kind)).value)
    return _RIGHT.get(parameter.name, "1")


def _spoken(parameter: Any, word: str) -> tuple[str, ...]:
    option = next((name for name in parameter.opts if name.startswith("--")), None)
    return (word,) if option is None else (f"{option}={word}",)
