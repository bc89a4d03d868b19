"""A new file in the folder of a desk starts one run that loads it, and no second one."""

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from dagster import DagsterInstance, SensorResult, build_sensor_context

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.market.market_source import MarketSource
from resources.settings.zones import Desk, DeskSettings, ZoneSettings, make_desk
from resources.trading.alerts import Alerts
from sensors.files import files_arrived
from sensors.upkeep import history_is_missing
from spot.simulation.market import simulate
from spot.sources.files.tidy_rows import tidy_rows
from tests.sensors.conftest import NOW, ZONE

Resources = Mapping[str, object]


@pytest.fixture
def files_desk(project_root: Path) -> Desk:
    zones = {ZONE: ZoneSettings(source="files"), "NL": ZoneSettings(source="files")}
    return make_desk(project_root / "resources/home/templates/conf", DeskSettings(zones=zones))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "market_data"
    made.mkdir()
    return made


def write(folder: Path, name: str, day: date) -> None:
    tables = simulate(ZONE, day, day, seed=1).tables
    tidy_rows({"day_ahead_prices": tables["day_ahead_prices"]}, ZONE).write_csv(folder / name)


def look(lake: Lake, desk: Desk, folder: Path, cursor: str | None) -> SensorResult:
    source = MarketSource(lake=lake, alerts=Alerts(lake=lake), data_folder=str(folder), http_folder="")
    with DagsterInstance.ephemeral() as instance, build_sensor_context(instance, cursor=cursor) as context:
        result = files_arrived(
            context, lake=lake, desk=desk, market_source=source, clock=Clock(fixed_utc=NOW.isoformat())
        )
    assert isinstance(result, SensorResult)
    return result


def keys(result: SensorResult) -> list[str | None]:
    return [run.partition_key for run in result.run_requests or []]


def test_each_change_of_the_files_starts_one_run(lake: Lake, files_desk: Desk, folder: Path) -> None:
    write(folder, f"{ZONE}_a.csv", date(2025, 6, 9))
    first = look(lake, files_desk, folder, None)
    assert keys(first) == [f"2025-06-11|{ZONE}"], "NL has no features: its first history is another sensor's"
    again = look(lake, files_desk, folder, first.cursor)
    assert keys(again) == []
    write(folder, f"{ZONE}_b.csv", date(2025, 6, 10))
    second = look(lake, files_desk, folder, again.cursor)
    assert len(keys(second)) == 1
    os.utime(folder / f"{ZONE}_a.csv", (1, 1))
    third = look(lake, files_desk, folder, second.cursor)
    assert len(keys(third)) == 1
    runs = [*(first.run_requests or []), *(second.run_requests or []), *(third.run_requests or [])]
    assert len({run.run_key for run in runs}) == 3


def test_a_first_history_waits_for_the_first_file(tmp_path: Path, files_desk: Desk, folder: Path) -> None:
    empty = Lake(uri=str(tmp_path / "empty"))
    source = MarketSource(lake=empty, alerts=Alerts(lake=empty), data_folder=str(folder), http_folder="")

    def zones() -> list[str]:
        with DagsterInstance.ephemeral() as instance, build_sensor_context(instance) as context:
            clock = Clock(fixed_utc=NOW.isoformat())
            result = history_is_missing(
                context, lake=empty, desk=files_desk, clock=clock, market_source=source
            )
        found = result.run_requests if isinstance(result, SensorResult) else []
        return [(run.partition_key or "").split("|")[1] for run in found or []]

    assert zones() == []
    write(folder, f"{ZONE}.csv", date(2025, 6, 9))
    assert zones() == [ZONE]
