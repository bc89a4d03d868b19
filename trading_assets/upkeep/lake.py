"""Keeping the lake in order.

Checksums adopted and compared, crowded partitions written anew, files removed that nothing can need any more.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    AssetSelection,
    DagsterInstance,
    MaterializeResult,
    define_asset_job,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.market.captures import CaptureStore
from resources.models.registry import ModelRegistry
from resources.settings.policies import retention_settings
from resources.settings.zone_settings import RetentionSettings
from resources.settings.zones import Desk
from resources.trading.clock_watch import ClockWatch
from resources.trading.state_folder import StateFolder
from resources.upkeep.dagster_history import purge_runs
from resources.upkeep.purge_record import record_purge
from spot.errors import ConfigurationError
from trading_assets.frame.declared import AssetResult, declared_asset, declared_check
from trading_assets.frame.reads import PRICE_MODELS, of_every_partition

_MARGIN = timedelta(days=30)
"""Chosen by hand: a version reads the training set of the day on which it was made, and a month more costs
little.
"""
_STILL_NEEDED = ("candidate", "challenger", "champion")


@declared_asset(per="desk", group="monitoring", kinds={"deltalake"}, reads=of_every_partition(PRICE_MODELS))
def lake_maintenance(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    clock: Clock,
    state_folder: StateFolder,
) -> AssetResult:
    """Maintenance of the lake, and the end of what `retention` in `conf/zones.yaml` no longer keeps.

    Files that a killed process left get their checksum, crowded partitions become few files, and unused files
    are removed. Old runs and the bodies of old answers are removed, too.

    No row changes: the ledger only grows, so `as_of` is answered by the newest version. Older versions, from
    which models are made again bit for bit, stay readable for as long as a model serves, or may serve, that
    was trained since. While the clock of the machine is not trusted, nothing is removed: the run fails.
    """
    refuse_wrong_clock(state_folder)
    kept, now = retention_settings(desk), clock.now()
    version_days = kept_days(registry, desk, now, kept.version_days)
    purged = _purge(lake, context.instance, Path(state_folder.path).parent, kept, now)
    return MaterializeResult(
        metadata={
            "adopted_files": lake.adopt(),
            "compacted_partitions": lake.compact(),
            "removed_files": lake.vacuum(keep_days=version_days),
            "versions_kept_days": version_days,
            **purged,
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


def _purge(
    lake: Lake, instance: DagsterInstance, home: Path, kept: RetentionSettings, now: datetime
) -> dict[str, int]:
    """Remove old runs and old captured bodies, once the books have it; what was removed, as metadata."""
    runs_before, bodies_before = now - timedelta(days=kept.run_days), now - timedelta(days=kept.capture_days)
    record_purge(home, runs=runs_before, captured_bodies=bodies_before)
    return {
        "removed_captures": CaptureStore(lake).purge(bodies_before),
        "captures_kept_days": kept.capture_days,
        "removed_runs": purge_runs(instance, runs_before),
        "runs_kept_days": kept.run_days,
    }


def refuse_wrong_clock(state_folder: StateFolder) -> None:
    """Refuse to judge the age of anything by a clock that is not trusted.

    Raises:
        ConfigurationError: the clock stepped, and nobody has confirmed it.
    """
    problem = ClockWatch(Path(state_folder.path)).problem()
    if problem:
        raise ConfigurationError(
            f"nothing is removed: the clock is not trusted, {problem}. Set it right, then `spotdesk clock"
            " confirm`"
        )


def kept_days(registry: ModelRegistry, desk: Desk, now: datetime, at_least: int) -> int:
    """Days of table versions to keep.

    They are `at_least`, or all since the registration of the oldest model that serves, served or may serve.
    """
    made = [
        version.created_at_utc
        for zone in desk.zones
        for version in registry.versions(zone)
        if version.stage in _STILL_NEEDED
    ]
    return max([at_least, *((now - instant + _MARGIN).days for instant in made)])


LAKE_JOBS = (
    define_asset_job(
        "lake_maintained",
        selection=AssetSelection.assets("lake_maintenance"),
        description=(
            "The lake is in order: checksums compared, crowded partitions compacted; what is no longer kept"
            " is removed."
        ),
        tags={"dagster/max_runtime": "7200", "dagster/priority": "-10", "spotdesk/kind": "maintenance"},
    ),
)
