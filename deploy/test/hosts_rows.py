"""The same day on one host, and whether every row is the same. For `deploy/test/hosts_day.py`.

`hosts_rows.py make SEVERAL ONE FIRST YESTERDAY TOMORROW` makes the desk ONE with the settings of SEVERAL and
works the day off in one process. `hosts_rows.py compare SEVERAL ONE` exits with 1 where a row differs.
"""

import sys
from datetime import date
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

BY_THE_CLOCK: dict[str, tuple[str, ...]] = {
    "signals": ("signal_id", "as_of_utc", "horizon_hours"),
    "signal_reasons": ("signal_id",),
    "publications": ("publication_id", "payload_sha256", "receipt", "recorded_at_utc", "desk_id"),
    "limit_conformance": ("as_of_utc",),
    "promotion_decisions": ("decided_at_utc",),
    "alerts": ("raised_at_utc", "message"),
}
"""Columns that tell when, or by which desk, a row was made: all others are compared."""


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
            runner.run("signals_ready", partition_key(zone, tomorrow))


def compare(several: Path, one: Path) -> None:
    """Every table of both desks, row by row and bit by bit."""
    different, n_rows = [], 0
    lakes = [make_lake(read_environment(home)) for home in (several, one)]
    for name, contract in TABLES.items():
        found, expected = (lake.read(name) for lake in lakes)
        n_rows += found.height
        if found.select(contract.key).is_duplicated().any():
            different.append(f"{name}: rows are doubled")
        found, expected = _comparable(name, found), _comparable(name, expected)
        if not found.equals(expected):
            different.append(f"{name}: {_difference(found, expected)}")
    sys.stdout.write("\n".join([*different, f"{n_rows} rows of {len(TABLES)} tables compared"]) + "\n")
    sys.exit(1 if different else 0)


def _comparable(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without what depends on the minute, in an order of their own."""
    if name == "limit_conformance":  # data grow older by the minute; other uses do not
        by_the_minute = pl.col("limit_name") == "max_data_age_hours"
        rows = rows.with_columns(
            pl.when(~by_the_minute).then(pl.col(column)).alias(column) for column in ("used", "headroom_frac")
        )
    if name == "alerts":  # the loss of a host is told, and one host is not lost
        rows = rows.filter(pl.col("kind") != "run_failed")
    rows = rows.drop(BY_THE_CLOCK.get(name, ()))
    return rows.sort(rows.columns)


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
