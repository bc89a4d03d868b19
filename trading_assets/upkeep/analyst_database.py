"""The analysts' database: all tables above as commented tables and views.

It is one DuckDB file that any client can open read-only.
"""

from pathlib import Path
from typing import Any

from dagster import AssetCheckResult, AssetCheckSeverity, MaterializeResult

from resources.analysts.database import AnalystDatabase
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.version import SPREAD_FAMILY
from resources.settings.zones import Desk
from spot.contracts.tables import TABLES
from trading_assets.frame.declared import AssetResult, declared_asset, declared_check
from trading_assets.frame.reads import PRICE_MODELS, SPREAD_MODELS, of_every_partition


@declared_asset(
    per="desk",
    group="analysts",
    kinds={"duckdb"},
    reads=of_every_partition(*TABLES, PRICE_MODELS, SPREAD_MODELS),
)
def analyst_database(
    lake: Lake, desk: Desk, registry: ModelRegistry, analyst_file: AnalystDatabase
) -> AssetResult:
    """Prices, forecasts as of any instant, signals, P&L, drift and model versions.

    They are for SQL, charts and notebooks. The file is built beside the old one and swapped in by one rename,
    so readers are never blocked and never see half of it. Query it with `spotdesk sql`.
    """
    families = (registry, registry.of_family(SPREAD_FAMILY))
    versions = [one for zone in desk.zones for family in families for one in family.shown_versions(zone)]
    published = analyst_file.publish(lake, model_versions=versions)
    rows = {f"rows_{name}": n for name, n in published.n_rows.items() if n}
    facts: dict[str, Any] = {
        "file": Path(published.path).name,  # its folder is that of the desk, which may be moved
        "megabytes": round(published.n_bytes / 1e6, 2),
        "is_new": published.is_new,
    }
    return MaterializeResult(metadata={"dagster/row_count": sum(published.n_rows.values()), **facts, **rows})


@declared_check(
    asset="analyst_database",
    description="A read-only client gets every table, with as many rows as were published.",
)
def database_answers(analyst_file: AnalystDatabase) -> AssetCheckResult:
    """Opens the published file as an analyst does, and counts rows. Without a file or a table it fails."""
    faults = analyst_file.faults()
    return AssetCheckResult(
        passed=not faults,
        severity=AssetCheckSeverity.ERROR,
        description="; ".join(faults[:5]) or None,
        metadata={"faults": len(faults)},
    )
