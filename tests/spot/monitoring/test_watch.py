"""The whole watch on the simulated market, where the truth is known.

Shifts are drift, a broken sensor is not.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.contracts.feature_tables import CALENDAR_FEATURES, FEATURES
from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.features.matrix import build_features
from spot.market.delivery import days_between
from spot.monitoring.data_quality import without_implausible_days
from spot.monitoring.reported import watch_reported
from spot.monitoring.settings import MonitoringSettings
from spot.monitoring.watch import monitor_inputs, monitor_performance, scored_forecasts
from spot.simulation.market import simulate
from spot.simulation.scenarios import Scenario, ScenarioName
from tests.support.narrow import day_of

ZONE, FIRST, SHIFT = "BE", date(2022, 6, 1), date(2024, 5, 6)
SETTINGS = MonitoringSettings()


def features(*scenarios: Scenario, last: date, seed: int = 11) -> pl.DataFrame:
    market = simulate(ZONE, FIRST - timedelta(days=9), last, seed=seed, scenarios=scenarios)
    return build_features(market.tables, zone=ZONE, days=days_between(FIRST, last))


@pytest.fixture(scope="module")
def quiet() -> pl.DataFrame:
    return features(last=SHIFT + timedelta(days=13))


def test_a_quiet_market_is_ok(quiet: pl.DataFrame) -> None:
    watch = monitor_inputs(quiet, last_day=SHIFT, settings=SETTINGS)
    assert watch.quality.status == "ok", watch.quality.reasons
    assert watch.drift.status == "ok", watch.drift.reasons
    assert not watch.asks_for_retrain


@pytest.mark.parametrize(
    ("scenario", "feature"), [("gas_shock", "price_given_load"), ("solar_boom", "solar_forecast_mw")]
)
def test_a_shift_of_the_market_asks_for_a_retrain(scenario: ScenarioName, feature: str) -> None:
    frame = features(Scenario(scenario, SHIFT), last=SHIFT + timedelta(days=13))
    watch = monitor_inputs(frame, last_day=SHIFT + timedelta(days=13), settings=SETTINGS)
    assert watch.asks_for_retrain
    assert any(reason.startswith(feature) for reason in watch.drift.reasons)


def test_the_first_wind_of_a_zone_is_drift_and_no_bad_data() -> None:
    last = SHIFT + timedelta(days=20)
    market = simulate(
        "SK", FIRST - timedelta(days=9), last, seed=11, scenarios=[Scenario("wind_parks", SHIFT)]
    )
    frame = build_features(market.tables, zone="SK", days=days_between(FIRST, last))
    before = monitor_inputs(frame, last_day=SHIFT - timedelta(days=1), settings=SETTINGS)
    assert (before.quality.status, before.drift.status) == ("ok", "ok")
    for day in (SHIFT + timedelta(days=5), last):
        watch = monitor_inputs(frame, last_day=day, settings=SETTINGS)
        assert watch.quality.status == "ok", watch.quality.reasons
        assert watch.asks_for_retrain
        assert any(reason.startswith("wind_forecast_mw: 0 on all days") for reason in watch.drift.reasons)


@pytest.mark.parametrize("n_days", [1, 5, 8, 13])
def test_a_broken_sensor_is_bad_data_and_asks_for_no_retrain(n_days: int) -> None:
    last = SHIFT + timedelta(days=n_days)
    watch = monitor_inputs(
        features(Scenario("sensor_fault", SHIFT), last=last), last_day=last, settings=SETTINGS
    )
    assert watch.quality.status == "alert"
    assert not watch.asks_for_retrain
    assert set(watch.quality.faulty["series"].unique()) <= {"load_forecast_mw", "load_actual_mw"}
    assert watch.quality.faulty.height > 0


def test_an_old_fault_is_no_part_of_the_reference() -> None:
    frame = features(
        Scenario("sensor_fault", SHIFT - timedelta(days=40), SHIFT - timedelta(days=31)), last=SHIFT
    )
    clean = without_implausible_days(
        frame.select("delivery_day", "delivery_start_utc", "load_forecast_mw", "price_1d_eur_per_mwh")
    )
    spoilt = clean.filter(pl.col("load_forecast_mw").is_null())["delivery_day"].unique()
    assert spoilt.min() == SHIFT - timedelta(days=40)
    assert spoilt.max() == SHIFT - timedelta(days=31)
    assert clean["price_1d_eur_per_mwh"].equals(frame["price_1d_eur_per_mwh"])
    assert monitor_inputs(frame, last_day=SHIFT, settings=SETTINGS).drift.status == "ok"


def test_stale_features_are_not_judged_as_new(quiet: pl.DataFrame) -> None:
    late = day_of(quiet["delivery_day"].max()) + timedelta(days=10)
    watch = monitor_inputs(quiet, last_day=late, settings=SETTINGS)
    assert watch.drift.status == "cannot_see"
    empty = monitor_inputs(quiet.clear(), last_day=SHIFT, settings=SETTINGS)
    assert (empty.drift.status, empty.quality.status) == ("cannot_see", "cannot_see")


def test_a_column_that_the_zone_never_had_is_not_watched(quiet: pl.DataFrame) -> None:
    frame = quiet.with_columns(pl.lit(None, dtype=pl.Float64).alias("wind_forecast_mw"))
    watch = monitor_inputs(frame, last_day=SHIFT, settings=SETTINGS)
    assert watch.drift.status == "ok"
    assert not any("wind_forecast" in name for name in watch.drift.features["feature"])


def test_a_zone_without_a_price_cannot_be_seen(quiet: pl.DataFrame) -> None:
    frame = quiet.with_columns(pl.lit(None, dtype=pl.Float64).alias("price_1d_eur_per_mwh"))
    watch = monitor_inputs(frame, last_day=SHIFT, settings=SETTINGS)
    assert watch.drift.status == "cannot_see"
    (row,) = watch.drift.features.filter(pl.col("feature") == "price_given_load").iter_rows(named=True)
    assert (
        row["reason"] == "cannot see price_given_load: 0 days of price and load in the reference, 56 needed"
    )


def champions(last: date, shift: float) -> pl.DataFrame:
    days = days_between(SHIFT - timedelta(days=120), last)
    rng = np.random.default_rng(3)
    point = 60.0 + rng.normal(0, 4, len(days)) + shift * np.array([day >= SHIFT for day in days])
    columns = {name: pl.Series(point + 20 * (level - 0.5)) for level, name in QUANTILE_COLUMNS.items()}
    return pl.DataFrame({"delivery_day": days}).with_columns(
        **columns, price_point_eur_per_mwh=pl.Series(point)
    )


def test_every_other_feature_and_the_forecast_are_reported(quiet: pl.DataFrame) -> None:
    last = SHIFT + timedelta(days=13)
    calm, moved = (
        watch_reported(quiet, champions(last, shift), last_day=last, settings=SETTINGS)
        for shift in (0.0, 60.0)
    )
    seen = set(calm.features["feature"])
    there = {name for name in FEATURES if name in quiet.columns and quiet[name].null_count() < quiet.height}
    assert seen >= there - set(CALENDAR_FEATURES) - set(SETTINGS.drift.features)
    assert seen >= {"forecast_mean", "forecast_width", "all powers together", "all prices together"}
    assert not calm.features.select("feature", "method").is_duplicated().any()
    status = [
        dict(verdict.features.filter(pl.col("method") == "wasserstein").select("feature", "status").rows())
        for verdict in (calm, moved)
    ]
    assert [of["forecast_mean"] for of in status] == ["ok", "alert"]
    assert [of["forecast_width"] for of in status] == ["ok", "ok"]
    blind = watch_reported(quiet, champions(last, 0.0).clear(), last_day=last, settings=SETTINGS)
    assert dict(blind.features.select("feature", "status").rows())["forecast_mean"] == "cannot_see"


def forecasts_of(prices: pl.DataFrame, error: float) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    point = (
        prices["price_eur_per_mwh"].to_numpy()
        + rng.normal(0, 5, prices.height)
        + error * (prices["delivery_day"].to_numpy() >= np.datetime64(SHIFT))
    )
    columns = {
        name: point + 6.4 * (np.array(list(QUANTILE_COLUMNS)) - 0.5)[i] * 2
        for i, name in enumerate(QUANTILE_COLUMNS.values())
    }
    return prices.select("zone", "delivery_day", "delivery_start_utc", "resolution_minutes").with_columns(
        **{name: pl.Series(values) for name, values in columns.items()},
        price_point_eur_per_mwh=pl.Series(point),
    )


def test_performance_is_watched_with_and_without_outcomes() -> None:
    last = SHIFT + timedelta(days=6)
    prices = simulate(ZONE, SHIFT - timedelta(days=100), last, seed=2).tables["day_ahead_prices"]
    good, bad = (
        monitor_performance(forecasts_of(prices, error), prices, zone=ZONE, last_day=last, settings=SETTINGS)
        for error in (0.0, 30.0)
    )
    assert good.realised.status == good.estimated.status == "ok", good
    assert bad.realised.status == "alert"
    assert bad.realised.last_day == last
    unknown = prices.filter(pl.col("delivery_day") < SHIFT)
    waiting = monitor_performance(
        forecasts_of(prices, 30.0), unknown, zone=ZONE, last_day=last, settings=SETTINGS
    )
    assert waiting.realised.last_day == SHIFT - timedelta(days=1)
    assert waiting.estimated.last_day == last
    stopped = monitor_performance(
        forecasts_of(prices, 0.0),
        prices.filter(pl.col("delivery_day") < SHIFT - timedelta(days=1)),
        zone=ZONE,
        last_day=last,
        settings=SETTINGS,
    )
    assert stopped.realised.reasons == ("cannot see: no rows to judge",), (
        "an old week is not judged as if it were the newest"
    )


def test_an_hourly_price_is_the_outcome_of_its_quarter_hours_and_the_naive_is_a_week_old() -> None:
    day = date(2025, 10, 30)
    hourly = simulate(
        ZONE, day - timedelta(days=8), day, seed=2, scenarios=[Scenario("mtu_change", date(2030, 1, 1))]
    ).tables["day_ahead_prices"]
    quarters = pl.datetime_range(
        pl.datetime(2025, 10, 29, 23), pl.datetime(2025, 10, 30, 22, 45), "15m", eager=True, time_zone="UTC"
    )
    forecast = pl.DataFrame(
        {"delivery_day": day, "delivery_start_utc": quarters, "resolution_minutes": 15},
        schema_overrides={"resolution_minutes": pl.Int32},
    )
    scored = scored_forecasts(forecast, hourly, zone=ZONE)
    assert scored["price_eur_per_mwh"].null_count() == 0
    assert scored["price_eur_per_mwh"][:4].n_unique() == 1
    # clocks went back on 26 October: the same local time of 23 October is 168 + 1 hours before
    before = hourly.filter(pl.col("delivery_day") == day - timedelta(days=7))["price_eur_per_mwh"].to_list()
    assert scored["naive_eur_per_mwh"].to_list() == [price for price in before for _ in range(4)]


def test_a_unit_without_a_price_of_its_own_has_no_outcome_and_shorter_prices_are_averaged() -> None:
    day = date(2025, 10, 8)
    prices = (
        simulate(ZONE, day - timedelta(days=7), day, seed=2)
        .tables["day_ahead_prices"]
        .sort("delivery_start_utc")
    )
    of_day = prices.filter(pl.col("delivery_day") == day)
    units = of_day.select("delivery_day", "delivery_start_utc", "resolution_minutes")
    gap = of_day["delivery_start_utc"][5]
    scored = scored_forecasts(units, prices.filter(pl.col("delivery_start_utc") != gap), zone=ZONE)
    assert scored.filter(pl.col("price_eur_per_mwh").is_null())["delivery_start_utc"].to_list() == [gap]
    hours = units.gather_every(4).with_columns(resolution_minutes=pl.lit(60, pl.Int32))
    hourly = scored_forecasts(hours, prices.filter(pl.col("delivery_start_utc") != gap), zone=ZONE)[
        "price_eur_per_mwh"
    ]
    assert hourly[1] is None
    assert hourly[0] == pytest.approx(float(np.mean(of_day["price_eur_per_mwh"][:4].to_numpy())))


@pytest.fixture(scope="module")
def prices_alone() -> pl.DataFrame:
    """Features of a zone of which nothing but prices was ever known."""
    first = date(2023, 10, 1)
    tables = simulate(ZONE, first, SHIFT, seed=5).tables
    days = days_between(first + timedelta(days=9), SHIFT)
    return build_features({"day_ahead_prices": tables["day_ahead_prices"]}, zone=ZONE, days=days)


def test_where_there_is_nothing_to_watch_a_monitor_says_so_and_finds_no_drift(
    prices_alone: pl.DataFrame,
) -> None:
    drift = monitor_inputs(prices_alone, last_day=SHIFT, settings=SETTINGS).drift
    assert drift.status == "ok", drift.reasons
    reasons = dict(drift.features.select("feature", "reason").iter_rows())
    assert reasons.pop("price_given_load") == ""
    assert list(reasons.values()) == ["nothing to watch: the zone has none of the watched inputs"]


def test_inputs_that_a_zone_had_and_lost_are_not_seen(quiet: pl.DataFrame) -> None:
    names = [name for name in SETTINGS.drift.features if name in quiet.columns]
    is_lost = pl.col("delivery_day") > SHIFT - timedelta(days=30)
    lost = quiet.with_columns(pl.when(~is_lost).then(pl.col(name)).alias(name) for name in names)
    assert monitor_inputs(lost, last_day=SHIFT, settings=SETTINGS).drift.status == "cannot_see"


def test_a_zone_of_prices_alone_without_rows_is_not_seen(prices_alone: pl.DataFrame) -> None:
    watch = monitor_inputs(prices_alone, last_day=SHIFT + timedelta(days=60), settings=SETTINGS)
    assert watch.drift.status == "cannot_see"
