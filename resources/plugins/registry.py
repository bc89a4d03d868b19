"""A registry of one kind of class: those of Spotdesk, and those of installed packages.

A package names its classes by entry points
(https://packaging.python.org/en/latest/specifications/entry-points/). The names are read from the metadata of
the packages. A class is imported when somebody asks for it, so a broken plug-in only affects those who ask
for it. A plug-in never replaces a class of Spotdesk.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from resources.plugins.source_code import source_hash
from spot.errors import ConfigurationError

Class = TypeVar("Class", bound=type[Any])


def _as_it_is(_found: type[Any]) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration(Generic[Class]):
    """One name of a registry, and its class."""

    name: str
    found: Class | None
    """The class; None where it cannot be used."""
    package: str = ""
    """The package that provides it, and its version; empty for Spotdesk's own."""
    problem: str = ""
    """Why it cannot be used: which package, which entry point, what is missing."""


@dataclass(frozen=True, eq=False)
class Registry(Mapping[str, Class], Generic[Class]):
    """Name to class. Reading a name imports its class. Listing the names imports no plug-in.

    `d[name]` raises KeyError for an unknown name and ConfigurationError for a plug-in that cannot be used.
    """

    group: str
    """Group of the entry points."""
    load_built_in: Callable[[], Mapping[str, Class]]
    missing: Callable[[str, type[Any]], list[str]]
    """What a class lacks to be registered under a name, in words; empty if it lacks nothing."""
    prepare: Callable[[Class], None] = _as_it_is
    """Called with each usable class of a plug-in before anybody gets it."""
    _loaded: dict[str, Class] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Class:
        """The class. That of a plug-in is checked first.

        Raises:
            KeyError: there is no such name.
            ConfigurationError: a plug-in cannot be imported or lacks a part of the interface.
        """
        if name in self.built_in:
            return self.built_in[name]
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.built_in
        yield from (name for name in self.plugins if name not in self.built_in)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self.built_in or name in self.plugins

    @cached_property
    def built_in(self) -> Mapping[str, Class]:
        """Name to class of Spotdesk's own."""
        return self.load_built_in()

    @cached_property
    def plugins(self) -> dict[str, list[EntryPoint]]:
        """Name to the entry points of installed packages, sorted by name.

        More than one where packages clash.
        """
        found: dict[str, list[EntryPoint]] = {}
        for point in sorted(entry_points(group=self.group), key=lambda one: (one.name, one.value)):
            found.setdefault(point.name, []).append(point)
        return found

    def registrations(self) -> list[Registration[Class]]:
        """Everything registered, with the reason where it cannot be used. It imports every plug-in."""
        own = [Registration(name=name, found=found) for name, found in self.built_in.items()]
        return [*own, *(self._registration(name) for name in self.plugins)]

    def package_of(self, name: str) -> str:
        """The package that brings a name and its version; empty for Spotdesk's own and for unknown names."""
        points = () if name in self.built_in else self.plugins.get(name, ())
        return " and ".join(_package(point) for point in points)

    def source_hash(self, name: str) -> str:
        """Hash of the source of the package that brings a name; empty for Spotdesk's own.

        Raises:
            KeyError, ConfigurationError: as reading the name does.
        """
        return "" if name in self.built_in else source_hash(self[name])

    def forget(self) -> None:
        """Read the installed packages again at the next question: for tests, and after an installation."""
        self._loaded.clear()
        self.__dict__.pop("plugins", None)

    def _registration(self, name: str) -> Registration[Class]:
        package = " and ".join(_package(point) for point in self.plugins[name])
        if name in self.built_in:
            problem = f"{self.plugins[name][0].value}: the name {name!r} is that of a class of Spotdesk"
            return Registration(name=name, found=None, package=package, problem=problem)
        try:
            return Registration(name=name, found=self[name], package=package)
        except ConfigurationError as error:
            return Registration(name=name, found=None, package=package, problem=str(error))

    def _load(self, name: str) -> Class:
        points = self.plugins.get(name)
        if points is None:
            raise KeyError(name)
        where = f"plug-in {name!r} of {self.group}, {self.package_of(name)} ({points[0].value})"
        if len(points) > 1:
            raise ConfigurationError(
                f"{where}: more than one package brings this name; uninstall all but one"
            )
        try:
            found = points[0].load()
        except (
            Exception
        ) as error:  # foreign code may raise anything on import; a broken plug-in must not stop the others
            raise ConfigurationError(
                f"{where}: cannot be imported: {type(error).__name__}: {error}"
            ) from error
        lacks = self.missing(name, found) if inspect.isclass(found) else ["it is not a class"]
        if lacks:
            raise ConfigurationError(f"{where}: {'; '.join(lacks)}")
        fit: Class = found
        self.prepare(fit)
        return fit


def missing_methods(found: type[Any], base: type[Any]) -> list[str]:
    """What a class lacks to be a whole subclass of `base`, in words."""
    if not issubclass(found, base):
        return [f"it does not derive from {base.__module__}.{base.__qualname__}"]
    abstract = sorted(getattr(found, "__abstractmethods__", ()))
    return [f"it lacks {', '.join(abstract)}"] if abstract else []


def _package(point: EntryPoint) -> str:
    return "an unknown package" if point.dist is None else f"{point.dist.name} {point.dist.version}"
