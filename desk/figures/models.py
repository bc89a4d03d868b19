"""The versions that count today: which one serves, which run in its shadow, which wait for a person."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.version import PRICE_FAMILY, SPREAD_FAMILY, ModelVersion

Part = Literal["champion", "challenger", "waits for a person"]
_FAMILIES = {"price": PRICE_FAMILY, "spread": SPREAD_FAMILY}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """One version of a zone's model, and the part that it has today."""

    zone: str
    model: str
    """price or spread"""
    version: str
    part: Part
    kind: str
    trained_through: date
    serves_from: date
    cause: str

    def row(self) -> dict[str, Any]:
        """The row of a table or of JSON."""
        return asdict(self)


def model_facts(registry: ModelRegistry, lake: Lake, zone: str) -> list[ModelFacts]:
    """Champion, challengers and versions that wait for a signature, of price and spread."""
    waiting = _awaiting(lake, zone)
    return [
        facts
        for model, family in _FAMILIES.items()
        for facts in _of_family(registry.of_family(family), zone, model, waiting)
    ]


def _of_family(
    registry: ModelRegistry, zone: str, model: str, waiting: set[tuple[str, str]]
) -> Iterator[ModelFacts]:
    serving = registry.champion(zone)
    for version in registry.shown_versions(zone):
        part = _part(version, serving, waiting)
        if part is not None:
            yield ModelFacts(
                zone=zone,
                model=model,
                version=version.version,
                part=part,
                kind=str(version.settings.get("kind") or version.settings.get("name") or version.family),
                trained_through=version.trained_through,
                serves_from=version.serves_from,
                cause=version.tags.get("cause", ""),
            )


def _part(version: ModelVersion, serving: ModelVersion | None, waiting: set[tuple[str, str]]) -> Part | None:
    if serving is not None and version.version == serving.version:
        return "champion"
    if version.stage in ("candidate", "challenger") and (version.name, version.version) in waiting:
        return "waits for a person"
    return "challenger" if version.stage == "challenger" else None


def _awaiting(lake: Lake, zone: str) -> set[tuple[str, str]]:
    """Registered model and version of those whose newest decision asks for a signature."""
    newest = (
        lake.read("promotion_decisions", zones=[zone])
        .sort("decided_at_utc")
        .unique(["model", "candidate_version"], keep="last", maintain_order=True)
        .filter(pl.col("action") == "await_sign_off")
    )
    names = newest.select(pl.col("model").fill_null(f"{PRICE_FAMILY}.{zone}"), "candidate_version")
    return set(names.iter_rows())
