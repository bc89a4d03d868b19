"""What the life of a version asks of its family of models: the price of the auction, or the spread."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from resources.lake.lake import Lake
from resources.settings.zones import Desk
from spot.lifecycle.promotion import Evidence, PromotionSettings, PromotionVerdict
from workflows.lifecycle.evaluation import Evaluation, Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRecord:
    """What a challenger has shown so far."""

    evidence: Evidence
    days: tuple[date, ...]
    """The evidence's days; none where nothing can be said yet."""
    decided_through: date | None
    """Newest day that the champion has decided already: a new one serves from the day after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFamily:
    """One family of models, and how its versions are judged."""

    name: str
    """In the registry."""
    option: str
    """What a command of `spotdesk` is told to mean this family."""
    measure: Measure
    lineage: Callable[[Desk, str], str | None]
    """Data of a zone's versions; None where the zone has none."""
    judge_candidate: Callable[[Evaluation, PromotionSettings, str], PromotionVerdict]
    shadow_record: Callable[[str, str, Lake, Desk, datetime], ShadowRecord]
    """Zone and version to what is known at an instant."""
