"""Each scenario changes what it says from its day on, and nothing before."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.contracts.raw_tables import RAW_TABLES
from spot.contracts.table import check_rows
from spot.errors import ConfigurationError
from spot.simulation.market import SimulatedMarket, simulate
from spot.simulation.scenarios import SCENARIO_NAMES, Scenario, ScenarioName
from tests.support.narrow import number

CONTRACTS = {contract.name: contract for contract in RAW_TABLES}
FIRST, START, LAST = date(2024, 5, 1), date(2024, 6, 10), date(2024, 7, 31)


@pytest.fixture(scope="module")
def calm() -> SimulatedMarket:
    return simulate("NL", FIRST, LAST, seed=5)


def with_scenario(name: ScenarioName, **other: date) -> SimulatedMarket:
    return simulate("NL", FIRST, LAST, seed=5, scenarios=(Scenario(name, START, **other),))


def after(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("delivery_day") >= START)


@pytest.mark.parametrize("name", [name for name in SCENARIO_NAMES if name != "mtu_change"])
def test_nothing_changes_before_its_day_and_something_does_after(
    calm: SimulatedMarket, name: ScenarioName
) -> None:
    market = with_scenario(name)
    for table, frame in calm.tables.items():
        before = pl.col("delivery_day") < START
        assert market.tables[table].filter(before).equals(frame.filter(before)), table
    assert any(not after(market.tables[table]).equals(after(frame)) for table, frame in calm.tables.items())


def test_a_gas_shock_raises_prices_and_leaves_weather_and_load_alone(calm: SimulatedMarket) -> None:
    market = with_scenario("gas_shock")
    for table in ("load_forecasts", "load_actuals", "renewable_forecasts", "generation_actuals"):
        assert market.tables[table].equals(calm.tables[table])
    ratio = (
        after(market.truth.periods)["gas_price_eur_per_mwh"]
        / after(calm.truth.periods)["gas_price_eur_per_mwh"]
    )
    assert 1.2 < ratio[0] < 2.0 < ratio[-1] < 3.0
    rise = number(after(market.tables["day_ahead_prices"])["price_eur_per_mwh"].median()) / number(
        after(calm.tables["day_ahead_prices"])["price_eur_per_mwh"].median()
    )
    assert 1.4 < rise < 2.6


def test_a_solar_boom_multiplies_solar_alone_and_lowers_prices(calm: SimulatedMarket) -> None:
    market = with_scenario("solar_boom")
    for table in ("renewable_forecasts", "generation_actuals"):
        value = "generation_forecast_mw" if table == "renewable_forecasts" else "generation_mw"
        solar, wind = (
            market.tables[table].filter(pl.col("series") == series) for series in ("solar", "wind")
        )
        assert wind.equals(calm.tables[table].filter(pl.col("series") == "wind"))
        assert after(solar)[value].sum() == pytest.approx(
            2 * after(calm.tables[table].filter(pl.col("series") == "solar"))[value].sum(), rel=0.01
        )
    assert number(after(market.tables["day_ahead_prices"])["price_eur_per_mwh"].mean()) < number(
        after(calm.tables["day_ahead_prices"])["price_eur_per_mwh"].mean()
    )


def test_wind_parks_are_the_first_of_a_zone_without_wind_and_windy_hours_are_cheaper() -> None:
    calm, market = (
        simulate("SK", FIRST, LAST, seed=5, scenarios=changes)
        for changes in ((), (Scenario("wind_parks", START),))
    )
    wind = market.tables["generation_actuals"].filter(pl.col("series") == "wind")
    assert (wind.filter(pl.col("delivery_day") < START)["generation_mw"] == 0.0).all()
    blowing = after(wind)["generation_mw"].to_numpy()
    assert blowing.mean() > 200.0
    moved = (
        after(market.tables["day_ahead_prices"])["price_eur_per_mwh"]
        - after(calm.tables["day_ahead_prices"])["price_eur_per_mwh"]
    ).to_numpy()
    windy = blowing > np.quantile(blowing, 0.75)
    assert moved[windy].mean() < 0.0 < moved[~windy].mean(), "older plants have stopped for the parks"
    assert np.corrcoef(blowing, moved)[0, 1] < -0.5


def test_an_mtu_change_moves_the_day_of_quarter_hours(calm: SimulatedMarket) -> None:
    market = with_scenario("mtu_change")
    for frame in market.tables.values():
        assert set(frame.filter(pl.col("delivery_day") < START)["resolution_minutes"]) == {60}
        assert set(after(frame)["resolution_minutes"]) == {15}
    before = pl.col("delivery_day") < START
    assert (
        market.tables["day_ahead_prices"]
        .filter(before)
        .equals(calm.tables["day_ahead_prices"].filter(before))
    )
    late = simulate(
        "NL",
        date(2025, 9, 30),
        date(2025, 10, 3),
        seed=5,
        scenarios=(Scenario("mtu_change", date(2025, 10, 2)),),
    )
    counts = dict(late.tables["day_ahead_prices"].group_by("delivery_day").len().iter_rows())
    assert [counts[date(2025, 10, day)] for day in (1, 2, 3)] == [24, 96, 96]


def test_a_sensor_fault_freezes_zeroes_and_rescales_while_the_market_sees_the_truth(
    calm: SimulatedMarket,
) -> None:
    market = with_scenario("sensor_fault")
    for table in (
        "day_ahead_prices",
        "intraday_prices",
        "imbalance_prices",
        "renewable_forecasts",
        "generation_actuals",
    ):
        assert market.tables[table].equals(calm.tables[table])
    assert market.truth.drift_days == {}
    for table, value in (("load_forecasts", "load_forecast_mw"), ("load_actuals", "load_mw")):
        frames = [source.tables[table] for source in (market, calm)]
        wrong, right = (
            [
                frame.filter(pl.col("delivery_day") == START + timedelta(days=n))[value].to_numpy()
                for n in range(9)
            ]
            for frame in frames
        )
        assert all(np.ptp(day) == 0 and day[0] > 0 for day in wrong[0:3])
        assert all((day == 0).all() for day in wrong[3:6])
        np.testing.assert_allclose(np.concatenate(wrong[6:9]), 1000 * np.concatenate(right[6:9]), rtol=1e-4)
        rejected = check_rows(frames[0], CONTRACTS[table]).rejected
        assert rejected["delivery_day"].min() == START + timedelta(days=6)


def test_a_repaired_sensor_tells_the_truth_again(calm: SimulatedMarket) -> None:
    end = START + timedelta(days=4)
    market = with_scenario("sensor_fault", end_day=end)
    repaired = pl.col("delivery_day") > end
    assert (
        market.tables["load_forecasts"]
        .filter(repaired)
        .equals(calm.tables["load_forecasts"].filter(repaired))
    )


def test_drift_days_name_what_changed_the_market() -> None:
    scenarios = (Scenario("gas_shock", START), Scenario("sensor_fault", FIRST))
    assert simulate("FR", START, START, seed=1, scenarios=scenarios).truth.drift_days == {"gas_shock": START}


def test_senseless_scenarios_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="unknown scenario"):
        Scenario("meteorite", START)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="end day"):
        Scenario("gas_shock", START, end_day=LAST)
    with pytest.raises(ConfigurationError, match="end day"):
        Scenario("sensor_fault", START, end_day=FIRST)
