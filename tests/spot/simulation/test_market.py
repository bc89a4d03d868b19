"""The simulated market: what it promises, with known truth.

Repeatability, contracts, publication times and realism.
"""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from spot.arrays import Floats
from spot.contracts.raw_tables import RAW_TABLES
from spot.contracts.table import check_rows
from spot.errors import ConfigurationError, ContractError
from spot.market.delivery import n_periods
from spot.market.gates import gate_closure_utc
from spot.market.price_limits import day_ahead_price_limits
from spot.market.publication_rules import published_by_utc
from spot.simulation.market import SimulatedMarket, simulate
from spot.simulation.profiles import PROFILES

CONTRACTS = {contract.name: contract for contract in RAW_TABLES}
FIRST, LAST = date(2024, 1, 1), date(2024, 12, 31)


@pytest.fixture(scope="module")
def germany() -> SimulatedMarket:
    return simulate("DE_LU", FIRST, LAST, seed=7)


def prices_of(market: SimulatedMarket) -> Floats:
    return market.tables["day_ahead_prices"]["price_eur_per_mwh"].to_numpy()


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(germany: SimulatedMarket) -> None:
    again = simulate("DE_LU", FIRST, LAST, seed=7)
    other = simulate("DE_LU", FIRST, LAST, seed=8)
    for name, frame in germany.tables.items():
        assert frame.equals(again.tables[name])
        assert not frame.equals(other.tables[name])


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2024, 3, 31), date(2024, 3, 31)),
        (date(2024, 10, 25), date(2024, 10, 28)),
        (date(2024, 2, 28), date(2024, 5, 2)),
        (date(2024, 12, 31), LAST),
    ],
)
def test_a_value_does_not_depend_on_the_range_asked_for(
    germany: SimulatedMarket, first: date, last: date
) -> None:
    part = simulate("DE_LU", first, last, seed=7)
    for name, frame in germany.tables.items():
        expected = frame.filter(pl.col("delivery_day").is_between(first, last))
        assert part.tables[name].equals(expected), name
    truth = germany.truth.periods.filter(pl.col("delivery_day").is_between(first, last))
    np.testing.assert_allclose(
        part.truth.periods.select(pl.selectors.float()).to_numpy(),
        truth.select(pl.selectors.float()).to_numpy(),
        rtol=1e-12,
    )


@pytest.mark.parametrize("zone", sorted(PROFILES))
def test_every_zone_keeps_every_contract_across_the_change_to_quarter_hours(zone: str) -> None:
    first, last = date(2025, 9, 29), date(2025, 10, 27)
    market = simulate(zone, first, last, seed=3)
    assert set(market.tables) == set(CONTRACTS)
    for name, frame in market.tables.items():
        assert check_rows(frame, CONTRACTS[name]).rejected.is_empty()
        assert list(frame.columns) == list(CONTRACTS[name].columns)
        assert frame["source"].unique().to_list() == ["simulated"]
    counts = dict(market.tables["day_ahead_prices"].group_by("delivery_day").len().iter_rows())
    assert all(count == n_periods(zone, day) for day, count in counts.items())
    assert len(counts) == 29


def test_days_have_23_24_and_25_hours_in_order(germany: SimulatedMarket) -> None:
    for day, expected in ((date(2024, 3, 31), 23), (date(2024, 6, 1), 24), (date(2024, 10, 27), 25)):
        for name, series in (
            ("day_ahead_prices", "day_ahead"),
            ("load_actuals", "load"),
            ("imbalance_prices", "imbalance"),
        ):
            rows = germany.tables[name].filter(pl.col("delivery_day") == day, pl.col("series") == series)
            assert len(rows) == expected
            assert rows["delivery_start_utc"].diff().drop_nulls().unique().to_list() == [timedelta(hours=1)]


def test_nothing_is_published_later_than_the_rule_and_nothing_known_early_that_is_not_a_forecast(
    germany: SimulatedMarket,
) -> None:
    for name in (
        "day_ahead_prices",
        "load_forecasts",
        "load_actuals",
        "generation_actuals",
        "imbalance_prices",
    ):
        for row in (
            germany.tables[name].filter(pl.col("delivery_day") == date(2024, 10, 27)).iter_rows(named=True)
        ):
            end = row["delivery_start_utc"] + timedelta(minutes=row["resolution_minutes"])
            assert row["available_at_utc"] <= published_by_utc(name, "DE_LU", row["delivery_day"], end)
    for name in ("load_actuals", "generation_actuals", "imbalance_prices"):
        assert (germany.tables[name]["available_at_utc"] > germany.tables[name]["delivery_start_utc"]).all()
    gates = {
        day: gate_closure_utc("DE_LU", day)
        for day in germany.tables["day_ahead_prices"]["delivery_day"].unique()
    }
    for name, is_before in (("load_forecasts", True), ("day_ahead_prices", False)):
        for day, known in (
            germany.tables[name].select("delivery_day", "available_at_utc").unique().iter_rows()
        ):
            assert (known < gates[day]) is is_before


