"""Days that the partitions page of a desk shows as materialised, beside the days that have rows."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from dagster import DagsterInstance

from definitions import build_definitions
from resources.lake.lake import Lake
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from trading_assets.partitions import days_of, partition_key


@dataclass(frozen=True, slots=True)
class ShownDays:
    """Partition keys of one asset, within the partitions of the desk."""

    materialised: set[str]
    with_rows: set[str]


def days_with_rows(lake: Lake, table: str) -> set[str]:
    """Keys of every zone and day that a table has rows of."""
    rows = lake.read(table).select("zone", "delivery_day").unique()
    return {partition_key(zone, day) for zone, day in rows.iter_rows()}


def shown_days(home: Path, instance: DagsterInstance) -> dict[str, ShownDays]:
    """Every asset of a zone and a day that has a table, by name."""
    environment = read_environment(home)
    lake, found = make_lake(environment), {}
    for spec in build_definitions(environment).resolve_all_asset_specs():
        table = spec.metadata.get("dagster/table_name")
        if table is None or not hasattr(spec.partitions_def, "partitions_defs"):
            continue
        first, last = days_of(spec.partitions_def)
        rows = {
            key
            for key in days_with_rows(lake, str(table))
            if first <= date.fromisoformat(key.partition("|")[0]) <= last
        }
        shown = instance.get_materialized_partitions(spec.key)
        found[spec.key.to_user_string()] = ShownDays(materialised=shown, with_rows=rows)
    return found


def check_shown_days(home: Path, instance: DagsterInstance) -> dict[str, set[str]]:
    """Asset to its materialised days, which are those that have rows.

    Raises:
        AssertionError: a day is shown that has no rows, or has rows and is not shown.
    """
    found = shown_days(home, instance)
    assert len(found) > 20
    for name, days in found.items():
        missing, empty = days.with_rows - days.materialised, days.materialised - days.with_rows
        assert not missing, f"{name}: {sorted(missing)[:3]} have rows and are not shown"
        assert not empty, f"{name}: {sorted(empty)[:3]} are shown and have no rows"
    return {name: days.materialised for name, days in found.items()}
