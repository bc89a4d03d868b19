"""The analysts' SQL chooses vintages exactly as `spot.contracts.vintages` does for everything else."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from resources.analysts.database import AnalystDatabase
from resources.lake.lake import Lake
from spot.contracts.vintages import known_at, newest_vintage
from tests.support.raw_rows import ramp, raw_day

DAY = date(2025, 10, 10)
NOON = datetime(2025, 10, 9, 12, tzinfo=UTC)
MARKETS = {
    "day_ahead_prices": pl.lit("day_ahead"),
    "intraday_prices": pl.format("intraday_{}", "series"),
    "imbalance_prices": pl.lit("imbalance"),
}
AS_OF = "SELECT * FROM prices_as_of(TIMESTAMPTZ '{}')"
COLUMNS = (
    "zone", "market", "delivery_day", "delivery_start_utc", "resolution_minutes", "price_eur_per_mwh",
    "available_at_utc", "source",
)  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two zones; a first value, a revision of half the day, and the word of a second source."""
    lake = Lake(uri=str(tmp_path_factory.mktemp("lake")))
    for zone in ("DE_LU", "FR"):
        for table in MARKETS:
            first = raw_day(table, zone, DAY, ramp(zone, DAY), available_at_utc=NOON)
            revised = raw_day(table, zone, DAY, ramp(zone, DAY, first=500.0), available_at_utc=NOON)
            later = revised.with_columns(available_at_utc=NOON + timedelta(hours=2)).gather_every(2)
            other = raw_day(
                table, zone, DAY, -7.0, available_at_utc=NOON + timedelta(hours=1), source="entsoe"
            )
            for rows, source in ((later, "files"), (first, "files"), (other, "entsoe")):
                lake.append(table, rows, source=source)
    return lake


@pytest.fixture(scope="module")
def database(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> AnalystDatabase:
    database = AnalystDatabase(path=str(tmp_path_factory.mktemp("desk") / "analyst.duckdb"))
    database.publish(lake, model_versions=[])
    return database


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    instants = pl.col("delivery_start_utc", "available_at_utc").dt.cast_time_unit("us")
    return rows.select(COLUMNS).with_columns(instants).sort(COLUMNS)


def chosen(lake: Lake, choose: Callable[..., Any]) -> pl.DataFrame:
    return in_order(
        pl.concat(
            [
                choose(lake.read(table)).with_columns(market=name).select(COLUMNS)
                for table, name in MARKETS.items()
            ]
        )
    )


@pytest.mark.parametrize("minutes", [-1, 0, 59, 60, 61, 119, 120, 600])
def test_prices_as_of_an_instant(lake: Lake, database: AnalystDatabase, minutes: int) -> None:
    instant = NOON + timedelta(minutes=minutes)
    found = database.query(AS_OF.format(instant.isoformat()))
    expected = chosen(lake, lambda rows: known_at(rows, instant))
    assert in_order(found).equals(expected)
    assert expected.is_empty() is (minutes < 0)
    pairs = [lake.read(table, as_of_utc=instant).height for table in MARKETS]
    assert sum(pairs) == expected.height


def test_the_newest_prices(lake: Lake, database: AnalystDatabase) -> None:
    assert in_order(database.query("SELECT * FROM prices")).equals(chosen(lake, newest_vintage))
