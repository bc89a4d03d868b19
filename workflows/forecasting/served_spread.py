"""The model of the spread that serves each day."""

from collections.abc import Sequence

from resources.models.registry import ModelRegistry
from resources.models.version import SPREAD_FAMILY, ModelVersion
from resources.settings.strategies import strategies_of
from resources.settings.zones import Desk, ZoneSettings
from spot.contracts.lineage import Lineage
from spot.errors import ModelIntegrityError
from spot.market.delivery import ZoneDays
from spot.strategy.interface import Strategy
from spot.strategy.spread.model import CatBoostSpread, SpreadModel
from spot.strategy.spread.sources import ServedSpread


def spread_strategy(desk: Desk, zone: str) -> Strategy | None:
    """The zone's strategy that needs a fitted model of the spread, if there is one."""
    return next((one for one in strategies_of(desk, zone) if one.needs_spread_model), None)


def spread_lineage(settings: ZoneSettings, strategy: Strategy) -> str:
    """The data of a model of the spread, and its second price.

    A model never replaces one of a different lineage.
    """
    return str(Lineage(settings.source, settings.assume_known, strategy.settled_against))


def served_spread(
    span: ZoneDays, strategies: Sequence[Strategy], desk: Desk, registry: ModelRegistry
) -> dict[str, ServedSpread]:
    """Strategy to the model of each day of the span, for strategies that need one.

    A day has none if no model serves it or the files are damaged.
    """
    return {
        strategy.strategy: _served(registry.of_family(SPREAD_FAMILY), span, desk.zone(span.zone), strategy)
        for strategy in strategies
        if strategy.needs_spread_model
    }


def spread_challengers(
    span: ZoneDays, strategies: Sequence[Strategy], desk: Desk, registry: ModelRegistry
) -> dict[str, tuple[ServedSpread, ...]]:
    """Strategy to its challengers, each for the days of the span that it may forecast.

    A challenger with damaged files is left out.
    """
    spreads = registry.of_family(SPREAD_FAMILY)
    in_shadow = [one for one in spreads.versions(span.zone) if one.stage == "challenger"]
    loaded, _ = _load(spreads, in_shadow)
    found = {}
    for strategy in (one for one in strategies if one.needs_spread_model):
        lineage = spread_lineage(desk.zone(span.zone), strategy)
        found[strategy.strategy] = tuple(
            ServedSpread(
                {
                    day: (version.version, loaded[version.version])
                    for day in span.days
                    if day >= version.serves_from
                }
            )
            for version in in_shadow
            if version.lineage == lineage and version.version in loaded
        )
    return {name: challengers for name, challengers in found.items() if challengers}


def named_spread(version: str, span: ZoneDays, registry: ModelRegistry) -> ServedSpread:
    """One named version for every day of the span, whichever version serves today.

    Raises:
        ModelNotFoundError: it is not registered.
        ModelIntegrityError: its files are not those that were registered.
    """
    spreads = registry.of_family(SPREAD_FAMILY)
    model = CatBoostSpread.from_files(spreads.files(spreads.version(span.zone, version)))
    return ServedSpread(dict.fromkeys(span.days, (version, model)))


def _served(
    spreads: ModelRegistry, span: ZoneDays, settings: ZoneSettings, strategy: Strategy
) -> ServedSpread:
    serving = spreads.serving(span.zone, span.days, spread_lineage(settings, strategy))
    loaded, damaged = _load(spreads, [version for version in serving.values() if version is not None])
    served = {day: version.version for day, version in serving.items() if version is not None}
    return ServedSpread(
        {day: (number, loaded[number]) for day, number in served.items() if number in loaded},
        {day: damaged[number] for day, number in served.items() if number in damaged},
    )


def _load(
    spreads: ModelRegistry, versions: Sequence[ModelVersion]
) -> tuple[dict[str, SpreadModel], dict[str, str]]:
    """Version to model, its files compared with their checksums first, and version to its damage.

    A damaged one has no model, so its days are flat.
    """
    models: dict[str, SpreadModel] = {}
    damaged: dict[str, str] = {}
    for version in {version.version: version for version in versions}.values():
        try:
            models[version.version] = CatBoostSpread.from_files(spreads.files(version))
        except ModelIntegrityError as error:
            damaged[version.version] = f"{version.label}: {error}"
    return models, damaged
