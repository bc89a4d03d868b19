"""The lake is kept in order without losing a row, or a version that a serving model learnt from."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from dagster import build_asset_check_context, build_asset_context

from definitions import build_definitions
from resources.books.chain import Chain
from resources.clock import Clock
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.settings.environment import read_environment
from resources.settings.zones import Desk, ZoneSettings
from resources.trading.state_folder import StateFolder
from spot.errors import ConfigurationError
from tests.support.raw_rows import good_price_row, price_frame
from trading_assets.upkeep.lake import every_file_is_sound, kept_days, lake_maintenance

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Registry:
    """Versions by age in days and stage."""

    def __init__(self, *versions: tuple[int, str]) -> None:
        self._versions = [
            SimpleNamespace(created_at_utc=NOW - timedelta(days=days), stage=stage)
            for days, stage in versions
        ]

    def versions(self, _zone: str) -> list[SimpleNamespace]:
        return self._versions


@pytest.fixture
def desk() -> Desk:
    return Desk(
        conf_folder=str(read_environment().conf_folder), zones={"FR": ZoneSettings().model_dump(mode="json")}
    )


def test_versions_are_kept_for_as_long_as_a_model_that_serves(desk: Desk) -> None:
    assert kept_days(cast("ModelRegistry", Registry()), desk, NOW, 400) == 400
    assert (
        kept_days(cast("ModelRegistry", Registry((10, "champion"), (900, "rejected"))), desk, NOW, 400) == 400
    )
    assert kept_days(cast("ModelRegistry", Registry((900, "champion"))), desk, NOW, 400) > 900


def maintained(lake: Lake, desk: Desk, state: Path) -> Any:
    return lake_maintenance(
        build_asset_context(),
        lake=lake,
        desk=desk,
        registry=Registry(),
        clock=Clock(fixed_utc=NOW.isoformat()),
        state_folder=StateFolder(path=str(state)),
    )


def test_a_desk_with_books_records_a_purge_before_it_begins(tmp_path: Path, desk: Desk) -> None:
    Chain(tmp_path).append("test", {})
    maintained(Lake(uri=str(tmp_path / "lake")), desk, tmp_path / "trading_state")
    record = Chain(tmp_path).records()[-1]
    assert record.kind == "purge"
    assert record.content == {
        "runs": (NOW - timedelta(days=90)).isoformat(),
        "captured_bodies": (NOW - timedelta(days=1095)).isoformat(),
    }


def test_nothing_is_removed_by_a_clock_that_is_not_believed(tmp_path: Path, desk: Desk) -> None:
    StateFolder(path=str(tmp_path / "state")).set_up()
    (tmp_path / "state" / "clock.json").write_text("damaged")
    with pytest.raises(ConfigurationError, match="nothing is removed: the clock is not trusted"):
        maintained(Lake(uri=str(tmp_path / "lake")), desk, tmp_path / "state")


def test_a_run_reports_what_it_did_and_keeps_every_row(tmp_path: Path, desk: Desk) -> None:
    lake = Lake(uri=str(tmp_path / "lake"))
    start = datetime(2024, 5, 31, 11, tzinfo=UTC)
    for at in range(26):
        row = good_price_row(available_at_utc=start + timedelta(minutes=at), price_eur_per_mwh=float(at))
        lake.append("day_ahead_prices", price_frame(row), source="files")
    rows = lake.read("day_ahead_prices")
    metadata = maintained(lake, desk, tmp_path / "state").metadata
    assert (metadata["removed_runs"], metadata["runs_kept_days"]) == (0, 90)
    assert metadata["versions_kept_days"] == 400
    assert metadata["removed_files"] == 0
    assert lake.read("day_ahead_prices").equals(rows)
    verdict: Any = every_file_is_sound(build_asset_check_context(), lake=lake)
    assert verdict.passed


def test_a_flipped_bit_fails_the_check_by_name(tmp_path: Path) -> None:
    lake = Lake(uri=str(tmp_path / "lake"))
    lake.append("day_ahead_prices", price_frame(good_price_row()), source="files")
    path = next(Path(lake.uri, "day_ahead_prices").glob("zone=*/**/*.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    verdict: Any = every_file_is_sound(build_asset_check_context(), lake=lake)
    assert not verdict.passed
    assert "day_ahead_prices" in str(verdict.description)


def test_maintenance_runs_by_itself_far_from_the_gate() -> None:
    schedule: Any = next(
        one
        for one in build_definitions(read_environment()).schedules or []
        if one.name == "lake_maintenance_weekly"
    )
    assert schedule.job_name == "lake_maintained"
    assert schedule.cron_schedule == "30 17 * * 6"
