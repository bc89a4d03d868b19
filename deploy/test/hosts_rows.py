"""The same day on one host, and whether every row is the same. For `deploy/test/hosts_day.py`.

`hosts_rows.py make SEVERAL ONE FIRST YESTERDAY TOMORROW` makes the desk ONE with the settings of SEVERAL and
works the day off in one process. `hosts_rows.py compare SEVERAL ONE` exits with 1 where a row differs.
"""

import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
from dagster import DagsterInstance

from desk.in_process import ChainRunner
from resources.home.make import make_home
from resources.models.training_order import TrainingOrder
from resources.settings.desk import desk_resource
from resources.settings.environment import read_environment
from resources.settings.process import set_variables
from resources.wiring import make_lake
from spot.contracts.tables import TABLES
from trading_assets.partitions import partition_key

NOT_COMPARED: dict[str, tuple[str, ...]] = {}
"""Columns that tell when or by which run a row was made."""


def make(several: Path, one: Path, first: date, yesterday: date, tomorrow: date) -> None:
    """Work the day off on one host: files hold locks and records, and one process does all."""
    set_variables({"SPOTDESK_DAGSTER_SETTINGS": ""})
    make_home(one, settings={"zones.yaml": (several / "conf" / "zones.yaml").read_text(encoding="utf-8")})
    environment = read_environment(one)
    desk = desk_resource(environment)
    with DagsterInstance.ephemeral() as instance:
        runner = ChainRunner(environment, desk, instance)
        for zone in desk.zones:
            runner.run("history_loaded", partition_key(zone, yesterday), first_day=first)
        for zone in desk.zones:
            runner.run("zone_retrained", zone, order=TrainingOrder())
        for zone in desk.zones:
            runner.run(
                "history_traded", partition_key(zone, yesterday), first_day=yesterday - timedelta(days=2)
            )
        for zone in desk.zones:
            runner.run("signals_ready", partition_key(zone, tomorrow))


def compare(several: Path, one: Path) -> None:
    """Every table of both desks, row by row and bit by bit."""
    different, n_rows = [], 0
    lakes = [make_lake(read_environment(home)) for home in (several, one)]
    for name, contract in TABLES.items():
        found, expected = (lake.read(name).drop(NOT_COMPARED.get(name, ())) for lake in lakes)
        key = [column for column in contract.key if column in found.columns]
        n_rows += found.height
        if found.select(key).is_duplicated().any():
            different.append(f"{name}: rows are doubled")
        if not found.sort(key).equals(expected.sort(key)):
            different.append(f"{name}: {_difference(found.sort(key), expected.sort(key))}")
    sys.stdout.write("\n".join([*different, f"{n_rows} rows of {len(TABLES)} tables compared"]) + "\n")
    sys.exit(1 if different else 0)


def _difference(found: pl.DataFrame, expected: pl.DataFrame) -> str:
    if found.height != expected.height:
        return f"{found.height} rows, on one host {expected.height}"
    columns = [name for name in found.columns if not found[name].equals(expected[name])]
    return f"of {found.height} rows differ in {', '.join(columns)}"


if __name__ == "__main__":
    deed, several, one, *days = sys.argv[1:]
    if deed == "make":
        make(Path(several), Path(one), *(date.fromisoformat(day) for day in days))
    else:
        compare(Path(several), Path(one))
