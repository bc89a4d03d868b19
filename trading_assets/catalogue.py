"""Every asset and check of the graph, in the order of its story."""

from dagster import (
    AssetChecksDefinition,
    AssetsDefinition,
    load_asset_checks_from_modules,
    load_assets_from_modules,
)

from trading_assets.market_data import extra_feeds, fundamentals, prices, source_freshness, weather
from trading_assets.models import champion, comparison, evaluation, price_model, spread, training_set
from trading_assets.monitoring import inputs, outputs
from trading_assets.partitions import OWN_FORECAST_ASSETS
from trading_assets.trading import features, forecasts, outbox, settlement, signals
from trading_assets.upkeep import analyst_database, lake

LAYERS = (
    prices,
    fundamentals,
    extra_feeds,
    features,
    training_set,
    price_model,
    evaluation,
    champion,
    comparison,
    spread,
    forecasts,
    signals,
    outbox,
    settlement,
    inputs,
    outputs,
    analyst_database,
    source_freshness,
    lake,
    *((weather,) if OWN_FORECAST_ASSETS else ()),
)

ASSETS: list[AssetsDefinition] = [
    asset for asset in load_assets_from_modules(LAYERS) if isinstance(asset, AssetsDefinition)
]
CHECKS: list[AssetChecksDefinition] = list(load_asset_checks_from_modules(LAYERS))
