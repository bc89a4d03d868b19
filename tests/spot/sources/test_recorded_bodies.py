"""Every recorded body of the providers, and the recorded market data it must agree with."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from spot.errors import ContractError
from spot.sources.judging.plausibility import assess_plausibility
from tests.support.narrow import number
from tests.support.recorded_bodies import BODIES, EXPECTED, RecordedBody
from tests.support.recorded_history import bad_prices

pytestmark = pytest.mark.market_data


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.path)
def test_a_recorded_body_gives_what_it_holds(body: RecordedBody, market_data_dir: Path) -> None:
    expected = EXPECTED[body.path]
    if isinstance(expected, str):
        with pytest.raises(ContractError, match=expected):
            body.parse(body.read(market_data_dir))
        return
    parsed = body.parse(body.read(market_data_dir))
    assert {name: frame.height for name, frame in parsed.tables.items()} == expected


def test_every_recorded_file_is_listed(market_data_dir: Path) -> None:
    folder = market_data_dir / "api_samples"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        body.path for body in BODIES
    }


def smard_be(folder: Path) -> pl.DataFrame:
    frame = pl.read_parquet(folder / "smard_da_price_15min_2022_2026.parquet").filter(
        pl.col("ts_utc").dt.minute() == 0
    )
    return frame.select(pl.col("ts_utc").cast(pl.Datetime("us", "UTC")), price="price_be_eur_mwh")


def eu13(zone: str, column: str) -> Callable[[Path], pl.DataFrame]:
    def read(folder: Path) -> pl.DataFrame:
        frame = pl.read_parquet(folder / "eu13_da_hourly_2022_2024.parquet").filter(pl.col("zone") == zone)
        return frame.select(
            pl.col("ts_utc").cast(pl.Datetime("us", "UTC")), price=pl.col(column).cast(pl.Float64)
        )

    return read


AGREEMENTS = {
    "entsoe/hass_BE_60M.xml": ("day_ahead_prices", "price_eur_per_mwh", smard_be, 24),
    "entsoe/em_FR_prices.xml": ("day_ahead_prices", "price_eur_per_mwh", eu13("FR", "price_eur_mwh"), 48),
    "entsoe/inrg_prices_gapfill_0.xml": (
        "day_ahead_prices",
        "price_eur_per_mwh",
        eu13("PT", "price_eur_mwh"),
        24,
    ),
    "energy_charts/price_DE-LU_2024-05-04_hourly.json": (
        "day_ahead_prices",
        "price_eur_per_mwh",
        eu13("DE_LU", "price_eur_mwh"),
        24,
    ),
    "entsoe/em_DK-DK2_consumption_forecast.xml": (
        "load_forecasts",
        "load_forecast_mw",
        eu13("DK_2", "load_fc_mw"),
        64,
    ),
    "entsoe/ejl_load61_b_day_ahead_total_load_forecast.xml": (
        "load_forecasts",
        "load_forecast_mw",
        eu13("CZ", "load_fc_mw"),
        72,
    ),
    "entsoe/ejl_generation141_d_generation_forecasts_for_wind_and_solar.xml": (
        "renewable_forecasts",
        "generation_forecast_mw",
        eu13("BE", "solar_fc_mw"),
        24,
    ),
}


@pytest.mark.parametrize("path", AGREEMENTS)
def test_a_recorded_body_equals_the_recorded_market_data(path: str, market_data_dir: Path) -> None:
    table, column, reference, n_rows = AGREEMENTS[path]
    body = next(body for body in BODIES if body.path == path)
    rows = body.parse(body.read(market_data_dir)).tables[table]
    # The Danish forecast was recorded at 15:04 on its third day; what lies after that was revised later, as
    # it should.
    rows = rows.head(n_rows)
    both = rows.join(reference(market_data_dir), left_on="delivery_start_utc", right_on="ts_utc").drop_nulls(
        "price"
    )
    assert both.height == n_rows
    # The recorded series of wind and solar are rounded to whole MW.
    assert number((both[column] - both["price"]).abs().max()) < (
        0.51 if table == "renewable_forecasts" else 0.01
    )


def test_the_recorded_parser_failure_is_refused(market_data_dir: Path) -> None:
    rows = bad_prices(market_data_dir)
    assert assess_plausibility("day_ahead_prices", rows).is_refused
