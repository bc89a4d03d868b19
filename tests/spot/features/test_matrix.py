"""Features hold what was known at the gate, whatever range they are built for and whatever is missing."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from spot.arrays import Floats
from spot.contracts.feature_tables import FEATURES
from spot.contracts.table import check_rows
from spot.contracts.tables import find_contract
from spot.errors import ConfigurationError, ContractError, LookAheadError
from spot.features import vintages
from spot.features.matrix import build_features, build_panel
from spot.market.delivery import days_between, n_periods
from spot.market.gates import gate_closure_utc
from tests.support.narrow import number
from tests.support.raw_rows import raw_day

FEATURES_CONTRACT = find_contract("day_ahead_features")
SECOND = timedelta(seconds=1)


def market(
    zone: str, first_day: date, last_day: date, *, seed: int = 0, renewables_known: bool = False
) -> dict[str, pl.DataFrame]:
    """Raw tables of random values, published by rule.

    With `renewables_known` wind and solar forecasts come an hour before the gate.
    """
    rng = np.random.default_rng(seed)
    parts: dict[str, list[pl.DataFrame]] = {
        table: []
        for table in (
            "day_ahead_prices",
            "load_forecasts",
            "renewable_forecasts",
            "generation_actuals",
            "imbalance_prices",
        )
    }
    for day in days_between(first_day, last_day):
        early = gate_closure_utc(zone, day) - timedelta(hours=1) if renewables_known else None
        quarters = n_periods(zone, day, 15)
        parts["day_ahead_prices"].append(
            raw_day("day_ahead_prices", zone, day, rng.normal(80, 30, n_periods(zone, day)))
        )
        parts["load_forecasts"].append(
            raw_day("load_forecasts", zone, day, rng.uniform(3e4, 6e4, quarters), minutes=15)
        )
        for series in ("solar", "wind_onshore", "wind_offshore"):
            values = rng.uniform(0, 1e4, n_periods(zone, day, 60))
            parts["renewable_forecasts"].append(
                raw_day(
                    "renewable_forecasts",
                    zone,
                    day,
                    values,
                    series=series,
                    minutes=60,
                    available_at_utc=early,
                )
            )
        parts["generation_actuals"].append(
            raw_day(
                "generation_actuals", zone, day, rng.uniform(0, 1e4, quarters), series="solar", minutes=15
            )
        )
        parts["imbalance_prices"].append(
            raw_day("imbalance_prices", zone, day, rng.normal(80, 200, quarters), minutes=15)
        )
    return {table: pl.concat(frames) for table, frames in parts.items()}


def one_day(features: pl.DataFrame, day: date) -> pl.DataFrame:
    return features.filter(pl.col("delivery_day") == day).sort("delivery_start_utc")


def changed(tables: dict[str, pl.DataFrame], table: str, **columns: pl.Expr) -> dict[str, pl.DataFrame]:
    return tables | {table: tables[table].with_columns(**columns)}


@pytest.fixture(scope="module")
def around_the_switch() -> dict[str, pl.DataFrame]:
    """DE_LU from hours to quarter hours, over the clock change of autumn."""
    return market("DE_LU", date(2025, 9, 15), date(2025, 10, 30), renewables_known=True)


SWITCH_DAYS = days_between(date(2025, 9, 24), date(2025, 10, 30))


def test_a_range_equals_its_days_one_by_one(around_the_switch: dict[str, pl.DataFrame]) -> None:
    together = build_features(around_the_switch, zone="DE_LU", days=SWITCH_DAYS)
    apart = pl.concat([build_features(around_the_switch, zone="DE_LU", days=[day]) for day in SWITCH_DAYS])
    assert together.equals(apart)
    assert check_rows(together, FEATURES_CONTRACT).rejected.is_empty()


def test_live_features_equal_backtest_features(around_the_switch: dict[str, pl.DataFrame]) -> None:
    """What the ledger held at the gate gives the features that are built long afterwards from everything."""
    backtest = build_features(around_the_switch, zone="DE_LU", days=SWITCH_DAYS)
    for day in (date(2025, 9, 24), date(2025, 10, 1), date(2025, 10, 26), date(2025, 10, 27)):
        gate = gate_closure_utc("DE_LU", day)
        ledger_at_gate = {
            table: frame.filter(pl.col("available_at_utc") <= gate)
            for table, frame in around_the_switch.items()
        }
        assert build_features(ledger_at_gate, zone="DE_LU", days=[day]).equals(one_day(backtest, day))


def test_nothing_published_after_the_gate_changes_anything(
    around_the_switch: dict[str, pl.DataFrame],
) -> None:
    day = date(2025, 10, 10)
    gate = gate_closure_utc("DE_LU", day)
    before = build_features(around_the_switch, zone="DE_LU", days=[day])
    values = {
        "day_ahead_prices": "price_eur_per_mwh",
        "load_forecasts": "load_forecast_mw",
        "renewable_forecasts": "generation_forecast_mw",
        "generation_actuals": "generation_mw",
        "imbalance_prices": "price_eur_per_mwh",
    }
    spoilt = {
        table: frame.with_columns(
            pl.when(pl.col("available_at_utc") > gate)
            .then(9999.0)
            .otherwise(pl.col(values[table]))
            .alias(values[table])
        )
        for table, frame in around_the_switch.items()
    }
    assert build_features(spoilt, zone="DE_LU", days=[day]).equals(before)


@pytest.mark.parametrize("late", [SECOND, timedelta(microseconds=1)])
def test_a_revision_just_past_the_gate_is_not_used_and_one_at_the_gate_is(
    around_the_switch: dict[str, pl.DataFrame], late: timedelta
) -> None:
    day = date(2025, 10, 10)
    gate = gate_closure_utc("DE_LU", day)

    def with_revision(known: datetime) -> pl.DataFrame:
        revision = raw_day("load_forecasts", "DE_LU", day, 77_777.0, available_at_utc=known)
        tables = around_the_switch | {
            "load_forecasts": pl.concat([around_the_switch["load_forecasts"], revision])
        }
        return build_features(tables, zone="DE_LU", days=[day])

    at_gate, past_gate = with_revision(gate), with_revision(gate + late)
    assert at_gate["load_forecast_mw"].unique().to_list() == [77_777.0]
    assert at_gate["newest_input_utc"].unique().to_list() == [gate]
    assert past_gate.equals(build_features(around_the_switch, zone="DE_LU", days=[day]))


def test_a_planted_leak_one_second_past_the_gate_stops(
    around_the_switch: dict[str, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Building features stops where the gate lets a value through one second late.

    It would flatter a model.
    """
    day = date(2025, 10, 10)
    gate = gate_closure_utc("DE_LU", day)
    late = changed(around_the_switch, "load_forecasts", available_at_utc=pl.lit(gate + SECOND))
    assert build_features(late, zone="DE_LU", days=[day])["load_forecast_mw"].null_count() == 96
    honest = vintages.Vintages.known_at_gates
    monkeypatch.setattr(
        vintages.Vintages, "known_at_gates", lambda self, gate_us: honest(self, gate_us + 1_000_000)
    )
    with pytest.raises(LookAheadError, match="after the gate"):
        build_features(late, zone="DE_LU", days=[day])


