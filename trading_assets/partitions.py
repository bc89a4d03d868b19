"""Partitions: zone x delivery day for everything of a day, zone for models; and what a run covers.

A run covers its partition keys, which are one zone and one contiguous range of days
(`BackfillPolicy.single_run()`). The tag `spotdesk/first_day` widens a run backwards: all days from there to
its partition are computed and one event is recorded, not one per day. The runner of history uses it, since an
event costs Dagster about 20 ms and ten years have 3,650 days.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from dagster import (
    AssetCheckExecutionContext,
    AssetDep,
    AssetExecutionContext,
    DailyPartitionsDefinition,
    DimensionPartitionMapping,
    IdentityPartitionMapping,
    MultiPartitionMapping,
    MultiPartitionsDefinition,
    MultiToSingleDimensionPartitionMapping,
    StaticPartitionsDefinition,
    TimeWindowPartitionMapping,
)

from resources.market.live_sources import LIVE_ONLY_TABLES, live_only_tables
from resources.settings.environment import desk_settings, read_environment
from spot.errors import ConfigurationError
from spot.market.delivery import ZoneDays
from spot.market.zones import CENTRAL_EUROPE

FIRST_DAY_TAG = "spotdesk/first_day"
FIRST_PARTITION_DAY = date(2015, 1, 1)

_SETTINGS = desk_settings(read_environment()).zones
OWN_FORECAST_ASSETS: tuple[str, ...] = (
    ("weather_forecasts", "own_forecasts") if any(own.own_forecasts for own in _SETTINGS.values()) else ()
)
"""Part of the graph only where a zone forecasts its fundamentals itself: the run to the gate has no step that
does nothing.
"""
LIVE_ONLY_ASSETS = tuple(
    name
    for name in LIVE_ONLY_TABLES
    if any(name in live_only_tables(zone, own.sources) for zone, own in _SETTINGS.items())
)
"""Likewise: outages, flows and the like are part of the graph where a live source has them."""
zone_partitions = StaticPartitionsDefinition(list(_SETTINGS))
# The current day needs an end offset of 1 and tomorrow, whose auction closes today, of 2.
day_partitions = DailyPartitionsDefinition(
    start_date=FIRST_PARTITION_DAY.isoformat(), timezone=CENTRAL_EUROPE, end_offset=2
)
zone_day_partitions = MultiPartitionsDefinition({"zone": zone_partitions, "delivery_day": day_partitions})


def partition_key(zone: str, delivery_day: date) -> str:
    """The key of one zone and day: dimensions in alphabetical order."""
    return f"{delivery_day}|{zone}"


def covered(context: AssetExecutionContext | AssetCheckExecutionContext) -> ZoneDays:
    """Zone and days that the run of an asset or a check covers.

    Raises:
        ConfigurationError: the run spans several zones.
    """
    return zone_days(context.partition_keys, context.run.tags)


def zone_days(keys: Sequence[str], tags: Mapping[str, str]) -> ZoneDays:
    """Zone and days of partition keys, widened by the tag `spotdesk/first_day`.

    Raises:
        ConfigurationError: no key, several zones, or a tag that is no day.
    """
    pairs = [str(key).split("|") for key in keys]
    zones = {zone for _, zone in pairs}
    if len(zones) != 1:
        raise ConfigurationError(f"a run covers one zone, this one {sorted(zones)}")
    days = [date.fromisoformat(day) for day, _ in pairs]
    first = tags.get(FIRST_DAY_TAG)
    try:
        first_day = min(days) if first is None else date.fromisoformat(first)
    except ValueError as error:
        raise ConfigurationError(f"tag {FIRST_DAY_TAG}: {first!r} is no day") from error
    return ZoneDays(zones.pop(), min(first_day, *days), max(days))


def of_days_before(asset: str, *, first: int, last: int) -> AssetDep:
    """The same zone's `asset` on the days from `first` to `last` before the delivery day.

    1 is the day before.
    """
    days = TimeWindowPartitionMapping(start_offset=-first, end_offset=-last)
    return AssetDep(
        asset,
        partition_mapping=MultiPartitionMapping(
            {
                "zone": DimensionPartitionMapping("zone", IdentityPartitionMapping()),
                "delivery_day": DimensionPartitionMapping("delivery_day", days),
            }
        ),
    )


def of_zone(asset: str) -> AssetDep:
    """The same zone's `asset`: of every day seen from a model, of the model seen from a day."""
    return AssetDep(asset, partition_mapping=MultiToSingleDimensionPartitionMapping("zone"))


def tomorrow_of(today: date) -> date:
    """The delivery day whose auction closes today."""
    return today + timedelta(days=1)