def test_renewable_forecasts_have_a_vintage_before_the_gate_and_a_better_one_after(
    germany: SimulatedMarket,
) -> None:
    forecasts = germany.tables["renewable_forecasts"].filter(pl.col("series") == "wind")
    actual = (
        germany.tables["generation_actuals"]
        .filter(pl.col("series") == "wind")
        .select("delivery_start_utc", "generation_mw")
    )
    day = date(2024, 7, 3)
    known = forecasts.filter(pl.col("delivery_day") == day)["available_at_utc"].unique().sort().to_list()
    assert known == [datetime(2024, 7, 2, 7, 30, tzinfo=UTC), datetime(2024, 7, 2, 16, 0, tzinfo=UTC)]
    errors = forecasts.join(actual, on="delivery_start_utc").with_columns(
        error=(pl.col("generation_forecast_mw") - pl.col("generation_mw")).abs(),
        is_early=pl.col("available_at_utc")
        < pl.col("delivery_day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC") - pl.duration(hours=12),
    )
    mean = dict(errors.group_by("is_early").agg(pl.col("error").mean()).iter_rows())
    assert mean[False] < 0.8 * mean[True]


def test_published_by_returns_what_a_fetch_at_that_instant_would(germany: SimulatedMarket) -> None:
    noon = datetime(2024, 7, 2, 10, 0, tzinfo=UTC)
    known = germany.published_by(noon)
    assert known["renewable_forecasts"]["delivery_day"].max() == date(2024, 7, 3)
    assert known["day_ahead_prices"]["delivery_day"].max() == date(2024, 7, 2)
    assert all((frame["available_at_utc"] <= noon).all() for frame in known.values())


@pytest.mark.parametrize("zone", ["DE_LU", "FR", "DK_1", "PT", "NL", "SE_3"])
def test_prices_are_plausible_negative_at_times_and_sometimes_spike(zone: str) -> None:
    prices = np.concatenate(
        [prices_of(simulate(zone, date(2022, 6, 1), date(2024, 12, 31), seed=seed)) for seed in (1, 2)]
    )
    assert 15 < np.mean(prices) < 100
    assert 0.005 < np.mean(prices < 0) < 0.10
    assert 0.001 < np.mean(prices > 3 * np.median(prices)) < 0.10
    assert prices.min() >= day_ahead_price_limits(FIRST).minimum_eur_per_mwh
    assert prices.max() <= day_ahead_price_limits(FIRST).maximum_eur_per_mwh


def test_zones_differ_as_their_mix_says() -> None:
    share = {}
    for zone in ("DK_1", "FR", "PT", "PL"):
        market = simulate(zone, date(2023, 1, 1), date(2024, 12, 31), seed=1)
        green = dict(
            market.tables["generation_actuals"]
            .group_by("series")
            .agg(pl.col("generation_mw").mean())
            .iter_rows()
        )
        load = market.tables["load_actuals"]["load_mw"].mean()
        share[zone] = {name: value / load for name, value in green.items()}
    assert share["DK_1"]["wind"] > 0.5 > share["PT"]["wind"] > share["FR"]["wind"]
    assert share["PT"]["solar"] > 2 * share["FR"]["solar"] > 0


def test_a_plain_regression_on_what_is_known_beats_the_weekly_naive_but_is_not_perfect(
    germany: SimulatedMarket,
) -> None:
    price = prices_of(germany)
    load = germany.tables["load_forecasts"]["load_forecast_mw"].to_numpy()
    early = [
        germany.tables["renewable_forecasts"]
        .filter(pl.col("series") == series)["generation_forecast_mw"]
        .to_numpy()[: len(price)]
        for series in ("wind", "solar")
    ]
    residual = load - early[0] - early[1]
    now = np.arange(168, len(price))
    X = np.column_stack(
        [
            np.ones(len(now)),
            price[now - 24],
            price[now - 168],
            residual[now],
            residual[now - 24],
            residual[now - 168],
        ]
    )
    half = len(now) // 2
    weights = np.linalg.lstsq(X[:half], price[now[:half]], rcond=None)[0]
    error = np.abs(X[half:] @ weights - price[now[half:]]).mean()
    naive = np.abs(price[now - 168] - price[now])[half:].mean()
    assert 0.3 < error / naive < 0.85


def test_the_intraday_spread_is_predictable_but_only_mildly(germany: SimulatedMarket) -> None:
    vwap = (
        germany.tables["intraday_prices"].filter(pl.col("series") == "vwap")["price_eur_per_mwh"].to_numpy()
    )
    spread = vwap - prices_of(germany)
    expected = germany.truth.periods["expected_spread_eur_per_mwh"].to_numpy()
    explained = np.corrcoef(expected, spread)[0, 1] ** 2
    assert 0.01 < explained < 0.15
    imbalance = germany.tables["imbalance_prices"]["price_eur_per_mwh"].to_numpy() - vwap
    assert imbalance.std() > 3 * spread.std()
    assert np.abs(imbalance).max() > 8 * imbalance.std()


def test_weather_drives_prices(germany: SimulatedMarket) -> None:
    truth = germany.truth.periods
    assert np.corrcoef(truth["wind_factor_frac"], prices_of(germany))[0, 1] < -0.25
    night = truth.filter(pl.col("delivery_start_utc").dt.hour().is_in([22, 23, 0, 1]))
    assert night["solar_factor_frac"].max() == 0.0


def test_what_cannot_be_simulated_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ATLANTIS"):
        simulate("ATLANTIS", FIRST, LAST, seed=1)
    with pytest.raises(ConfigurationError, match="no simulated market on"):
        simulate("FR", date(2008, 1, 1), date(2008, 1, 2), seed=1)
    with pytest.raises(ContractError, match="no day"):
        simulate("FR", LAST, FIRST, seed=1)
