"""Whether every champion can serve: its files are those that were registered, and can be read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from resources.models.registry import ModelRegistry
from resources.models.version import PRICE_FAMILY, SPREAD_FAMILY, ModelVersion
from spot.errors import SpotdeskError
from spot.strategy.spread.model import CatBoostSpread


@dataclass(frozen=True, slots=True)
class LoadedChampion:
    """One champion, and why it cannot serve; an empty `problem` means that it can."""

    zone: str
    family: str
    version: str
    problem: str


def verify_champions(registry: ModelRegistry, zones: Iterable[str]) -> Iterator[LoadedChampion]:
    """Load the champion of every zone and family that has one."""
    for zone in zones:
        for family in (PRICE_FAMILY, SPREAD_FAMILY):
            own = registry.of_family(family)
            champion = own.champion(zone)
            if champion is not None:
                yield LoadedChampion(zone, family, champion.version, _problem(own, family, champion))


def _problem(registry: ModelRegistry, family: str, champion: ModelVersion) -> str:
    try:
        if family == PRICE_FAMILY:
            registry.load(champion.zone, champion.version)
        else:
            CatBoostSpread.from_files(registry.files(champion))
    except SpotdeskError as error:
        return str(error)
    return ""
