"""`spotdesk models pin`, `unpin`: a version that nothing replaces before a person releases it."""

from desk.models.family import ByOption, Family, FamilyOption, ReasonOption, ZoneOption, registry_of
from desk.screen.console import out
from resources.identity.person import recorded_name
from resources.models.registry import ModelRegistry
from resources.models.version import PINNED, ModelVersion
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError
from spot.market.zones import find_zone

_MAXIMUM_REASON = 200
"""Chosen by hand: one or two sentences, which `spotdesk models` shows in a column."""


def pin(*, zone: ZoneOption, by: ByOption, reason: ReasonOption, model: FamilyOption = Family.PRICE) -> None:
    """Keep the serving version: neither the policy nor a person replaces it until it is released.

    Retraining, shadow and judging go on, and what would have been promoted waits for a person.

    Exit code 2: no version serves, or a name or a reason is missing.
    """
    registry = registry_of(read_environment(), model)
    serving = _serving(registry, find_zone(zone).name)
    if serving.pinned:
        raise ConfigurationError(f"{serving.label} of {serving.zone} is pinned already: {serving.pinned}")
    said = f"by {_named(by)} on {utc_now():%Y-%m-%d}: {_reason(reason)}"
    registry.set_tag(serving.zone, serving.version, PINNED, said)
    out.print(f"{serving.label} of {serving.zone} is pinned: nothing replaces it", highlight=False)


def unpin(
    *, zone: ZoneOption, by: ByOption, reason: ReasonOption, model: FamilyOption = Family.PRICE
) -> None:
    """Release a pinned version. What waits is judged at the next review, or promoted by a person.

    Exit code 2: the serving version is not pinned, or a name or a reason is missing.
    """
    registry = registry_of(read_environment(), model)
    serving = _serving(registry, find_zone(zone).name)
    if not serving.pinned:
        raise ConfigurationError(f"{serving.label} of {serving.zone} is not pinned: nothing was changed")
    registry.set_tag(
        serving.zone,
        serving.version,
        "released",
        f"by {_named(by)} on {utc_now():%Y-%m-%d}: {_reason(reason)}",
    )
    registry.set_tag(serving.zone, serving.version, PINNED, "")
    out.print(f"{serving.label} of {serving.zone} is released", highlight=False)


def _serving(registry: ModelRegistry, zone: str) -> ModelVersion:
    serving = registry.champion(zone)
    if serving is None:
        raise ConfigurationError(f"zone {zone} has no champion, so there is nothing to pin or release")
    return serving


def _named(by: str) -> str:
    if not by.strip():
        raise ConfigurationError("the name of a person is missing (--by)")
    return recorded_name(by)


def _reason(reason: str) -> str:
    said = " ".join(reason.split())
    if not said or len(said) > _MAXIMUM_REASON:
        raise ConfigurationError(f"--reason has 1 to {_MAXIMUM_REASON} characters")
    return said
