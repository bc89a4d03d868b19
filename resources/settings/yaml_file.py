"""The reader of every YAML file of settings. It is strict, and its errors name the file and the line."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from spot.errors import ConfigurationError
from spot.wrong_settings import Place, Settings, WrongSettingsError, checked_settings, nearest

_MAXIMUM_NODES = 50_000
"""Most settings in a file. Aliases count each time, so a short file cannot expand to a huge one."""
_MAXIMUM_DEPTH = 40
"""Chosen by hand: settings nest a few levels. A deeper file could exhaust the recursion of the reader."""
_TAG = "tag:yaml.org,2002:"
_TAGS = {_TAG + name for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")}
_MERGE = _TAG + "merge"


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A file of settings as it was read."""

    name: str
    """Path of the file."""
    content: dict[str, Any]
    lines: Mapping[Place, int]
    """Place of each setting to its line, from 1."""

    def line_of(self, place: Place) -> int:
        """The line of a setting, or of the nearest one above it that the file has."""
        return next((self.lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in self.lines), 1)

    def check(self, model: type[Settings]) -> Settings:
        """The settings that the file holds.

        Raises:
            ConfigurationError: a setting is wrong; the message names its line.
        """
        with self.naming_lines():
            return checked_settings(model, self.content, subject=self.name)

    @contextmanager
    def naming_lines(self) -> Iterator[None]:
        """Add file and lines to the errors of settings of this file that are raised inside the block.

        Raises:
            ConfigurationError: something inside raised `WrongSettingsError`.
        """
        try:
            yield
        except WrongSettingsError as error:
            told = sorted((self.line_of(one.place), str(one)) for one in error.wrong)
            raise ConfigurationError(
                f"{self.name}: " + "; ".join(f"line {line}: {text}" for line, text in told)
            ) from error


def read_yaml(path: Path) -> SettingsFile:
    """The settings in the file at `path`.

    Raises:
        ConfigurationError: there is no such file, it is not a mapping in YAML, or a name is given twice in
            it.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        others = sorted(other.stem for other in path.parent.glob(f"*{path.suffix}"))
        hint = f": {nearest(path.stem, others)}" if others else ""
        raise ConfigurationError(f"there is no file {path}{hint}") from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror or error}") from error
    return parse_yaml(content, str(path))


def parse_yaml(content: bytes, name: str) -> SettingsFile:
    """The settings in `content`. `name` is the name of the file in errors.

    Raises:
        ConfigurationError: as `read_yaml`.
    """
    loader = _Loader(_text(content, name))
    try:
        root = loader.get_single_node()
        if root is None:
            raise ConfigurationError(f"{name}: is empty, expected settings (name: value)")
        if not isinstance(root, yaml.MappingNode):
            raise ConfigurationError(f"{name}: line {_line(root)}: expected a mapping (name: value)")
        lines = _Lines(name)
        lines.walk(root, ())
        return SettingsFile(name, loader.construct_document(root), lines.found)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f"line {mark.line + 1}: "
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise ConfigurationError(f"{name}: {where}not valid YAML: {what}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{name}: not valid YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ConfigurationError(f"{name}: lists or mappings are nested too deeply") from error
    finally:
        loader.dispose()


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            f"{name}: line {line}: holds bytes that are not UTF-8: save the file as UTF-8"
        ) from error


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


class _Loader(yaml.CSafeLoader):
    """The safe loader. A value that cannot be read as a number or a day is an error of the file."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, OverflowError) as error:
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.value[:40]!r} cannot be read: put text in quotes", node.start_mark
            ) from error


@dataclass(slots=True)
class _Lines:
    """Finds the line of each setting and refuses what is ambiguous."""

    name: str
    found: dict[Place, int] = field(default_factory=dict)
    n_nodes: int = 0

    def walk(self, node: yaml.Node, place: Place) -> None:
        """Note the lines of everything below `node`, which stands at `place`."""
        self.n_nodes += 1
        if self.n_nodes > _MAXIMUM_NODES or len(place) > _MAXIMUM_DEPTH:
            raise self._refusal(node, "too many entries, or lists and mappings nested too deeply")
        if node.tag not in _TAGS:
            raise self._refusal(node, f"the tag {node.tag.removeprefix(_TAG)} is not allowed in settings")
        self.found.setdefault(place, _line(node))
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, place)
        elif isinstance(node, yaml.SequenceNode):
            for position, entry in enumerate(node.value):
                self.walk(entry, (*place, position))

    def _mapping(self, node: yaml.MappingNode, place: Place) -> None:
        own: dict[str, int] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                continue
            if key.tag != f"{_TAG}str":
                shown = key.value if isinstance(key, yaml.ScalarNode) else "of a setting"
                raise self._refusal(key, f"the name {shown} is not text for YAML: put it in quotes")
            if key.value in own:
                raise self._refusal(
                    key, f"{key.value} is given twice, first on line {own[key.value]}: keep one of the two"
                )
            own[key.value] = _line(key)
            self.found[(*place, key.value)] = _line(key)
            self.walk(value, (*place, key.value))
        for key, value in node.value:
            if key.tag == _MERGE:
                for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    self.walk(merged, place)

    def _refusal(self, node: yaml.Node, problem: str) -> ConfigurationError:
        return ConfigurationError(f"{self.name}: line {_line(node)}: {problem}")
