"""The source `files` of a desk whose data was ingested, lies in its folder, or both."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from resources.lake.lake import Lake
from resources.market.market_source import MarketSource
from resources.settings.zones import ZoneSettings
from resources.trading.alerts import Alerts
from spot.errors import ConfigurationError
from spot.simulation.market import simulate
from spot.sources.files.tidy_rows import tidy_rows

ZONE, DAY = "NL", date(2024, 3, 4)
NOW = datetime(2024, 4, 1, tzinfo=UTC)
FILES = ZoneSettings(source="files")


@pytest.fixture
def source(tmp_path: Path) -> MarketSource:
    lake = Lake(uri=str(tmp_path / "lake"))
    folder = tmp_path / "market_data"
    folder.mkdir()
    return MarketSource(lake=lake, alerts=Alerts(lake=lake), data_folder=str(folder), http_folder="")


def prices(first: date, last: date) -> pl.DataFrame:
    return tidy_rows(
        {"day_ahead_prices": simulate(ZONE, first, last, seed=3).tables["day_ahead_prices"]}, ZONE
    )


def put(source: MarketSource, rows: pl.DataFrame, written: datetime) -> None:
    path = Path(source.data_folder) / f"{ZONE}.csv"
    rows.write_csv(path)
    os.utime(path, (written.timestamp(), written.timestamp()))


def fetch(source: MarketSource, now: datetime = NOW, table: str = "day_ahead_prices") -> pl.DataFrame:
    last = DAY + timedelta(days=5)
    return source.fetch(table, ZONE, DAY - timedelta(days=5), last, settings=FILES, now=now)


def load(source: MarketSource, now: datetime = NOW) -> int:
    return source.lake.append("day_ahead_prices", fetch(source, now), source="files").n_new


def test_a_zone_without_file_and_ledger_says_what_to_do(source: MarketSource) -> None:
    with pytest.raises(ConfigurationError, match="holds no market data file"):
        fetch(source)
    assert not source.holds(ZONE, settings=FILES)


def test_what_was_ingested_needs_no_file(source: MarketSource) -> None:
    put(source, prices(DAY, DAY), NOW - timedelta(days=9))
    assert load(source) == 24
    (Path(source.data_folder) / f"{ZONE}.csv").unlink()
    assert fetch(source).is_empty()
    assert fetch(source, table="load_forecasts").is_empty()
    assert source.holds(ZONE, settings=FILES)
    assert source.offers("day_ahead_prices", ZONE, settings=FILES)
    assert not source.offers("load_forecasts", ZONE, settings=FILES)


def test_a_file_that_grows_gives_its_new_days_alone(source: MarketSource) -> None:
    put(source, prices(DAY, DAY), NOW - timedelta(days=20))
    assert load(source) == 24
    assert fetch(source).is_empty()
    put(source, prices(DAY, DAY + timedelta(days=1)), NOW - timedelta(days=10))
    assert load(source) == 24
    assert source.lake.read("quarantine").is_empty()


def test_a_changed_value_is_a_revision_known_since_the_file_was_written(source: MarketSource) -> None:
    old = prices(DAY, DAY)
    put(source, old, NOW - timedelta(days=20))
    load(source)
    written = NOW - timedelta(days=2)
    put(source, old.with_columns(value=pl.col("value") + 1.0), written)
    assert fetch(source, now=written - timedelta(seconds=1)).is_empty(), "not known yet"
    assert load(source) == 24
    held = source.lake.read("day_ahead_prices", zones=[ZONE])
    assert held.height == 48
    assert held["available_at_utc"].max() == written
    assert source.lake.read("quarantine").is_empty()
