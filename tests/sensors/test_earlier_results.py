"""A forecast is made again when a result comes before the last safe minute, and nothing waits after it."""

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from dagster import SensorResult

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.settings.zones import Desk, DeskSettings, ZoneSettings, make_desk
from sensors.earlier_results import earlier_result_arrived
from sensors.schedules import schedules_of
from spot.features.matrix import build_features
from spot.market.gates import gate_closure_utc
from spot.simulation.market import simulate
from tests.support.raw_rows import raw_day

ZONE, DAY = "FR", date(2025, 6, 11)
GATE = gate_closure_utc(ZONE, DAY)
SETTINGS = ZoneSettings(source="files")


def minutes_before(n: int) -> datetime:
    return GATE - timedelta(minutes=n)


@pytest.fixture
def desk(project_root: Path) -> Desk:
    return make_desk(project_root / "resources/home/templates/conf", DeskSettings(zones={ZONE: SETTINGS}))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Features of a day whose first forecast was made without the Swiss result."""
    made = Lake(uri=str(tmp_path / "lake"))
    raw = simulate(ZONE, DAY - timedelta(days=9), DAY, seed=1).tables
    rows = build_features(raw, zone=ZONE, days=[DAY]).with_columns(source=pl.lit("files"))
    made.replace("day_ahead_features", rows, zone=ZONE, first_day=DAY, last_day=DAY)
    return made


def arrive(lake: Lake, known: datetime) -> None:
    rows = raw_day("day_ahead_prices", "CH", DAY, 80.0, minutes=60, available_at_utc=known)
    lake.append("day_ahead_prices", rows, source="files")


def runs(lake: Lake, desk: Desk, now: datetime) -> list[str | None]:
    result = earlier_result_arrived(lake=lake, desk=desk, clock=Clock(fixed_utc=now.isoformat()))
    assert isinstance(result, SensorResult)
    return [run.run_key for run in result.run_requests or []]


def test_a_result_after_the_first_forecast_starts_one_run(lake: Lake, desk: Desk) -> None:
    assert runs(lake, desk, minutes_before(25)) == []
    arrive(lake, minutes_before(28))
    assert runs(lake, desk, minutes_before(29)) == [], "it is not known yet"
    assert runs(lake, desk, minutes_before(28)) == [f"remade-{ZONE}-{DAY}-CH"]


@pytest.mark.parametrize("n_minutes", [50, 14, -5])
def test_outside_of_the_window_nothing_is_remade(lake: Lake, desk: Desk, n_minutes: int) -> None:
    arrive(lake, minutes_before(60))
    assert runs(lake, desk, minutes_before(n_minutes)) == []


def test_a_forecast_that_used_the_result_is_not_remade(lake: Lake, desk: Desk) -> None:
    arrive(lake, minutes_before(30))
    rows = lake.read("day_ahead_features").with_columns(earlier_price_swiss_eur_per_mwh=pl.lit(80.0))
    lake.replace("day_ahead_features", rows, zone=ZONE, first_day=DAY, last_day=DAY)
    assert runs(lake, desk, minutes_before(20)) == []


def crons(settings: ZoneSettings, zone: str = ZONE) -> dict[str, str]:
    made = schedules_of(DeskSettings(zones={zone: settings}))
    return {one.name: str(one.cron_schedule) for one in made if "before_day_ahead_gate" in one.name}


def test_the_last_safe_minute_is_a_schedule_of_zones_whose_result_comes_late() -> None:
    first, again = f"before_day_ahead_gate_{ZONE}", f"again_before_day_ahead_gate_{ZONE}"
    assert crons(SETTINGS) == {first: "15 11 * * *", again: "45 11 * * *"}
    late = SETTINGS.model_copy(update={"last_safe_minutes": 10})
    assert crons(late)[again] == "50 11 * * *"


@pytest.mark.parametrize(
    "settings",
    [
        ZoneSettings(),
        ZoneSettings(source="files", earlier_auctions=()),
        ZoneSettings(source="files", gate_lead_minutes=20),
        ZoneSettings(source="files", last_safe_minutes=40),
    ],
)
def test_other_zones_have_no_second_run(settings: ZoneSettings) -> None:
    assert list(crons(settings)) == [f"before_day_ahead_gate_{ZONE}"]
