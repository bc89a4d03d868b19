"""Strategies: those of Spotdesk, and those of installed packages (entry points `spotdesk.strategies`)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from resources.plugins.registry import Registry, missing_methods
from resources.plugins.source_code import source_hash

if TYPE_CHECKING:
    from spot.strategy.interface import Strategy


def _built_in() -> "Mapping[str, type[Strategy]]":
    from spot.strategy.strategies import STRATEGIES as OWN

    return OWN


def _missing(name: str, found: type[Any]) -> list[str]:
    from spot.strategy.interface import Strategy
    from spot.strategy.strategies import strategy_name

    if lacks := missing_methods(found, Strategy):
        return lacks
    own = strategy_name(found)
    if own != name:
        return [f"its field `strategy` has the default {own!r}, the entry point is called {name!r}"]
    return []


def _with_code_version(found: "type[Strategy]") -> None:
    """Its signals carry the hash of its source in `settings_hash`."""
    found.code_version = source_hash(found)


STRATEGIES: "Registry[type[Strategy]]" = Registry(
    "spotdesk.strategies", _built_in, _missing, _with_code_version
)
"""Name, as `strategy` in `conf/strategies/*.yaml`, to class."""
