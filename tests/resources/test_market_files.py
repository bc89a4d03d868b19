"""The folder of recorded market data, made up and real."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from resources.lake.lake import Lake
from resources.market.market_files import MarketFiles
from resources.market.market_source import MarketSource
from resources.settings.zones import ZoneSettings
from resources.trading.alerts import Alerts
from spot.errors import ConfigurationError
from spot.features.matrix import build_features, build_panel
from spot.market.delivery import days_between
from tests.spot.sources.test_files import instants, tidy


def test_a_missing_an_empty_and_a_foreign_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder"):
        MarketFiles(path=str(tmp_path / "nowhere")).zones()
    with pytest.raises(ConfigurationError, match="no market data file"):
        MarketFiles(path=str(tmp_path)).zones()
    (tmp_path / "epf_published_forecasts_np.parquet").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="no market data file"):
        MarketFiles(path=str(tmp_path)).tables("FR")


def test_a_zone_that_no_file_holds_is_refused_with_those_that_are(tmp_path: Path) -> None:
    tidy("FR", date(2024, 6, 1), date(2024, 6, 2)).write_parquet(tmp_path / "eu13_da_hourly_x.parquet")
    files = MarketFiles(path=str(tmp_path))
    assert files.zones() == ["FR"]
    with pytest.raises(ConfigurationError, match="holds zone 'NL': they hold FR"):
        files.tables("NL")


def test_a_refused_file_does_not_hide_the_others(tmp_path: Path) -> None:
    day = date(2024, 6, 1)
    tidy("DE_LU", day, day).write_parquet(tmp_path / "eu13_da_hourly_x.parquet")
    mixed = pl.DataFrame(instants(day, day, "15m")).with_columns(
        price_mixed_sequences_eur_mwh=pl.int_range(pl.len()).cast(pl.Float64)
    )
    mixed.write_parquet(tmp_path / "de_lu_price_mixed_BAD_x.parquet")
    files = MarketFiles(path=str(tmp_path))
    assert files.tables("DE_LU")["day_ahead_prices"].height == 24
    assert list(files.refused()) == ["de_lu_price_mixed_BAD_x.parquet"]


@pytest.mark.market_data
class TestRecordedData:
    def test_only_the_bad_file_is_refused(self, market_data_dir: Path) -> None:
        refused = MarketFiles(path=str(market_data_dir)).refused()
        assert list(refused) == ["de_lu_price_mixed_BAD_2024_2026.parquet"]
        assert "two auctions are mixed" in refused["de_lu_price_mixed_BAD_2024_2026.parquet"]

    @pytest.mark.parametrize(
        ("zone", "expected"),
        [
            ("DE_LU", {"day_ahead_prices": 65_013, "load_forecasts": 40_004, "fuel_prices": 6_355}),
            ("CH", {"day_ahead_prices": 48_162, "load_actuals": 48_162}),
            ("DE_AT_LU", {"day_ahead_prices": 32_756}),
            (
                "SK",
                {
                    "intraday_prices": 46_558,
                    "imbalance_prices": 72_384,
                    "load_actuals": 18_275,
                    "day_ahead_prices": 44_667,
                },
            ),
            ("BE", {"imbalance_prices": 49_559, "day_ahead_prices": 99_096}),
            ("CZ", {"day_ahead_prices": 26_304, "renewable_forecasts": 26_304}),
            ("EPF_PJM", {"day_ahead_prices": 52_416, "load_forecasts": 104_832}),
        ],
    )
    def test_zones_enter_the_ledger_whole_and_once(
        self, market_data_dir: Path, tmp_path: Path, zone: str, expected: dict[str, int]
    ) -> None:
        tables = MarketFiles(path=str(market_data_dir)).tables(zone)
        lake = Lake(uri=str(tmp_path))
        for table, rows in tables.items():
            report = lake.append(table, rows, source="files")
            assert (report.n_new, report.n_quarantined) == (rows.height, 0), table
        assert {table: lake.read(table).height for table in expected} == expected

    def test_de_lu_has_quarter_hours_from_october_2025_and_features_across_the_switch(
        self, market_data_dir: Path
    ) -> None:
        tables = MarketFiles(path=str(market_data_dir)).tables("DE_LU")
        prices = tables["day_ahead_prices"]
        assert prices.filter(pl.col("delivery_day") < date(2025, 10, 1))[
            "resolution_minutes"
        ].unique().to_list() == [60]
        assert prices.filter(pl.col("delivery_day") >= date(2025, 10, 1))[
            "resolution_minutes"
        ].unique().to_list() == [15]
        days = days_between(date(2025, 9, 20), date(2025, 10, 30))
        features = build_features(tables, zone="DE_LU", days=days)
        assert features["price_7d_eur_per_mwh"].null_count() == 0
        assert features["wind_forecast_mw"].null_count() == features.height
        assert features["wind_forecast_1d_mw"].null_count() == 0
        panel = build_panel(features, prices, zone="DE_LU")
        assert np.isfinite(panel.prices).sum() == panel.n_periods.sum()


def test_what_the_files_never_had_is_not_offered_and_a_live_zone_offers_what_its_sources_have(
    tmp_path: Path,
) -> None:
    tidy("FR", date(2024, 6, 1), date(2024, 6, 2)).write_parquet(tmp_path / "eu13_da_hourly_x.parquet")
    lake = Lake(uri=str(tmp_path / "lake"))
    market = MarketSource(
        lake=lake, alerts=Alerts(lake=lake), data_folder=str(tmp_path), http_folder=str(tmp_path)
    )
    files = ZoneSettings(source="files")
    assert market.offers("day_ahead_prices", "FR", settings=files)
    assert not market.offers("intraday_prices", "FR", settings=files)
    live = ZoneSettings(source="energy_charts")
    assert market.offers("day_ahead_prices", "BE", settings=live)
    assert not market.offers("imbalance_prices", "BE", settings=live)
    assert market.offers(
        "imbalance_prices",
        "BE",
        settings=ZoneSettings(source="energy_charts", fallback_sources={"imbalance_prices": ("entsoe",)}),
    )
    assert market.offers("imbalance_prices", "BE", settings=ZoneSettings(source="simulated"))
