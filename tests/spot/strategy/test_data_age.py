"""The age of the data is that of the essential feed which is furthest behind, whatever else came in."""

from datetime import date, timedelta

import polars as pl
import pytest

from spot.market.gates import gate_closure_utc
from spot.simulation.market import simulate
from spot.strategy.readiness.data_age import essential_data_utc
from tests.support.narrow import instant, some

ZONE, DAY = "DE_LU", date(2025, 6, 12)
GATE = gate_closure_utc(ZONE, DAY)


@pytest.fixture(scope="module")
def raw() -> dict[str, pl.DataFrame]:
    return dict(simulate(ZONE, DAY - timedelta(days=20), DAY + timedelta(days=2), seed=3).tables)


def age_hours(raw: dict[str, pl.DataFrame]) -> float:
    return (GATE - some(essential_data_utc(raw, zone=ZONE, as_of_utc=GATE))).total_seconds() / 3600.0


def until(raw: dict[str, pl.DataFrame], table: str, last_day: date) -> dict[str, pl.DataFrame]:
    return {**raw, table: raw[table].filter(pl.col("delivery_day") <= last_day)}


def test_in_good_order_it_is_the_age_of_yesterdays_auction(raw: dict[str, pl.DataFrame]) -> None:
    assert age_hours(raw) == pytest.approx(23.0, abs=0.1)


@pytest.mark.parametrize(("n_missing", "hours"), [(1, 47.0), (2, 71.0), (5, 143.0)])
def test_prices_that_stopped_are_old_although_forecasts_still_come_in(
    raw: dict[str, pl.DataFrame], n_missing: int, hours: float
) -> None:
    dead = until(raw, "day_ahead_prices", DAY - timedelta(days=1 + n_missing))
    assert instant(
        dead["load_forecasts"].filter(pl.col("available_at_utc") <= GATE)["available_at_utc"].max()
    ) >= GATE - timedelta(hours=3)
    assert age_hours(dead) == pytest.approx(hours, abs=0.1)


def test_load_forecasts_that_stopped_are_old_and_a_zone_may_have_none(raw: dict[str, pl.DataFrame]) -> None:
    assert age_hours(until(raw, "load_forecasts", DAY - timedelta(days=3))) > 48.0
    assert age_hours(until(raw, "load_forecasts", DAY - timedelta(days=12))) > 48.0
    assert age_hours(until(raw, "load_forecasts", DAY - timedelta(days=16))) == pytest.approx(23.0, abs=0.1)
    assert age_hours({"day_ahead_prices": raw["day_ahead_prices"]}) == pytest.approx(23.0, abs=0.1)


def test_neither_a_correction_of_an_old_day_nor_a_few_hours_make_a_feed_younger(
    raw: dict[str, pl.DataFrame],
) -> None:
    dead = until(raw, "day_ahead_prices", DAY - timedelta(days=4))["day_ahead_prices"]
    corrected = dead.with_columns(
        available_at_utc=pl.lit(GATE - timedelta(hours=1)).cast(dead.schema["available_at_utc"])
    )
    few = (
        raw["day_ahead_prices"]
        .filter(pl.col("delivery_day") == DAY - timedelta(days=1))
        .sort("delivery_start_utc")
        .head(3)
    )
    assert age_hours({**raw, "day_ahead_prices": pl.concat([dead, corrected, few])}) == pytest.approx(
        95.0, abs=0.1
    )


def test_without_any_price_nothing_is_known(raw: dict[str, pl.DataFrame]) -> None:
    assert essential_data_utc({}, zone=ZONE, as_of_utc=GATE) is None
    assert essential_data_utc(raw, zone="BE", as_of_utc=GATE) is None
    assert essential_data_utc(raw, zone=ZONE, as_of_utc=GATE - timedelta(days=60)) is None
