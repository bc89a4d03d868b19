"""A table that no source of a zone has is not late; one that is due and not there is."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dagster import materialize

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.market.market_source import MarketSource
from resources.settings.zones import DeskSettings, ZoneSettings, make_desk
from resources.trading.alerts import Alerts
from spot.simulation.market import simulate
from tests.spot.sources.test_files import tidy
from trading_assets.market_data import fundamentals
from trading_assets.market_data import prices as market
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
def test_freshness_is_asked_of_what_the_source_has(
    table: str, day: date, passed: bool, words: str | None, tmp_path: Path, project_root: Path
) -> None:
    tidy(ZONE, DAY, DAY).write_parquet(tmp_path / "eu13_da_hourly_x.parquet")
    lake = Lake(uri=str(tmp_path / "lake"))
    source = MarketSource(
        lake=lake, alerts=Alerts(lake=lake), data_folder=str(tmp_path), http_folder=str(tmp_path / "http")
    )
    desk = make_desk(
        project_root / "resources/home/templates/conf",
        DeskSettings(zones={ZONE: ZoneSettings(source="files")}),
    )
    resources = {
        "lake": lake,
        "desk": desk,
        "market_source": source,
        "alerts": Alerts(lake=lake),
        "clock": Clock(fixed_utc="2024-08-01T12:00:00+00:00"),
    }
    done = materialize(
        [getattr(market, table), getattr(market, f"{table}_checks")],
        partition_key=partition_key(ZONE, day),
        resources=resources,
    )
    (fresh,) = [found for found in done.get_asset_check_evaluations() if found.check_name == "data_is_fresh"]
    assert fresh.passed is passed
    assert (words or "") in (fresh.description or "")


def test_a_doubled_hour_goes_to_quarantine_and_to_the_desk_and_not_into_the_ledger(
    tmp_path: Path, project_root: Path
) -> None:
    lake = Lake(uri=str(tmp_path / "lake"))
    rows = simulate(ZONE, DAY, DAY, seed=1).tables["load_forecasts"]
    doubled = pl.concat([rows, rows.head(1).with_columns(pl.col("load_forecast_mw") * 1.5)])

    class Doubling(MarketSource):
        def fetch(self, *_: Any, **__: Any) -> pl.DataFrame:
            return doubled

    source = Doubling(
        lake=lake, alerts=Alerts(lake=lake), data_folder=str(tmp_path), http_folder=str(tmp_path / "http")
    )
    desk = make_desk(
        project_root / "resources/home/templates/conf", DeskSettings(zones={ZONE: ZoneSettings()})
    )
    have = {
        "lake": lake,
        "desk": desk,
        "market_source": source,
        "clock": Clock(fixed_utc="2024-08-01T12:00:00+00:00"),
    }
    for _ in range(2):
        done = materialize(
            [fundamentals.load_forecasts, fundamentals.load_forecasts_checks],
            partition_key=partition_key(ZONE, DAY),
            resources=have,
        )
    assert lake.read("load_forecasts").height == rows.height - 1
    assert lake.read("quarantine")["reason"].to_list() == ["conflicting values for one key"] * 2
    assert lake.read("alerts").select("zone", "kind").rows() == [(ZONE, "bad_data")]
    (kept,) = [
        found
        for found in done.get_asset_check_evaluations()
        if found.check_name == "every_row_keeps_the_contract"
    ]
    assert not kept.passed