def test_lagged_prices_stand_at_the_same_local_time_across_the_switch(
    around_the_switch: dict[str, pl.DataFrame],
) -> None:
    day, before = date(2025, 10, 1), date(2025, 9, 30)
    rows = one_day(build_features(around_the_switch, zone="DE_LU", days=[day]), day)
    prices = (
        around_the_switch["day_ahead_prices"]
        .filter(pl.col("delivery_day") == before)
        .sort("delivery_start_utc")["price_eur_per_mwh"]
    )
    assert rows["price_1d_eur_per_mwh"].to_list() == [price for price in prices for _ in range(4)]
    assert rows["price_last_1d_eur_per_mwh"].unique().to_list() == [prices[-1]]
    assert rows["price_max_1d_eur_per_mwh"].unique().to_list() == [prices.max()]
    np.testing.assert_allclose(rows["price_mean_1d_eur_per_mwh"].unique().to_list(), [number(prices.mean())])


def test_summaries_of_the_week_are_those_of_its_prices(around_the_switch: dict[str, pl.DataFrame]) -> None:
    day = date(2025, 9, 28)
    rows = build_features(around_the_switch, zone="DE_LU", days=[day])
    week = around_the_switch["day_ahead_prices"].filter(
        pl.col("delivery_day").is_between(day - timedelta(days=7), day - timedelta(days=1))
    )
    np.testing.assert_allclose(rows["price_mean_7d_eur_per_mwh"][0], number(week["price_eur_per_mwh"].mean()))
    np.testing.assert_allclose(
        rows["price_std_7d_eur_per_mwh"][0], number(week["price_eur_per_mwh"].std(ddof=0))
    )


