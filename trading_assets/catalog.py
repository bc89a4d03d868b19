"""Every asset and check of the graph, in the order of its story."""

from dagster import AssetChecksDefinition, AssetsDefinition, load_asset_checks_from_modules, load_assets_from_modules

from trading_assets import (
    analysts,
    features,
    forecasts,
    fundamentals,
    input_monitoring,
    lake_maintenance,
    live_only,
    market,
    models,
    monitoring,
    publication,
    settlement,
    signals,
    sources,
    spread_models,
    weather,
)
from trading_assets.partitions import OWN_FORECAST_ASSETS

LAYERS = (
    market,
    fundamentals,
    live_only,
    features,
    models,
    spread_models,
    forecasts,
    signals,
    publication,
    settlement,
    input_monitoring,
    monitoring,
    analysts,
    sources,
    lake_maintenance,
    *((weather,) if OWN_FORECAST_ASSETS else ()),
)

ASSETS: list[AssetsDefinition] = [asset for asset in load_assets_from_modules(LAYERS) if isinstance(asset, AssetsDefinition)]
CHECKS: list[AssetChecksDefinition] = list(load_asset_checks_from_modules(LAYERS))
