"""The plausibility rules: clean days pass, broken ones do not, real extremes pass with a flag."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from spot.errors import ContractError
from spot.market.delivery import delivery_starts_utc
from spot.sources.judging.plausibility import Plausibility, assess_plausibility
from spot.sources.parsed import SOURCE_TABLES, Capture, assemble, value_column
from spot.sources.points import Points

FIRST, TODAY = date(2024, 5, 1), date(2024, 5, 29)
Shape = Callable[[np.ndarray, np.random.Generator], np.ndarray]
SHAPES: dict[tuple[str, str], Shape] = {
    ("day_ahead_prices", "day_ahead"): lambda h, rng: (
        80 + 25 * np.cos((h - 19) / 12 * np.pi) - 30 * np.exp(-((h - 13) ** 2) / 8) + rng.normal(0, 4, h.size)
    ),
    ("load_forecasts", "load"): lambda h, rng: (
        9000 + 1800 * np.sin((h - 8) / 12 * np.pi) + rng.normal(0, 80, h.size)
    ),
    ("renewable_forecasts", "solar"): lambda h, rng: (
        np.maximum(0, 5000 * np.sin((h - 5) / 15 * np.pi)) * (h > 5) * (h < 20) * rng.uniform(0.7, 1)
    ),
    ("renewable_forecasts", "wind_onshore"): lambda h, rng: (
        1500 + 700 * np.sin(h / 9 + rng.uniform(0, 6)) + rng.normal(0, 60, h.size)
    ),
}


def rows(
    table: str,
    series: str,
    days: list[date],
    values: Callable[[np.ndarray], np.ndarray] | None = None,
    seed: int = 1,
) -> pl.DataFrame:
    starts, numbers = [], []
    for day in days:
        rng = np.random.default_rng([seed, day.toordinal()])
        instants = delivery_starts_utc("BE", day, 60)
        hours = np.array([instant.astimezone(ZoneInfo("Europe/Brussels")).hour for instant in instants])
        day_values = SHAPES[table, series](hours, rng)
        starts += [int(instant.timestamp()) * 1_000_000 for instant in instants]
        numbers += list(values(day_values) if values else day_values)
    points = Points(
        table=table,
        series=series,
        starts_us=np.array(starts),
        resolution_minutes=60,
        values=np.array(numbers),
    )
    return assemble(
        "test", "test", Capture(zone="BE", captured_at_utc=datetime(2026, 1, 1, tzinfo=UTC)), [points]
    ).tables[table]


def sun(table: str, days: list[date]) -> pl.DataFrame:
    """Forecasts of the sun, or the same numbers as what was generated."""
    forecasts = rows(*SOLAR, days)
    if table == "renewable_forecasts":
        return forecasts
    values = pl.col(value_column("renewable_forecasts")).alias(value_column(table))
    return forecasts.with_columns(values).select(list(SOURCE_TABLES[table].columns))


def past(table: str, series: str) -> pl.DataFrame:
    return rows(table, series, [FIRST + timedelta(days=at) for at in range(28)])


def judged(table: str, series: str, change: Callable[[np.ndarray], np.ndarray] | None = None) -> Plausibility:
    return assess_plausibility(table, rows(table, series, [TODAY], change), past(table, series))


@pytest.mark.parametrize(("table", "series"), SHAPES)
def test_a_clean_month_and_a_clean_day_pass(table: str, series: str) -> None:
    assert assess_plausibility(table, past(table, series)).quarantined.is_empty()
    verdict = judged(table, series)
    assert verdict.accepted.height == 24
    assert not verdict.is_refused


def at(index: int, value: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: np.where(np.arange(values.size) == index, value, values)


PRICES, LOAD = ("day_ahead_prices", "day_ahead"), ("load_forecasts", "load")
SOLAR, WIND = ("renewable_forecasts", "solar"), ("renewable_forecasts", "wind_onshore")
BROKEN: dict[str, tuple[tuple[str, str], Callable[[np.ndarray], np.ndarray], str]] = {
    "prices with the other sign": (PRICES, lambda v: -v, "opposite sign"),
    "prices frozen": (PRICES, lambda v: np.full_like(v, 50.0), "frozen"),
    "prices filled after a cut": (
        PRICES,
        lambda v: np.where(np.arange(24) > 15, v[15], v),
        "filled after a cut",
    ),
    "prices of zero for the evening": (
        PRICES,
        lambda v: np.where(np.arange(24) > 15, 0.0, v),
        "filled after a cut|opposite",
    ),
    "small prices a thousandfold": (PRICES, lambda v: v / 40 * 1000 * (v > 0), "thousandfold"),
    "load frozen": (LOAD, lambda v: np.where(np.arange(24) > 18, 9000.0, v), "frozen"),
    "load a thousandfold of itself in the wrong unit": (LOAD, lambda v: v / 1000, "far below"),
    "load doubled": (LOAD, lambda v: v * 2.1, "above 1.8 times"),
    "load not published after ten": (LOAD, lambda v: np.where(np.arange(24) > 9, 0.0, v), "frozen|far below"),
    "load upside down": (LOAD, lambda v: 18_000 - v, "against the shape"),
    "load with a stand-in": (LOAD, at(7, 9999.0), "stands for a missing value"),
    "load with a hole": (LOAD, at(7, 300.0), "stands alone"),
    "solar by night": (SOLAR, lambda v: v[::-1] * 0 + 2000 + np.arange(24), "by night"),
    "solar of zero at noon": (
        SOLAR,
        lambda v: np.where(np.abs(np.arange(24) - 12) < 4, 0.0, v),
        "zero at noon",
    ),
    "wind of zero": (WIND, lambda v: np.where(np.arange(24) < 8, 0.0, v), "zeros for hours"),
    "wind frozen": (WIND, lambda v: np.where(np.arange(24) < 8, 1234.0, v), "frozen"),
    "wind a thousandfold": (WIND, lambda v: np.minimum(v * 60, 249_000), "above 3 times"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_day_does_not_pass(name: str) -> None:
    (table, series), change, words = BROKEN[name]
    verdict = judged(table, series, change)
    assert verdict.quarantined["reason"].str.contains(words).any(), (
        verdict.quarantined["reason"].unique().to_list()
    )


@pytest.mark.parametrize("keep", [slice(0, 23), slice(1, 24), slice(0, 1)])
def test_a_day_in_part_does_not_pass_and_says_nothing_about_others(keep: slice) -> None:
    both = rows(*PRICES, [TODAY, TODAY + timedelta(days=1)])
    today = both.filter(pl.col("delivery_day") == TODAY)[keep]
    verdict = assess_plausibility(
        "day_ahead_prices", pl.concat([today, both.filter(pl.col("delivery_day") > TODAY)]), past(*PRICES)
    )
    assert verdict.accepted["delivery_day"].unique().to_list() == [TODAY + timedelta(days=1)]
    assert "incomplete or shifted" in verdict.quarantined["reason"][0]
    assert not verdict.is_refused


def test_a_spike_inside_the_limits_passes_and_is_flagged() -> None:
    verdict = judged(*PRICES, at(19, 900.0))
    assert verdict.accepted.height == 24
    assert verdict.flags["flag"].to_list() == ["price spike"]
    low = judged(*PRICES, at(13, -480.0))
    assert low.accepted.height == 24
    assert low.flags["flag"].to_list() == ["deep negative prices"]


def test_a_price_beyond_the_limit_of_its_day_does_not_pass() -> None:
    verdict = judged(*PRICES, at(19, 4200.0))
    reasons = verdict.quarantined["reason"].to_list()
    assert "beyond the harmonised clearing price limits of the day" in reasons
    # The others of the day are not wrong, but a day is whole or open.
    assert reasons.count("beside a refused value: a day is whole or open") == 23
    assert verdict.accepted.is_empty()


@pytest.mark.parametrize("factor", [-1.0, 0.001])
def test_a_farm_of_three_megawatts_is_judged_too(factor: float) -> None:
    def scaled(frame: pl.DataFrame, by: float) -> pl.DataFrame:
        return frame.with_columns(pl.col(value_column("renewable_forecasts")) * by)

    today, history = rows(*WIND, [TODAY]), scaled(past(*WIND), 1 / 800)
    assert assess_plausibility("renewable_forecasts", scaled(today, 1 / 800), history).accepted.height == 24
    verdict = assess_plausibility("renewable_forecasts", scaled(today, factor / 800), history)
    assert verdict.accepted.is_empty()


@pytest.mark.parametrize("wind_mw", [20.0, 60.0])
def test_little_wind_in_the_place_of_the_sun_is_seen_by_its_nights(wind_mw: float) -> None:
    solar = ("renewable_forecasts", "solar")
    swapped = rows(*solar, [TODAY], lambda values: wind_mw + 10.0 * np.sin(np.arange(values.size)))
    verdict = assess_plausibility("renewable_forecasts", swapped, past(*solar))
    assert verdict.accepted.is_empty()
    assert "generation by night" in verdict.quarantined["reason"][0]


def test_a_day_almost_without_sun_passes() -> None:
    solar = ("renewable_forecasts", "solar")
    dark = rows(*solar, [TODAY], lambda values: values * 0.02)
    assert assess_plausibility("renewable_forecasts", dark, past(*solar)).accepted.height == 24


@pytest.mark.parametrize("table", ["renewable_forecasts", "generation_actuals"])
def test_the_sun_with_the_other_sign_does_not_pass(table: str) -> None:
    column, days = value_column(table), [FIRST + timedelta(days=at) for at in range(28)]
    history, today = sun(table, days), sun(table, [TODAY])
    verdict = assess_plausibility(table, today.with_columns(-pl.col(column)), history)
    assert verdict.accepted.is_empty()
    assert "opposite sign" in verdict.quarantined["reason"][0]


def test_what_a_calm_farm_takes_from_the_grid_passes() -> None:
    column = value_column("renewable_forecasts")
    own_use = rows(*WIND, [TODAY]).with_columns(
        pl.when(pl.col("delivery_start_utc").dt.hour() % 2 == 0).then(-5.0).otherwise(-4.0).alias(column)
    )
    assert assess_plausibility("renewable_forecasts", own_use, past(*WIND)).accepted.height == 24


def test_a_thousandth_of_prices_around_zero_is_told_by_its_digits() -> None:
    column = value_column("day_ahead_prices")

    def around_zero(frame: pl.DataFrame, scale: float) -> pl.DataFrame:
        hour = pl.col("delivery_start_utc").dt.hour()
        cents = (((pl.col(column) * 7.0) % 3.0) - 1.0 + hour * 0.01).round(2)
        return frame.with_columns(cents * scale)

    history, today = around_zero(past(*PRICES), 1.0), rows(*PRICES, [TODAY])
    assert assess_plausibility("day_ahead_prices", around_zero(today, 1.0), history).accepted.height == 24
    verdict = assess_plausibility("day_ahead_prices", around_zero(today, 0.001), history)
    assert verdict.accepted.is_empty()
    assert "thousandfold too small" in verdict.quarantined["reason"][0]


def test_a_day_of_surplus_at_a_price_of_zero_passes() -> None:
    def surplus(v: np.ndarray) -> np.ndarray:
        return np.concatenate((np.zeros(19), [3.2, 3.2, 3.1, 2.0, 0.1]))

    assert judged(*PRICES, surplus).accepted.height == 24


def test_prices_at_the_limit_may_stay_there() -> None:
    verdict = judged(*PRICES, lambda v: np.where(np.arange(24) > 15, -500.0, v))
    assert not verdict.quarantined["reason"].str.contains("frozen").any()


def test_swapped_columns_take_their_neighbour_with_them() -> None:
    solar, wind = rows(*SOLAR, [TODAY]), rows(*WIND, [TODAY])
    column = value_column("renewable_forecasts")
    swapped = pl.concat([solar.with_columns(wind[column]), wind.with_columns(solar[column])])
    verdict = assess_plausibility("renewable_forecasts", swapped, pl.concat([past(*SOLAR), past(*WIND)]))
    assert verdict.accepted.is_empty()


def test_quarters_on_a_day_of_an_hourly_auction_are_refused_as_a_file() -> None:
    quarters = rows(*PRICES, [FIRST + timedelta(days=at) for at in range(10)]).with_columns(
        resolution_minutes=pl.lit(15, dtype=pl.Int32)
    )
    assert assess_plausibility("day_ahead_prices", quarters).is_refused


def test_without_a_past_only_the_day_itself_is_judged() -> None:
    assert assess_plausibility("day_ahead_prices", rows(*PRICES, [TODAY], lambda v: -v)).accepted.height == 24
    assert assess_plausibility(
        "day_ahead_prices", rows(*PRICES, [TODAY], lambda v: v * 0 + 50)
    ).accepted.is_empty()


def test_an_actual_one_hour_late_is_seen() -> None:
    def actual(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.rename({"load_forecast_mw": "load_mw"})

    history = actual(past(*LOAD))
    shifted = actual(rows(*LOAD, [TODAY], lambda v: np.roll(v, 1)))
    verdict = assess_plausibility("load_actuals", shifted, history)
    assert verdict.quarantined["reason"].str.contains("shifted").all()
    assert assess_plausibility("load_actuals", actual(rows(*LOAD, [TODAY])), history).accepted.height == 24


def test_tables_without_rules_pass_and_wrong_columns_stop() -> None:
    other = pl.DataFrame(schema={"x": pl.Int64})
    with pytest.raises(ContractError, match="columns"):
        assess_plausibility("imbalance_prices", other)
