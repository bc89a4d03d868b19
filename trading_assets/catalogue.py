"""Every asset and check of the graph, in the order of the chain, and those of one desk."""

from collections.abc import Mapping
from datetime import date

from dagster import (
    AssetChecksDefinition,
    AssetsDefinition,
    AssetSpec,
    load_asset_checks_from_modules,
    load_assets_from_modules,
)

from resources.market.earlier_inputs import has_earlier_inputs
from resources.market.live_sources import live_only_tables
from resources.settings.zones import DeskSettings, ZoneSettings
from trading_assets.market_data import (
    earlier_inputs,
    extra_feeds,
    fundamentals,
    prices,
    source_freshness,
    weather,
)
from trading_assets.models import (
    champion,
    comparison,
    evaluation,
    price_model,
    spread_champion,
    spread_comparison,
    spread_evaluation,
    spread_model,
    spread_shadow,
    spread_training_set,
    training_set,
)
from trading_assets.monitoring import inputs, outputs
from trading_assets.partitions import (
    ONLY_WITH_TAG,
    Partitions,
    first_partition_day,
    make_partitions,
    zone_day_partitions,
    zone_partitions,
)
from trading_assets.trading import features, forecasts, outbox, settlement, signals
from trading_assets.upkeep import analyst_database, books, lake

LAYERS = (
    prices,
    fundamentals,
    extra_feeds,
    earlier_inputs,
    features,
    training_set,
    price_model,
    evaluation,
    champion,
    comparison,
    spread_training_set,
    spread_model,
    spread_evaluation,
    spread_champion,
    spread_comparison,
    forecasts,
    signals,
    spread_shadow,
    outbox,
    settlement,
    inputs,
    outputs,
    analyst_database,
    source_freshness,
    books,
    lake,
    weather,
)

ASSETS: list[AssetsDefinition] = [
    asset for asset in load_assets_from_modules(LAYERS) if isinstance(asset, AssetsDefinition)
]
"""All assets that a desk can have, for every zone and day."""
CHECKS: list[AssetChecksDefinition] = list(load_asset_checks_from_modules(LAYERS))


def assets_for(
    zones: Mapping[str, ZoneSettings], partitions: Partitions | None = None
) -> list[AssetsDefinition]:
    """The assets of a desk with these zones, without feeds that none of the zones has.

    `partitions` narrow every zone and day to those of the desk.
    """
    lacking = {
        "own_forecasts": not any(own.own_forecasts for own in zones.values()),
        "earlier_inputs": not any(has_earlier_inputs(zone, own) for zone, own in zones.items()),
    }
    feeds = {table for zone, own in zones.items() for table in live_only_tables(zone, own.sources)}
    absent = {
        spec.key
        for asset in ASSETS
        for spec in asset.specs
        if lacking.get(spec.tags.get(ONLY_WITH_TAG, ""), False)
        or (spec.tags.get(ONLY_WITH_TAG) == "live_source" and spec.key.to_user_string() not in feeds)
    }

    def present(spec: AssetSpec) -> AssetSpec:
        return spec.replace_attributes(deps=[dep for dep in spec.deps if dep.asset_key not in absent])

    found = [asset.map_asset_specs(present) for asset in ASSETS if not set(asset.keys) <= absent]
    return found if partitions is None else [on_partitions(asset, partitions) for asset in found]


def partitions_for(settings: DeskSettings, today: date) -> Partitions:
    """The zones that the desk lists, and the days of its newest `partition_years`."""
    return make_partitions(settings.zones, first_partition_day(settings.partition_years, today))


def on_partitions(asset: AssetsDefinition, partitions: Partitions) -> AssetsDefinition:
    """The asset on these zones and days."""
    narrower = {zone_partitions: partitions.of_zone, zone_day_partitions: partitions.of_zone_and_day}

    def narrowed(spec: AssetSpec) -> AssetSpec:
        if spec.partitions_def is None:
            return spec
        return spec.replace_attributes(partitions_def=narrower[spec.partitions_def])

    return asset.map_asset_specs(narrowed)
