from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.contracts.feature_tables import DAY_AHEAD_FEATURES
from spot.contracts.signal_tables import SIGNAL_REASONS
from spot.contracts.table import check_rows
from spot.errors import ForecastError, ModelIntegrityError
from spot.market.delivery import n_periods
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.view import mean_of_quantiles
from spot.strategy.reasons import spread_reasons
from spot.strategy.signals import decide_signals
from spot.strategy.spread.inputs import spread_inputs, spread_past
from spot.strategy.spread.model import CatBoostSpread, CatBoostSpreadSettings
from tests.support.sample_market import ZONE, make_forecast, make_outcomes, make_request

DAY = date(2025, 6, 3)


@pytest.fixture(scope="module")
def outcomes() -> pl.DataFrame:
    return make_outcomes(DAY - timedelta(days=60), DAY + timedelta(days=5))


@pytest.fixture(scope="module")
def fitted(outcomes: pl.DataFrame) -> tuple[CatBoostSpread, pl.DataFrame]:
    past = spread_past(outcomes, zone=ZONE, minutes=60)
    days = list(past.days[:45])
    inputs = spread_inputs(past, DAY_AHEAD_FEATURES.empty(), zone=ZONE, days=days)
    return CatBoostSpread(CatBoostSpreadSettings(iterations=20)).fit(
        inputs, past.spreads[:45].ravel()
    ), inputs


def test_inputs_hold_nothing_that_was_not_known_at_the_gate(outcomes: pl.DataFrame) -> None:
    """The same inputs come out when everything published after the gate is removed or changed."""
    gate = make_forecast(DAY)["as_of_utc"][0]
    late = pl.col("known_at_utc") > gate
    changed = outcomes.with_columns(
        reference_price_eur_per_mwh=pl.when(late)
        .then(9999.0)
        .otherwise(pl.col("reference_price_eur_per_mwh"))
    )
    frames = [
        spread_inputs(
            spread_past(frame, zone=ZONE, minutes=60), DAY_AHEAD_FEATURES.empty(), zone=ZONE, days=[DAY]
        )
        for frame in (outcomes, changed, outcomes.filter(~late))
    ]
    names = [name for name in frames[0].columns if name.startswith("spread_")]
    assert frames[0].select(names).equals(frames[1].select(names))
    assert frames[0].select(names).equals(frames[2].select(names))
    assert frames[0]["spread_week_mean"].is_not_nan().all()


def test_a_day_that_is_half_known_is_no_day_yet(outcomes: pl.DataFrame) -> None:
    """Otherwise the newest row of a live decision would look unlike every row that the model learnt from."""
    yesterday = (pl.col("delivery_day") == DAY - timedelta(days=1)) & (
        pl.col("delivery_start_utc").dt.hour() >= 10
    )
    half = outcomes.with_columns(
        reference_price_eur_per_mwh=pl.when(yesterday)
        .then(None)
        .otherwise(pl.col("reference_price_eur_per_mwh")),
        known_at_utc=pl.when(pl.col("delivery_day") == DAY - timedelta(days=1))
        .then(pl.lit(make_forecast(DAY)["as_of_utc"][0]))
        .otherwise("known_at_utc"),
    )
    whole = outcomes.filter(pl.col("delivery_day") < DAY - timedelta(days=1))
    frames = [
        spread_inputs(
            spread_past(frame, zone=ZONE, minutes=60), DAY_AHEAD_FEATURES.empty(), zone=ZONE, days=[DAY]
        )
        for frame in (half, whole)
    ]
    names = [name for name in frames[0].columns if name.startswith("spread_")]
    assert frames[0].select(names).equals(frames[1].select(names))


@pytest.mark.parametrize("day", [date(2025, 3, 30), date(2024, 10, 27), DAY])
def test_every_unit_of_a_day_has_its_row(day: date) -> None:
    outcomes = make_outcomes(day - timedelta(days=20), day - timedelta(days=2))
    inputs = spread_inputs(
        spread_past(outcomes, zone=ZONE, minutes=60), DAY_AHEAD_FEATURES.empty(), zone=ZONE, days=[day]
    )
    assert inputs.height == n_periods(ZONE, day, 60)
    assert inputs["spread_last"].is_not_nan().all()


def test_a_model_comes_back_from_its_files_bit_for_bit(fitted: tuple[CatBoostSpread, pl.DataFrame]) -> None:
    model, inputs = fitted
    again = CatBoostSpread.from_files(model.to_files())
    np.testing.assert_array_equal(again.predict(inputs), model.predict(inputs))
    assert again.settings == model.settings


def test_quantiles_ascend(fitted: tuple[CatBoostSpread, pl.DataFrame]) -> None:
    model, inputs = fitted
    quantiles = model.predict(inputs)
    assert quantiles.shape == (inputs.height, 9)
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_what_cannot_be_done_is_refused(fitted: tuple[CatBoostSpread, pl.DataFrame]) -> None:
    model, inputs = fitted
    with pytest.raises(ForecastError, match="are needed"):
        CatBoostSpread().fit(inputs, np.full(inputs.height, np.nan))
    with pytest.raises(ForecastError, match="missing"):
        model.predict(inputs.drop("spread_last"))
    with pytest.raises(ForecastError, match="not fitted"):
        CatBoostSpread().predict(inputs)
    with pytest.raises(ModelIntegrityError):
        CatBoostSpread.from_files({"spread_model.json": b"{}"})


def test_contributions_add_up_to_the_expected_spread_but_for_one_usual_value(
    fitted: tuple[CatBoostSpread, pl.DataFrame],
) -> None:
    model, inputs = fitted
    moved = model.contributions(inputs)
    assert set(moved) == {
        name for name in inputs.columns if name not in ("zone", "delivery_day", "delivery_start_utc")
    }
    total = np.sum(list(moved.values()), axis=0)
    usual = mean_of_quantiles(model.predict(inputs)) - total
    assert np.abs(total).max() > 0.5
    # Sorted quantiles move a few units by a little; all others stand on the same usual value.
    np.testing.assert_allclose(np.median(np.abs(usual - np.median(usual))), 0.0, atol=1e-6)
    with pytest.raises(ForecastError):
        model.contributions(inputs.drop("weekday"))


def test_the_reasons_of_a_spread_are_those_of_its_own_model(
    fitted: tuple[CatBoostSpread, pl.DataFrame],
) -> None:
    model, inputs = fitted
    signals = decide_signals(make_request(DAY, SettlementSpread())).frame
    rows = spread_reasons(signals, model.contributions(inputs.tail(24)))
    assert check_rows(rows, SIGNAL_REASONS).rejected.is_empty()
    assert set(rows["signal_id"]) == set(signals["signal_id"])
    assert set(rows["feature"]) <= {"spread: spreads of the days before", "spread: calendar and time of day"}
    first = rows.filter(pl.col("rank") == 1)["contribution_eur_per_mwh"].abs()
    assert (first >= rows.filter(pl.col("rank") == 2)["contribution_eur_per_mwh"].abs()).all()
    assert spread_reasons(signals.clear(), {}).is_empty()
