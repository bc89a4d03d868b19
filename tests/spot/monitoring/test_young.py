"""Too young is told from blind, with the day from which a verdict is due; from that day on there is one."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.features.matrix import build_features
from spot.market.delivery import days_between
from spot.monitoring.explanation import assess_explanations
from spot.monitoring.reported import FORECAST_COLUMNS, watch_reported
from spot.monitoring.settings import MonitoringSettings
from spot.monitoring.watch import PerformanceWatch, monitor_inputs, monitor_performance
from spot.monitoring.young import first_days, youth
from spot.simulation.market import simulate

ZONE, FIRST, BEGAN = "BE", date(2023, 1, 1), date(2024, 3, 1)
LAST = BEGAN + timedelta(days=100)
SETTINGS = MonitoringSettings()


@pytest.fixture(scope="module")
def market() -> dict[str, pl.DataFrame]:
    return dict(simulate(ZONE, FIRST - timedelta(days=9), LAST, seed=5).tables)


@pytest.fixture(scope="module")
def features(market: dict[str, pl.DataFrame]) -> pl.DataFrame:
    return build_features(market, zone=ZONE, days=days_between(FIRST, LAST))


def forecasts(market: dict[str, pl.DataFrame], since: date = BEGAN) -> pl.DataFrame:
    prices = market["day_ahead_prices"].filter(pl.col("delivery_day") >= since)
    rng = np.random.default_rng(1)
    point = prices["price_eur_per_mwh"].to_numpy() + rng.normal(0, 5, prices.height)
    width = rng.uniform(18, 22, prices.height)
    columns = {name: pl.Series(point + width * (level - 0.5)) for level, name in QUANTILE_COLUMNS.items()}
    return prices.select("delivery_day", "delivery_start_utc", "resolution_minutes").with_columns(
        **columns, price_point_eur_per_mwh=pl.Series(point)
    )


def day_in(text: str) -> date:
    return date.fromisoformat(text.rpartition(" ")[2])


def test_forecasts_are_too_young_until_the_day_that_the_verdict_names(
    market: dict[str, pl.DataFrame],
) -> None:
    made, prices = forecasts(market), market["day_ahead_prices"]

    def judge(day: date, **changed: pl.DataFrame) -> PerformanceWatch:
        given = {"forecasts": made, "prices": prices} | changed
        known = given["prices"].filter(pl.col("delivery_day") <= day)
        return monitor_performance(given["forecasts"], known, zone=ZONE, last_day=day, settings=SETTINGS)

    due = day_in(judge(BEGAN).realised.reasons[0])
    assert due == BEGAN + timedelta(days=48)
    for day, status in (
        (BEGAN - timedelta(days=1), "too_young"),
        (BEGAN, "too_young"),
        (due - timedelta(days=1), "too_young"),
        (due, "ok"),
    ):
        watch = judge(day)
        assert (watch.realised.status, watch.estimated.status) == (status, status), day
    late = due + timedelta(days=20)
    stopped = made.filter(pl.col("delivery_day") < late - timedelta(days=10))
    assert judge(late, forecasts=stopped).estimated.status == "cannot_see", "they have stopped"
    early = made.filter(pl.col("delivery_day") < BEGAN + timedelta(days=5))
    stopped_young = judge(BEGAN + timedelta(days=20), forecasts=early)
    assert stopped_young.estimated.status == "cannot_see", "they stopped while they were young"
    unpriced = prices.filter(pl.col("delivery_day") < BEGAN)
    assert judge(late, prices=unpriced).realised.status == "cannot_see", "no outcome has come for months"


def test_the_forecast_drifts_from_nothing_until_the_day_that_the_verdict_names(
    market: dict[str, pl.DataFrame], features: pl.DataFrame
) -> None:
    made = forecasts(market)

    def judge(day: date) -> dict[str, tuple[str, str]]:
        said = made.filter(pl.col("delivery_day") <= day)
        verdict = watch_reported(features, said, last_day=day, settings=SETTINGS)
        rows = verdict.features.select("feature", "status", "reason").unique("feature", keep="first").rows()
        return {feature: (status, reason) for feature, status, reason in rows}

    found = judge(BEGAN + timedelta(days=20))
    due = {day_in(found[name][1]) for name in FORECAST_COLUMNS}
    assert len(due) == 1
    for day in (max(due) - timedelta(days=1), max(due)):
        statuses = {judge(day)[name][0] for name in FORECAST_COLUMNS}
        assert statuses == ({"too_young"} if day < max(due) else {"ok"}), day


def test_a_new_series_is_too_young_and_one_that_went_dark_is_not(features: pl.DataFrame) -> None:
    day = BEGAN + timedelta(days=20)
    is_early = pl.col("delivery_day") < BEGAN
    solar = pl.col("solar_forecast_mw")
    new = features.with_columns(pl.when(is_early).then(None).otherwise(solar).alias("solar_forecast_mw"))
    dark = features.with_columns(pl.when(is_early).then(solar).alias("solar_forecast_mw"))
    young, blind = (monitor_inputs(frame, last_day=day, settings=SETTINGS) for frame in (new, dark))
    assert young.drift.status == "too_young"
    assert "solar_forecast_mw began on 2024-03-01 and can be judged from" in young.drift.reasons[0]
    assert blind.drift.status == "cannot_see"
    assert young.quality.status == "too_young"
    assert young.quality.suppresses_retraining


def test_a_zone_with_a_month_of_history_is_too_young_in_every_row(features: pl.DataFrame) -> None:
    month = features.filter(pl.col("delivery_day") >= LAST - timedelta(days=30))
    watch = monitor_inputs(month, last_day=LAST, settings=SETTINGS)
    assert set(watch.drift.features["status"]) == {"too_young"}


def test_a_version_is_too_young_where_it_was_explained_and_blind_where_it_was_not() -> None:
    shares = {"a": 0.5, "b": 0.5}
    few: dict[str, Any] = {"n_days": 2, "settings": SETTINGS.explanation}
    assert assess_explanations(shares, shares, **few, youth="too young: 9 of 14").status == "too_young"
    assert assess_explanations(shares, shares, **few).status == "cannot_see"
    enough = assess_explanations(shares, shares, n_days=7, settings=SETTINGS.explanation, youth="too young")
    assert enough.status == "ok", "what can be judged is judged"


def test_the_last_day_of_youth_is_the_one_before_the_day_it_names() -> None:
    text = youth("x", began=BEGAN, n_needed=3, last_day=BEGAN + timedelta(days=1))
    assert day_in(text) == BEGAN + timedelta(days=2)
    assert youth("x", began=BEGAN, n_needed=3, last_day=BEGAN + timedelta(days=2)) == ""


def test_the_first_day_of_a_column_is_that_of_its_first_number() -> None:
    days = days_between(BEGAN, BEGAN + timedelta(days=2))
    frame = pl.DataFrame({"delivery_day": days, "a": [None, float("nan"), 1.0], "b": [None, None, None]})
    assert first_days(frame.cast({"b": pl.Float64})) == {"a": days[2]}
