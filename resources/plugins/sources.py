"""Live sources: the providers of Spotdesk, and those of installed packages (entry points `spotdesk.sources`).

A module in `resources/providers` with a class that derives from `Provider` is a source of the module's name.
It is imported when somebody asks for the source, because the modules import an HTTP library that most
commands do not need.
"""

import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

import resources.providers
from resources.plugins.registry import Registry, missing_methods
from spot.errors import ConfigurationError
from spot.wrong_settings import nearest

if TYPE_CHECKING:
    from resources.providers.provider import Provider, Secret

NOT_LIVE = ("simulated", "files")
"""Sources without a provider: the simulated market, and recorded or own files."""
_SHARED = frozenset({"http", "provider"})
"""Modules in `resources/providers` that all providers use."""


class _ProviderModules(Mapping[str, "type[Provider]"]):
    """Module name to the provider in it, imported when it is read."""

    @cached_property
    def _names(self) -> tuple[str, ...]:
        found = pkgutil.iter_modules(resources.providers.__path__)
        return tuple(sorted({module.name for module in found} - _SHARED))

    def __getitem__(self, name: str) -> "type[Provider]":
        if name not in self._names:
            raise KeyError(name)
        from resources.providers.provider import Provider

        module = import_module(f"resources.providers.{name}")
        (found,) = (
            one
            for _, one in inspect.getmembers(module, inspect.isclass)
            if one.__module__ == module.__name__ and issubclass(one, Provider)
        )
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names


def _missing(name: str, found: type[Any]) -> list[str]:
    from resources.providers.provider import Provider

    if lacks := missing_methods(found, Provider):
        return lacks
    needed = ("name", "summary", "policy", "longest_span_days")
    own = getattr(found, "name", None)
    if own is not None and own != name:
        return [f"its name is {own!r}, the entry point is called {name!r}"]
    annotated = {key for one in found.__mro__ if one is not Provider for key in inspect.get_annotations(one)}
    lacks = [key for key in needed if key not in annotated and not hasattr(found, key)]
    return [f"it lacks {', '.join(lacks)}"] if lacks else []


SOURCES: "Registry[type[Provider]]" = Registry("spotdesk.sources", _ProviderModules, _missing)
"""Name, as in the column `source`, to class of provider."""


def is_live(source: str) -> bool:
    """Whether the name has a provider, usable or not."""
    return source in SOURCES


def feeds() -> tuple[str, ...]:
    """Names that a zone may have as its source. Which zones a plug-in can feed is known when it is used."""
    own = (name for name, found in SOURCES.built_in.items() if found.feeds_zones)
    return (*NOT_LIVE, *own, *(name for name in SOURCES if name not in SOURCES.built_in))


def is_feed(name: str) -> bool:
    """Whether a zone may have the source of this name. No plug-in is imported."""
    if name in NOT_LIVE:
        return True
    return SOURCES.built_in[name].feeds_zones if name in SOURCES.built_in else name in SOURCES


def check_feed(name: str) -> str:
    """The name, if a zone may have the source.

    Raises:
        ConfigurationError: it may not. The message gives the nearest name, or all of them.
    """
    if is_feed(name):
        return name
    raise ConfigurationError(f"no source {name!r}: {nearest(name, feeds())}")


def all_secrets() -> "dict[str, Secret]":
    """All secrets of all sources, by name; imports every source."""
    usable = (entry.found for entry in SOURCES.registrations() if entry.found is not None)
    return {secret.name: secret for found in usable for secret in found.secrets}


def secrets_of(name: str) -> "tuple[Secret, ...]":
    """The secrets of a source; empty if the name has no provider.

    Raises:
        ConfigurationError: the plug-in cannot be used.
    """
    return SOURCES[name].secrets if is_live(name) else ()


def secret_lines() -> str:
    """Lines for a new `.env`: each secret of a source, commented out."""
    lines = []
    for entry in SOURCES.registrations():
        for secret in () if entry.found is None else entry.found.secrets:
            page = f" ({entry.found.docs})" if entry.found is not None and entry.found.docs else ""
            lines += [f"# {entry.name}: {secret.what}{page}", f"#{secret.variable}=", ""]
    return "\n".join(lines)
