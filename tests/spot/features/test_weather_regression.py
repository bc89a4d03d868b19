"""Own forecasts of wind, solar and load: on a made-up zone whose truth is known."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from spot.contracts.live_tables import WEATHER_FORECASTS
from spot.contracts.raw_tables import RAW_TABLES
from spot.contracts.table import check_rows
from spot.errors import ForecastError
from spot.features.weather_regression import Quantity, as_rows, forecast_fundamental
from spot.market.delivery import days_between, delivery_starts_utc
from spot.market.gates import gate_closure_utc
from tests.support.narrow import instant

FIRST, DAY = date(2025, 1, 1), date(2025, 4, 10)
AS_OF = gate_closure_utc("NL", DAY) - timedelta(minutes=45)
POINTS = ("52.90,4.80", "51.90,4.40")
DAYS = days_between(FIRST, DAY)


def hours() -> list[tuple[date, datetime]]:
    return [(day, start) for day in DAYS for start in delivery_starts_utc("NL", day, 60)]


def true_weather() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    at = np.arange(len(hours()))
    speed = 8 + 4 * np.sin(at / 37.0) + 2 * np.sin(at / 11.0)
    sun = np.maximum(0.0, 600 * np.sin((at % 24 - 6) / 12 * np.pi)) * rng.uniform(0.4, 1.0, at.size)
    return {
        "wind_speed_100m": speed,
        "shortwave_radiation": sun,
        "temperature_2m": 8 + 7 * np.sin(at / 700.0) + 4 * np.sin(at / 24 * 2 * np.pi),
    }


def weather(*, error: float = 0.3, delay_hours: int = 7) -> pl.DataFrame:
    rng = np.random.default_rng(4)
    rows = []
    for variable, truth in true_weather().items():
        for point in POINTS:
            noisy = np.maximum(truth + rng.normal(0, error, truth.size), 0.0)
            for (day, start), value in zip(hours(), noisy, strict=True):
                run = datetime.combine(day - timedelta(days=1), datetime.min.time(), tzinfo=UTC)
                rows.append((variable, point, day, start, run, float(value)))
    frame = pl.DataFrame(
        rows,
        schema=["series", "point", "delivery_day", "delivery_start_utc", "run_at_utc", "value"],
        orient="row",
    )
    return frame.with_columns(
        pl.col("delivery_start_utc", "run_at_utc").cast(pl.Datetime("us", "UTC")),
        zone=pl.lit("NL"),
        model=pl.lit("ecmwf_ifs"),
        resolution_minutes=pl.lit(60, dtype=pl.Int32),
        lead_minutes=(pl.col("delivery_start_utc").dt.epoch("us") - pl.col("run_at_utc").dt.epoch("us"))
        // 60_000_000,
        available_at_utc=pl.col("run_at_utc").cast(pl.Datetime("us", "UTC")) + timedelta(hours=delay_hours),
        availability=pl.lit("rule"),
        source=pl.lit("open_meteo"),
    ).select(pl.col(name).cast(column.dtype) for name, column in WEATHER_FORECASTS.columns.items())


def truth(quantity: Quantity) -> np.ndarray:
    now = true_weather()
    if quantity == "wind":
        return 3000 / (1 + np.exp(-(now["wind_speed_100m"] - 9) / 1.6))
    if quantity == "solar":
        return 8 * now["shortwave_radiation"]
    local = np.array([start.hour for _, start in hours()])
    evening = 1500 * np.sin((local - 7) / 12 * np.pi)
    return np.asarray(11_000 + evening + 80 * np.maximum(15 - now["temperature_2m"], 0))


def actuals(quantity: Quantity) -> pl.DataFrame:
    column, series = ("load_mw", "load") if quantity == "load" else ("generation_mw", quantity)
    starts = [start for _, start in hours()]
    return pl.DataFrame({"delivery_start_utc": starts, column: truth(quantity)}).with_columns(
        pl.col("delivery_start_utc").cast(pl.Datetime("us", "UTC")),
        pl.Series("delivery_day", [day for day, _ in hours()]),
        zone=pl.lit("NL"),
        series=pl.lit(series),
        resolution_minutes=pl.lit(60, dtype=pl.Int32),
        available_at_utc=pl.col("delivery_start_utc").cast(pl.Datetime("us", "UTC")) + timedelta(hours=2),
        availability=pl.lit("rule"),
        source=pl.lit("energy_charts"),
    )


@pytest.mark.parametrize(("quantity", "share"), [("wind", 0.05), ("solar", 0.05), ("load", 0.02)])
def test_a_forecast_is_close_to_a_truth_that_follows_the_weather(quantity: Quantity, share: float) -> None:
    made = forecast_fundamental(quantity, weather(), actuals(quantity), zone="NL", day=DAY, as_of_utc=AS_OF)
    today = np.array([day == DAY for day, _ in hours()])
    error = np.abs(made.values_mw - truth(quantity)[today]).mean()
    assert error < share * truth(quantity).max()
    yesterday = np.abs(truth(quantity)[today] - truth(quantity)[np.roll(today, -24)]).mean()
    assert quantity == "load" or error < 0.5 * yesterday
    assert (made.values_mw >= 0).all()
    assert made.newest_input_utc <= AS_OF


def test_nothing_later_than_the_instant_enters() -> None:
    sane, raw = actuals("wind"), weather()
    absurd = sane.with_columns(
        generation_mw=pl.when(pl.col("available_at_utc") > AS_OF)
        .then(99_999.0)
        .otherwise(pl.col("generation_mw"))
    )
    late_runs = raw.with_columns(
        value=pl.col("value") * 50,
        run_at_utc=pl.col("run_at_utc") + timedelta(hours=6),
        available_at_utc=gate_closure_utc("NL", DAY) + timedelta(seconds=1),
    ).with_columns(pl.col("available_at_utc").cast(pl.Datetime("us", "UTC")))
    clean = forecast_fundamental("wind", raw, sane, zone="NL", day=DAY, as_of_utc=AS_OF)
    dirty = forecast_fundamental(
        "wind", pl.concat([raw, late_runs]), absurd, zone="NL", day=DAY, as_of_utc=AS_OF
    )
    assert np.array_equal(clean.values_mw, dirty.values_mw)


def test_a_run_that_came_after_the_gate_of_a_past_day_does_not_teach_it() -> None:
    with pytest.raises(ForecastError, match="no weather run"):
        forecast_fundamental(
            "wind", weather(delay_hours=14), actuals("wind"), zone="NL", day=DAY, as_of_utc=AS_OF
        )


def test_too_little_history_or_a_missing_hour_is_an_error() -> None:
    short = weather().filter(pl.col("delivery_day") > DAY - timedelta(days=20))
    with pytest.raises(ForecastError, match="are needed"):
        forecast_fundamental("wind", short, actuals("wind"), zone="NL", day=DAY, as_of_utc=AS_OF)
    hole = weather().filter(pl.col("delivery_start_utc") != delivery_starts_utc("NL", DAY, 60)[5])
    with pytest.raises(ForecastError, match="every hour"):
        forecast_fundamental("wind", hole, actuals("wind"), zone="NL", day=DAY, as_of_utc=AS_OF)
    with pytest.raises(ForecastError, match="wind_speed_100m"):
        forecast_fundamental(
            "wind",
            weather().filter(pl.col("series") != "wind_speed_100m"),
            actuals("wind"),
            zone="NL",
            day=DAY,
            as_of_utc=AS_OF,
        )


@pytest.mark.parametrize(
    ("quantity", "table"),
    [("wind", "renewable_forecasts"), ("solar", "renewable_forecasts"), ("load", "load_forecasts")],
)
def test_rows_keep_the_contract_and_are_known_before_the_gate(quantity: Quantity, table: str) -> None:
    made = forecast_fundamental(quantity, weather(), actuals(quantity), zone="NL", day=DAY, as_of_utc=AS_OF)
    contract = next(contract for contract in RAW_TABLES if contract.name == table)
    checked = check_rows(as_rows(made, DAY), contract)
    assert checked.rejected.is_empty()
    assert checked.accepted.height == 24
    assert instant(checked.accepted["available_at_utc"].max()) < gate_closure_utc("NL", DAY)
