"""A family of models (price or spread) as the life of its versions needs it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from resources.lake.lake import Lake
from resources.settings.zones import Desk
from spot.lifecycle.evidence import Evidence
from spot.lifecycle.promotion import PromotionVerdict
from spot.lifecycle.promotion_settings import PromotionSettings
from workflows.lifecycle.evaluation import Evaluation, Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRecord:
    """What is known about a challenger so far."""

    evidence: Evidence
    days: tuple[date, ...]
    """The evidence's days; empty where there is no evidence yet."""
    decided_through: date | None
    """Newest day that the champion has decided already. A new champion serves from the day after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFamily:
    """One family of models, and how its versions are judged."""

    name: str
    """Its name in the registry."""
    option: str
    """Option of `spotdesk` commands that selects this family."""
    measure: Measure
    lineage: Callable[[Desk, str], str | None]
    """Data of a zone's versions; None where the zone has none."""
    judge_candidate: Callable[[Evaluation, PromotionSettings, str], PromotionVerdict]
    shadow_record: Callable[[str, str, Lake, Desk, datetime], ShadowRecord]
    """From zone and version to what is known at an instant."""
