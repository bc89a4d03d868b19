"""The two families of models, and how the versions of each are judged."""

from resources.lake.zone_tables import lineage_of
from resources.models.registry import ModelRegistry
from resources.models.version import PRICE_FAMILY, SPREAD_FAMILY, ModelVersion
from resources.settings.zones import Desk
from spot.lifecycle.promotion import PromotionVerdict, decide_promotion
from spot.lifecycle.promotion_settings import PromotionSettings
from spot.lifecycle.spread_candidates import decide_spread_candidate
from workflows.forecasting.served_spread import spread_lineage, spread_strategy
from workflows.lifecycle.evaluation import Evaluation, Measure
from workflows.lifecycle.family import ModelFamily
from workflows.lifecycle.price_evidence import price_shadow_record
from workflows.lifecycle.spread_evidence import spread_shadow_record


def _price_lineage(desk: Desk, zone: str) -> str:
    return lineage_of(desk.zone(zone))


def _spread_lineage(desk: Desk, zone: str) -> str | None:
    strategy = spread_strategy(desk, zone)
    return None if strategy is None else spread_lineage(desk.zone(zone), strategy)


def _price_candidate(evaluation: Evaluation, limits: PromotionSettings, zone: str) -> PromotionVerdict:
    return decide_promotion(
        evaluation.evidence(), stage="candidate", settings=limits, sanity=evaluation.sanity, zone=zone
    )


def _spread_candidate(evaluation: Evaluation, limits: PromotionSettings, zone: str) -> PromotionVerdict:
    return decide_spread_candidate(evaluation.evidence(), limits, sanity=evaluation.sanity, zone=zone)


PRICE = ModelFamily(
    name=PRICE_FAMILY,
    option="",
    measure=Measure(name="mae", label="mean absolute error, EUR/MWh", naive="weekly naive"),
    lineage=_price_lineage,
    judge_candidate=_price_candidate,
    shadow_record=price_shadow_record,
)
SPREAD = ModelFamily(
    name=SPREAD_FAMILY,
    option="--model spread ",
    measure=Measure(name="pinball", label="pinball loss, EUR/MWh", naive="past quantiles"),
    lineage=_spread_lineage,
    judge_candidate=_spread_candidate,
    shadow_record=spread_shadow_record,
)

FAMILIES = (PRICE, SPREAD)


def has_challengers(zone: str, desk: Desk, registry: ModelRegistry) -> bool:
    """Whether a version of any family is in shadow on the zone's data."""
    return any(
        version.stage == "challenger" and version.lineage == family.lineage(desk, zone)
        for family in FAMILIES
        for version in registry.of_family(family.name).versions(zone)
    )


def all_versions(zone: str, registry: ModelRegistry) -> list[ModelVersion]:
    """Versions of the zone of every family, those of the price first."""
    return [version for family in FAMILIES for version in registry.of_family(family.name).versions(zone)]
