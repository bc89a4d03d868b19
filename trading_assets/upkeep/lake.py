"""Keeping the lake in order.

Checksums adopted and compared, crowded partitions written anew, files removed that nothing can need any more.
"""

from datetime import datetime, timedelta
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetSelection,
    MaterializeResult,
    define_asset_job,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.settings.zones import Desk
from trading_assets.frame.declared import AssetResult, declared_asset, declared_check
from trading_assets.frame.reads import PRICE_MODELS, of_every_partition

KEPT_DAYS = 400
"""Every version of a table of the last thirteen months can be read: longer than any model serves, so what it
learnt from can be read again.
"""
_MARGIN = timedelta(days=30)
_STILL_NEEDED = ("candidate", "challenger", "champion")


@declared_asset(per="desk", group="monitoring", kinds={"deltalake"}, reads=of_every_partition(PRICE_MODELS))
def lake_maintenance(lake: Lake, desk: Desk, registry: ModelRegistry, clock: Clock) -> AssetResult:
    """Maintenance of the lake.

    Files that a killed process left get their checksum, crowded partitions become few files, and unused files
    are removed.

    No row changes: the ledger only grows, so `as_of` is answered by the newest version. Older versions, from
    which models are made again bit for bit, stay readable for 400 days, and for as long as a model serves, or
    may serve, that was trained since.
    """
    keep_days = kept_days(registry, desk, clock.now())
    adopted, compacted, removed = lake.adopt(), lake.compact(), lake.vacuum(keep_days=keep_days)
    return MaterializeResult(
        metadata={
            "adopted_files": adopted,
            "compacted_partitions": compacted,
            "removed_files": removed,
            "versions_kept_days": keep_days,
        }
    )


@declared_check(asset="lake_maintenance", description="Every data file is there and equals its checksum.")
def every_file_is_sound(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Reads every file of the newest version; restore what is named from a copy of the lake."""
    found = lake.verify()
    bad = [f"{one.table}: {name}" for one in found for name in (*one.damaged, *one.lost)]
    context.log.info("%d files, %d damaged or lost", sum(one.n_files for one in found), len(bad))
    facts: dict[str, Any] = {
        "files": sum(one.n_files for one in found),
        "unrecorded": sum(one.n_unrecorded for one in found),
    }
    return AssetCheckResult(
        passed=not bad,
        severity=AssetCheckSeverity.ERROR,
        description="; ".join(bad[:8]) or None,
        metadata=facts,
    )


def kept_days(registry: ModelRegistry, desk: Desk, now: datetime) -> int:
    """Days of table versions to keep.

    They are `KEPT_DAYS`, or all since the registration of the oldest model that serves, served or may serve.
    """
    made = [
        version.created_at_utc
        for zone in desk.zones
        for version in registry.versions(zone)
        if version.stage in _STILL_NEEDED
    ]
    return max([KEPT_DAYS, *((now - instant + _MARGIN).days for instant in made)])


LAKE_JOBS = (
    define_asset_job(
        "lake_maintained",
        selection=AssetSelection.assets("lake_maintenance"),
        description=(
            "The lake is in order: checksums compared, crowded partitions compacted, dead files removed."
        ),
        tags={"dagster/max_runtime": "7200", "dagster/priority": "-10", "spotdesk/kind": "maintenance"},
    ),
)
