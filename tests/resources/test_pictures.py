"""Pictures: a PNG for any frame under contract, honest about nothing to show and about simulated data."""

import struct
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from resources.pictures.desk import calibration, drift_by_feature, error_over_time, forecast_fan, pnl_curve
from spot.contracts.forecast_tables import DAY_AHEAD_FORECASTS, QUANTILE_COLUMNS
from spot.contracts.monitoring_tables import FEATURE_DRIFT
from spot.contracts.signal_tables import SETTLEMENTS
from spot.simulation.market import simulate

DAY = date(2024, 5, 1)


@pytest.fixture(scope="module")
def prices() -> pl.DataFrame:
    return simulate("DK_1", DAY, DAY + timedelta(days=3), seed=1).tables["day_ahead_prices"]


@pytest.fixture(scope="module")
def forecasts(prices: pl.DataFrame) -> pl.DataFrame:
    quantiles = {
        column: pl.col("price_eur_per_mwh") + 40.0 * (level - 0.5)
        for level, column in QUANTILE_COLUMNS.items()
    }
    return prices.with_columns(
        price_point_eur_per_mwh=pl.col("price_eur_per_mwh"),
        role=pl.lit("champion"),
        model_name=pl.lit("DK_1"),
        model_version=pl.lit("1"),
        as_of_utc=pl.col("available_at_utc"),
        newest_input_utc=pl.col("available_at_utc"),
        data_version=pl.lit(""),
        fallback=pl.lit(None, pl.String),
        **quantiles,
    ).select(DAY_AHEAD_FORECASTS.columns.keys())


def size_of(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


def settlements(source: str) -> pl.DataFrame:
    days = [DAY + timedelta(days=i) for i in range(10)]
    frame = pl.DataFrame(
        {
            "zone": ["DK_1"] * 10,
            "role": ["champion"] * 10,
            "delivery_day": days,
            "pnl_eur": np.linspace(-5, 20, 10),
        }
    )
    frame = frame.with_columns(perfect_foresight_eur=pl.lit(30.0), source=pl.lit(source))
    return pl.concat([SETTLEMENTS.empty(), frame], how="diagonal")


def drift(n: int, status: str = "ok") -> pl.DataFrame:
    rows = {
        "zone": ["FR"] * n,
        "delivery_day": [DAY] * n,
        "feature": [f"f{i}|mean" for i in range(n)],
        "method": ["wasserstein"] * n,
    }
    values = {
        "value": [float(i) for i in range(n)],
        "threshold": [2.0] * n,
        "status": [status] * n,
        "reason": [""] * n,
        "n_reference_days": [90] * n,
    }
    return pl.DataFrame(rows | values, schema=FEATURE_DRIFT.schema)


def test_every_picture_of_full_frames_is_a_png(forecasts: pl.DataFrame, prices: pl.DataFrame) -> None:
    errors = forecasts.group_by("zone", "delivery_day", "source").agg(mae_eur_per_mwh=pl.lit(3.0))
    pictures = [
        forecast_fan(forecasts, prices),
        pnl_curve(settlements("simulated")),
        drift_by_feature(drift(30, "alert")),
        calibration(forecasts, prices),
    ]
    pictures.append(error_over_time(errors, marks={"gas shock": DAY}))
    for png in pictures:
        width, height = size_of(png)
        assert 500 <= width <= 1100
        assert height >= 400


def test_empty_frames_give_a_picture_that_is_smaller_and_does_not_fail(
    forecasts: pl.DataFrame, prices: pl.DataFrame
) -> None:
    for png in (
        forecast_fan(forecasts.clear(), prices),
        pnl_curve(SETTLEMENTS.empty()),
        drift_by_feature(FEATURE_DRIFT.empty()),
        calibration(forecasts, prices.clear()),
    ):
        assert size_of(png)[1] < 300


def test_the_outcome_changes_the_fan(forecasts: pl.DataFrame, prices: pl.DataFrame) -> None:
    assert forecast_fan(forecasts, prices) != forecast_fan(forecasts, prices.clear())


def test_simulated_data_is_marked_and_real_data_is_not() -> None:
    assert pnl_curve(settlements("simulated")) != pnl_curve(settlements("files"))
    assert drift_by_feature(drift(5), source="simulated") != drift_by_feature(drift(5), source="files")


def test_unjudged_features_are_not_drawn_as_undrifted() -> None:
    blind = drift(5).with_columns(value=pl.lit(None, dtype=pl.Float64))
    assert drift_by_feature(blind) == drift_by_feature(FEATURE_DRIFT.empty())


def test_the_instant_of_drawing_does_not_enter(forecasts: pl.DataFrame, prices: pl.DataFrame) -> None:
    assert forecast_fan(forecasts, prices) == forecast_fan(forecasts, prices)
