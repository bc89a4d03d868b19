"""Paper trading of challengers of the spread model: their forecasts, orders and P&L."""

from collections.abc import Iterator
from pathlib import Path

from dagster import AssetExecutionContext, MaterializeResult

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.pictures.asset_metadata import written
from resources.settings.zones import Desk
from resources.trading.state_folder import StateFolder
from spot.contracts.raw_tables import SETTLING_TABLES
from spot.contracts.spread_tables import SPREAD_FORECASTS, SPREAD_SHADOW_SETTLEMENTS, SPREAD_SHADOW_SIGNALS
from spot.walk.inputs import MONEY_DAYS
from trading_assets.frame.declared import AssetResult, Declaration, declared_asset, declared_assets
from trading_assets.frame.reads import PRICE_MODELS, SPREAD_MODELS, of_days_before, of_zone
from trading_assets.partitions import covered
from workflows.decisions.inputs import DRIFT_DAYS
from workflows.decisions.spread_shadow import settle_shadow, shadow_span

_SIGNALS = SPREAD_SHADOW_SIGNALS.name


def _ledger(table: str, description: str) -> Declaration:
    return Declaration(
        name=table,
        group="spread_models",
        kinds=frozenset({"catboost", "polars", "deltalake"}),
        table=table,
        description=f"{description} Nothing is made on days without a challenger.",
        is_optional=True,
        reads=[
            "signals",
            "day_ahead_forecasts",
            "day_ahead_features",
            "load_forecasts",
            "order_overrides",
            *SETTLING_TABLES,
            of_days_before("feature_drift", first=DRIFT_DAYS, last=1),
            of_days_before("settlements", first=MONEY_DAYS, last=1),
            of_zone(PRICE_MODELS),
            of_zone(SPREAD_MODELS),
        ],
    )


@declared_assets(
    per="zone and day",
    name="spread_shadow",
    assets=[
        _ledger(
            SPREAD_FORECASTS.name,
            "Quantiles of the spread by each challenger and by the model that serves, as of each day's"
            " decision.",
        ),
        _ledger(
            _SIGNALS,
            "What each challenger of the spread model would buy and sell on the champion's price forecast, on"
            " paper and within the same limits.",
        ),
    ],
)
def spread_shadow(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    clock: Clock,
    state_folder: StateFolder,
) -> Iterator[AssetResult]:
    """Let each challenger decide the days of the run on paper. Nothing of it is sent."""
    made = shadow_span(covered(context), lake, desk, registry, Path(state_folder.path), clock.now())
    for table, one in made.items():
        yield MaterializeResult(asset_key=table, metadata=written(one.rows, one.report))


@declared_asset(
    per="zone and day",
    group="spread_models",
    kinds={"polars", "deltalake"},
    table=SPREAD_SHADOW_SETTLEMENTS.name,
    reads=[_SIGNALS, *SETTLING_TABLES],
    is_optional=True,
)
def spread_shadow_settlements(
    context: AssetExecutionContext, lake: Lake, desk: Desk
) -> Iterator[AssetResult]:
    """Fills, fees and P&L of the challengers' paper signals, settled like the desk's own.

    On days without a challenger nothing is made.
    """
    made = settle_shadow(covered(context), lake, desk)
    if made is not None:
        yield MaterializeResult(metadata=written(made.rows, made.report))
