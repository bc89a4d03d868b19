"""Partitions: zone x delivery day for everything of a day, zone for models; and what a run covers.

An asset has every zone and every day since 2015. `make_partitions` makes those of a desk for its graph in the
UI: its own zones, and the days of the newest `partition_years`. A row of an earlier day stays in the lake and
still counts, but its day is not a partition.

A run covers its partition keys, which are one zone and one contiguous range of days
(`BackfillPolicy.single_run()`). The tag `spotdesk/first_day` extends a run backwards: all days from there to
its partition are computed, and one event is recorded instead of one per day. The runner of history uses it,
because an event costs Dagster about 20 ms and ten years have 3,650 days.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

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

from spot.errors import ConfigurationError
from spot.market.delivery import ZoneDays
from spot.market.zones import ALL_ZONES, CENTRAL_EUROPE

FIRST_DAY_TAG = "spotdesk/first_day"
ONLY_WITH_TAG = "spotdesk/only_with"
"""Tag of an asset that only some desks have. Its value says what a zone of the desk must have."""
_FIRST_KNOWN_DAY = date(2015, 1, 1)
"""First day of partitions that belong to no desk. A run of history may cover days since then."""


@dataclass(frozen=True, slots=True)
class Partitions:
    """Partitions of one set of zones and days."""

    of_zone: StaticPartitionsDefinition
    of_zone_and_day: MultiPartitionsDefinition


def make_partitions(zones: Iterable[str], first_day: date) -> Partitions:
    """Partitions of `zones`, and of their delivery days from `first_day` to tomorrow."""
    by_zone = StaticPartitionsDefinition(list(zones))
    # The current day needs an end offset of 1 and tomorrow, whose auction closes today, of 2.
    by_day = DailyPartitionsDefinition(
        start_date=first_day.isoformat(), timezone=CENTRAL_EUROPE, end_offset=2
    )
    return Partitions(by_zone, MultiPartitionsDefinition({"zone": by_zone, "delivery_day": by_day}))


def days_of(partitions: Any) -> tuple[date, date]:
    """First and last day of partitions by zone and day."""
    (days,) = [one.partitions_def for one in partitions.partitions_defs if one.name == "delivery_day"]
    return days.start.date(), date.fromisoformat(str(days.get_last_partition_key()))


def first_partition_day(years: int, today: date) -> date:
    """First day of this month `years` ago.

    It moves on with the months, so that keys stay the same for weeks.
    """
    return date(today.year - years, today.month, 1)


def partitions_of(zones: Iterable[str]) -> Partitions:
    """Partitions of `zones` and of every day that history may begin on."""
    return make_partitions(zones, _FIRST_KNOWN_DAY)


_WIDEST = partitions_of(ALL_ZONES)
zone_partitions = _WIDEST.of_zone
zone_day_partitions = _WIDEST.of_zone_and_day


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
    """Zone and days of partition keys, extended by the tag `spotdesk/first_day`.

    Raises:
        ConfigurationError: there is no key, there are several zones, or the tag is not a day.
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
        raise ConfigurationError(
            f"tag {FIRST_DAY_TAG}: {first!r} is not a day, write for example 2026-03-29"
        ) from error
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
    """The same zone's `asset`: all its days for a model, or its model for a day."""
    return AssetDep(asset, partition_mapping=MultiToSingleDimensionPartitionMapping("zone"))


def tomorrow_of(today: date) -> date:
    """The delivery day whose auction closes today."""
    return today + timedelta(days=1)
