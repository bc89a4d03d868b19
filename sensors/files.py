"""Files of market data that arrive in the folder of a desk: their days are loaded with their features."""

import json
from datetime import timedelta

from dagster import (
    DefaultSensorStatus,
    RunRequest,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.market.earlier_inputs import earlier_auctions_of, fuels_of
from resources.market.market_source import MarketSource
from resources.settings.zones import Desk, ZoneSettings
from spot.features.matrix import HISTORY_DAYS
from spot.market.delivery import delivery_day_of
from spot.market.fuels import FUEL_ZONE
from trading_assets.jobs import history_loaded
from trading_assets.partitions import FIRST_DAY_TAG, partition_key, tomorrow_of


@sensor(
    job=history_loaded,
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="A file of a zone on files is new or was changed: its days are loaded.",
)
def files_arrived(
    context: SensorEvaluationContext, lake: Lake, desk: Desk, market_source: MarketSource, clock: Clock
) -> SensorResult:
    """One run per zone whose files have changed. The first history of a zone has a sensor of its own.

    The run covers all days that a model learns from, because a file may bring any of them. Rows that the
    ledger holds are not written again.
    """
    seen: dict[str, str] = json.loads(context.cursor or "{}")
    now, runs, cursor = clock.now(), [], dict[str, str]()
    for zone in desk.zones:
        settings = desk.zone(zone)
        if settings.source != "files" or not settings.is_scheduled:
            continue
        cursor[zone] = stamp = _stamp(zone, settings, market_source)
        if stamp == seen.get(zone, "") or lake.newest_day("day_ahead_features", zone) is None:
            continue
        tomorrow = tomorrow_of(delivery_day_of(zone, now))
        oldest = tomorrow - timedelta(days=settings.training_days + settings.evaluation_days + HISTORY_DAYS)
        runs.append(
            RunRequest(
                run_key=f"files-{zone}-{stamp}",
                partition_key=partition_key(zone, tomorrow),
                tags={FIRST_DAY_TAG: oldest.isoformat()},
            )
        )
    nothing = None if runs else "no file is new"
    return SensorResult(run_requests=runs, skip_reason=nothing, cursor=json.dumps(cursor))


def _stamp(zone: str, settings: ZoneSettings, source: MarketSource) -> str:
    """Changes with any file of the zone, or of an auction or fuel that it reads."""
    others = {auction.zone_of(zone) for auction in earlier_auctions_of(zone, settings)}
    others |= {FUEL_ZONE} if fuels_of(zone, settings) else set()
    stamps = [source.state_of_files(name) for name in (zone, *sorted(others - {zone}))]
    return "-".join(stamp for stamp in stamps if stamp)


FILE_SENSORS = (files_arrived,)