def test_wind_is_on_and_offshore_together_and_residual_load_is_what_remains(
    around_the_switch: dict[str, pl.DataFrame],
) -> None:
    day = date(2025, 10, 26)
    rows = one_day(build_features(around_the_switch, zone="DE_LU", days=[day]), day)
    parts = around_the_switch["renewable_forecasts"].filter(
        pl.col("delivery_day") == day, pl.col("series") != "solar"
    )
    hourly = (
        parts.group_by("delivery_start_utc")
        .agg(pl.col("generation_forecast_mw").sum())
        .sort("delivery_start_utc")
    )
    np.testing.assert_allclose(
        rows["wind_forecast_mw"].to_list(), np.repeat(hourly["generation_forecast_mw"].to_numpy(), 4)
    )
    residual = rows["load_forecast_mw"] - rows["wind_forecast_mw"] - rows["solar_forecast_mw"]
    np.testing.assert_allclose(rows["residual_load_mw"].to_list(), residual.to_list())


def test_one_missing_part_makes_wind_and_residual_load_unknown(
    around_the_switch: dict[str, pl.DataFrame],
) -> None:
    day = date(2025, 10, 10)
    is_gone = (pl.col("delivery_day") == day) & (pl.col("series") == "wind_offshore")
    tables = around_the_switch | {
        "renewable_forecasts": around_the_switch["renewable_forecasts"].filter(~is_gone)
    }
    rows = build_features(tables, zone="DE_LU", days=[day])
    assert rows["wind_forecast_mw"].null_count() == rows["residual_load_mw"].null_count() == rows.height
    assert rows["solar_forecast_mw"].null_count() == 0


def test_renewable_forecasts_by_rule_are_unknown_at_the_gate_unless_admitted() -> None:
    tables = market("FR", date(2024, 3, 20), date(2024, 4, 3))
    day = date(2024, 4, 2)
    honest = build_features(tables, zone="FR", days=[day])
    assert honest["wind_forecast_mw"].null_count() == honest["solar_forecast_mw"].null_count() == 24
    assert honest["wind_forecast_1d_mw"].null_count() == 0
    assert honest["source"].unique().to_list() == ["files"]
    admitted = build_features(tables, zone="FR", days=[day], admit={"renewable_forecasts"})
    assert admitted["residual_load_mw"].null_count() == 0
    assert admitted["source"].unique().to_list() == ["files (assumed known: renewable_forecasts)"]
    assert admitted["load_forecast_mw"].equals(honest["load_forecast_mw"])
    with pytest.raises(ContractError, match="cannot admit"):
        build_features(tables, zone="FR", days=[day], admit={"tea_leaves"})


def test_actuals_are_those_of_the_last_wholly_published_day() -> None:
    tables = market("FR", date(2024, 3, 20), date(2024, 4, 3))
    day, newest_whole = date(2024, 4, 3), date(2024, 4, 1)
    rows = build_features(tables, zone="FR", days=[day])
    actual = (
        tables["generation_actuals"]
        .filter(pl.col("delivery_day") == newest_whole)
        .sort("delivery_start_utc")["generation_mw"]
        .to_numpy()
    )
    np.testing.assert_allclose(rows["solar_actual_mw"].to_list(), actual.reshape(24, 4).mean(axis=1))


def test_imbalance_spread_is_that_of_the_last_published_day() -> None:
    tables = market("FR", date(2024, 3, 20), date(2024, 4, 10))
    day, newest_published = date(2024, 4, 10), date(2024, 4, 7)
    rows = build_features(tables, zone="FR", days=[day])

    def on_that_day(table: str) -> Floats:
        return (
            tables[table]
            .filter(pl.col("delivery_day") == newest_published)
            .sort("delivery_start_utc")["price_eur_per_mwh"]
            .to_numpy()
        )

    spread = on_that_day("imbalance_prices").reshape(24, 4).mean(axis=1) - on_that_day("day_ahead_prices")
    np.testing.assert_allclose(rows["imbalance_spread_eur_per_mwh"].to_list(), spread)
    np.testing.assert_allclose(rows["imbalance_spread_mean_eur_per_mwh"].to_list(), [spread.mean()] * 24)
    assert rows["intraday_spread_eur_per_mwh"].null_count() == 24


@pytest.mark.parametrize(
    ("day", "n_rows"),
    [(date(2024, 3, 31), 23), (date(2024, 4, 1), 24), (date(2024, 10, 27), 25), (date(2024, 10, 28), 24)],
)
def test_clock_change_days_and_the_days_after_are_complete(day: date, n_rows: int) -> None:
    tables = market("FR", day - timedelta(days=9), day)
    rows = build_features(tables, zone="FR", days=[day])
    assert rows.height == n_rows
    assert rows["price_1d_eur_per_mwh"].null_count() == 0
    assert rows["hour_local"].max() == 23.0
    assert rows["n_periods"].unique().to_list() == [float(n_rows)]


