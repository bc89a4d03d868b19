"""A table that no source of a zone has is not late; one that is due and not there is."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from dagster import materialize

from resources.alerts import Alerts
from resources.clock import Clock
from resources.desk_settings import DeskSettings, ZoneSettings, make_desk
from resources.lake import Lake
from resources.market_source import MarketSource
from tests.spot.sources.test_files import tidy
from trading_assets import market
from trading_assets.partitions import partition_key

ZONE, DAY = "FR", date(2024, 6, 1)


@pytest.mark.parametrize(
    ("table", "day", "passed", "words"),
    [
        ("intraday_prices", DAY, True, "files has no intraday_prices of FR"),
        ("day_ahead_prices", DAY, True, None),
        ("day_ahead_prices", DAY + timedelta(days=30), False, "due at"),
    ],
)
def test_freshness_is_asked_of_what_the_source_has(table: str, day: date, passed: bool, words: str | None, tmp_path: Path, project_root: Path):
    tidy(ZONE, DAY, DAY).write_parquet(tmp_path / "eu13_da_hourly_x.parquet")
    lake = Lake(uri=str(tmp_path / "lake"))
    source = MarketSource(lake=lake, alerts=Alerts(lake=lake), data_folder=str(tmp_path), http_folder=str(tmp_path / "http"))
    desk = make_desk(project_root / "conf", DeskSettings(zones={ZONE: ZoneSettings(source="files")}))
    resources = {"lake": lake, "desk": desk, "market_source": source, "clock": Clock(fixed_utc="2024-08-01T12:00:00+00:00")}
    done = materialize([getattr(market, table), getattr(market, f"{table}_checks")], partition_key=partition_key(ZONE, day), resources=resources)
    (fresh,) = [found for found in done.get_asset_check_evaluations() if found.check_name == "data_is_fresh"]
    assert fresh.passed is passed
    assert (words or "") in (fresh.description or "")
