"""Options that the commands on model versions share, and the registry that they select."""

from enum import StrEnum
from typing import Annotated

import typer

from resources.models.registry import ModelRegistry
from resources.models.version import SPREAD_FAMILY
from resources.settings.environment import Environment
from resources.wiring import make_registry

ZoneOption = Annotated[str, typer.Option("--zone", help="Bidding zone.")]
ByOption = Annotated[str, typer.Option("--by", help="Your name, for the record.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the record.")]


class Family(StrEnum):
    """Which models: of the day-ahead price, or of the spread to the second price of a strategy."""

    PRICE = "price"
    SPREAD = "spread"


FamilyOption = Annotated[
    Family, typer.Option("--model", help="Of the day-ahead price, or of the spread that a strategy trades.")
]


def registry_of(environment: Environment, model: Family) -> ModelRegistry:
    """The registry of the family that a command selects."""
    registry = make_registry(environment)
    return registry.of_family(SPREAD_FAMILY) if model is Family.SPREAD else registry
