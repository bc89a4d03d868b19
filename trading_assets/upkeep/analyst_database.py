"""The analysts' database: everything above as commented tables and views in one DuckDB file that any client opens read-only."""

from typing import Any

from dagster import (
    AllPartitionMapping,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetDep,
    MaterializeResult,
    asset,
    asset_check,
)

from resources.analysts.database import AnalystDatabase
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.version import SPREAD_FAMILY
from resources.pictures.asset_metadata import OWNERS
from resources.settings.zones import Desk
from trading_assets.declared import AssetResult

_TABLES = (
    "data_quality",
    "feature_drift",
    "reported_drift",
    "forecast_performance",
    "settlement",
    "signals",
    "champion",
    "model_comparison",
)


@asset(
    group_name="analysts",
    owners=OWNERS,
    kinds={"duckdb"},
    deps=[AssetDep(name, partition_mapping=AllPartitionMapping()) for name in _TABLES],
)
def analyst_database(
    lake: Lake, desk: Desk, registry: ModelRegistry, analyst_file: AnalystDatabase
) -> AssetResult:
    """Prices, forecasts as of any instant, signals, P&L, drift and model versions for SQL, charts and notebooks.

    Built beside and swapped in by one rename: readers are never blocked and never see half of it. Ask it with
    `spotdesk sql`.
    """
    families = (registry, registry.of_family(SPREAD_FAMILY))
    versions = [
        version for zone in desk.zones for family in families for version in family.shown_versions(zone)
    ]
    published = analyst_file.publish(lake, model_versions=versions)
    rows = {f"rows_{name}": n for name, n in published.n_rows.items() if n}
    facts: dict[str, Any] = {
        "path": str(published.path),
        "megabytes": round(published.n_bytes / 1e6, 2),
        "is_new": published.is_new,
    }
    return MaterializeResult(metadata={"dagster/row_count": sum(published.n_rows.values()), **facts, **rows})


@asset_check(asset=analyst_database, name="database_answers", description="A read-only client gets rows.")
def database_answers(analyst_file: AnalystDatabase) -> AssetCheckResult:
    """Opens the published file as an analyst does."""
    tables = analyst_file.query("SELECT count(*) AS n FROM contents")["n"][0]
    return AssetCheckResult(
        passed=tables > 0, severity=AssetCheckSeverity.WARN, metadata={"tables": int(tables)}
    )
