"""One voice: old names of options, errors as JSON, and words that a shell completes.

It is quick to import, because `spotdesk halt` uses it.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

import typer

OLD_NAMES: dict[str, dict[str, str]] = {
    "halt": {"--name": "--by"},
    "reduce": {"--name": "--by"},
    "resume": {"--name": "--by"},
    "run": {"--model": "--profile"},
    "backtest": {"--model": "--profile", "--spread": "--distribution"},
    "benchmark": {"--model": "--forecaster"},
    "compare": {"--html": "--report"},
    "retrain": {"--through": "--to"},
    "rollback": {"--to": "--version"},
    "watch": {"--every-seconds": "--every"},
    "books": {"--out": "--output"},
}
"""Command to options that had another name before 0.3. They still work, with a word on standard error."""


def modern(command: str, words: Sequence[str], tell: Callable[[str], None]) -> list[str]:
    """The words of a command with today's names of options; `tell` gets a line for each old one."""
    renamed, found = OLD_NAMES.get(command, {}), []
    for word in words:
        name, equals, value = word.partition("=")
        if name in renamed:
            tell(f"{name} of spotdesk {command} is {renamed[name]} now, and the old name will be removed")
        found.append(renamed.get(name, name) + equals + value)
    return found


def error_json(kind: str, message: str, exit_code: int) -> str:
    """An error for a script: what it is, in words, and the exit code."""
    told = {"error": {"kind": kind, "message": message, "exit_code": exit_code}}
    return json.dumps(told, indent=2, ensure_ascii=False)


def refuse_no_numbers(options: Mapping[str, Any]) -> None:
    """Refuse what a shell can write as a number and no command can use.

    Raises:
        BadParameter: an option is nan or infinite; no bound of an option refuses nan.
    """
    for name, value in options.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise typer.BadParameter(f"--{name.replace('_', '-')} must be a number, not {value}")


def completed(command: Any) -> None:
    """Let a shell complete zones, profiles, strategies and sources: options and arguments of these names."""
    for parameter in command.params:
        words = _profiles if "--profile" in parameter.opts else _WORDS.get(parameter.name)
        kind = parameter.type_descriptor.annotation
        if words is not None and not (isinstance(kind, type) and issubclass(kind, Enum)):
            parameter._custom_shell_complete = _completer(words)  # noqa: SLF001 - it has no public name


def _completer(words: Callable[[], Iterable[str]]) -> Callable[[Any, Any, str], list[str]]:
    def complete(context: Any, parameter: Any, incomplete: str) -> list[str]:  # noqa: ARG001 - of the library
        return [word for word in sorted(words()) if word.upper().startswith(incomplete.upper())]

    return complete


def _zones() -> Iterable[str]:
    from spot.market.zones import TRADED_ZONES, find_zone

    return [name for name in TRADED_ZONES if find_zone(name).last_day is None]


def _files(kind: Any) -> Iterable[str]:
    from resources.plugins.shipped import settings_files
    from resources.settings.environment import read_environment

    return settings_files(read_environment().settings_folder, kind)


def _profiles() -> Iterable[str]:
    return _files("models")


def _strategies() -> Iterable[str]:
    return _files("strategies")


def _sources() -> Iterable[str]:
    from resources.plugins.sources import SOURCES

    return (*SOURCES, "files", "simulated")


def _tables() -> Iterable[str]:
    from spot.contracts.tables import TABLES

    return TABLES


_WORDS: dict[str, Callable[[], Iterable[str]]] = {
    "zone": _zones,
    "zones": _zones,
    "strategy": _strategies,
    "source": _sources,
    "fallback": _sources,
    "table": _tables,
}
"""Name of a parameter to the words that it may be."""