def test_a_zone_with_prices_only_has_null_elsewhere_and_its_prices() -> None:
    tables = {"day_ahead_prices": market("SK", date(2024, 1, 1), date(2024, 1, 20))["day_ahead_prices"]}
    rows = build_features(tables, zone="SK", days=days_between(date(2024, 1, 10), date(2024, 1, 20)))
    assert check_rows(rows, FEATURES_CONTRACT).rejected.is_empty()
    assert rows["load_forecast_mw"].null_count() == rows.height
    assert rows["price_7d_eur_per_mwh"].null_count() == 0


def test_no_data_at_all_gives_rows_without_inputs() -> None:
    rows = build_features({}, zone="DE_LU", days=[date(2025, 1, 1)])
    inputs = [
        name
        for name in FEATURES
        if name not in {"hour_local", "day_of_week", "day_of_year", "holiday_fraction", "n_periods"}
    ]
    assert rows.height == 24
    assert all(rows[name].null_count() == 24 for name in (*inputs, "newest_input_utc"))
    assert rows["source"].unique().to_list() == ["none"]
    assert rows["holiday_fraction"].unique().to_list() == [1.0]


def test_days_out_of_order_and_wrong_questions(around_the_switch: dict[str, pl.DataFrame]) -> None:
    days = [date(2025, 10, 3), date(2025, 10, 1)]
    rows = build_features(around_the_switch, zone="DE_LU", days=days)
    assert rows["delivery_day"].unique().sort().to_list() == sorted(days)
    assert build_features(around_the_switch, zone="DE_LU", days=[]).schema == pl.Schema(
        FEATURES_CONTRACT.schema
    )
    with pytest.raises(ContractError, match="given twice"):
        build_features(around_the_switch, zone="DE_LU", days=[days[0], days[0]])
    with pytest.raises(ConfigurationError, match="unknown bidding zone"):
        build_features(around_the_switch, zone="ATLANTIS", days=days)


def test_other_zones_do_not_enter(around_the_switch: dict[str, pl.DataFrame]) -> None:
    day = date(2025, 9, 25)
    foreign = {table: frame.with_columns(zone=pl.lit("FR")) for table, frame in around_the_switch.items()}
    both = {table: pl.concat([frame, foreign[table]]) for table, frame in around_the_switch.items()}
    assert build_features(both, zone="DE_LU", days=[day]).equals(
        build_features(around_the_switch, zone="DE_LU", days=[day])
    )


def test_the_panel_holds_outcomes_by_period(around_the_switch: dict[str, pl.DataFrame]) -> None:
    features = build_features(around_the_switch, zone="DE_LU", days=SWITCH_DAYS)
    panel = build_panel(features, around_the_switch["day_ahead_prices"], zone="DE_LU")
    assert panel.prices.shape == (len(SWITCH_DAYS), 100)
    for day in (date(2025, 9, 30), date(2025, 10, 1), date(2025, 10, 26)):
        row = SWITCH_DAYS.index(day)
        outcome = (
            around_the_switch["day_ahead_prices"]
            .filter(pl.col("delivery_day") == day)
            .sort("delivery_start_utc")["price_eur_per_mwh"]
        )
        n = panel.n_periods[row]
        np.testing.assert_array_equal(panel.prices[row, :n], outcome.to_numpy())
        assert np.isnan(panel.prices[row, n:]).all()
        np.testing.assert_array_equal(
            panel.inputs["load_forecast_mw"][row, :n], one_day(features, day)["load_forecast_mw"].to_numpy()
        )


def test_a_panel_day_without_outcome_or_features_is_nan(around_the_switch: dict[str, pl.DataFrame]) -> None:
    days = [date(2025, 9, 24), date(2025, 9, 26)]
    features = build_features(around_the_switch, zone="DE_LU", days=days)
    prices = around_the_switch["day_ahead_prices"].filter(pl.col("delivery_day") < days[1])
    panel = build_panel(features, prices, zone="DE_LU")
    assert len(panel) == 3
    assert np.isnan(panel.prices[2]).all()
    assert np.isnan(panel.inputs["load_forecast_mw"][1]).all()
    assert np.isfinite(panel.prices[1]).all()
    with pytest.raises(ContractError, match="no features"):
        build_panel(features, prices, zone="AT")


def test_the_outcome_of_a_panel_is_the_newest_vintage(around_the_switch: dict[str, pl.DataFrame]) -> None:
    day = date(2025, 9, 24)
    features = build_features(around_the_switch, zone="DE_LU", days=[day])
    corrected = raw_day(
        "day_ahead_prices", "DE_LU", day, 1.0, available_at_utc=datetime(2025, 9, 25, tzinfo=UTC)
    )
    panel = build_panel(features, pl.concat([corrected, around_the_switch["day_ahead_prices"]]), zone="DE_LU")
    assert np.unique(panel.prices[0, :24]).tolist() == [1.0]
