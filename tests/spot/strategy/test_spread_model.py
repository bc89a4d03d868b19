from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.contracts.feature_tables import DAY_AHEAD_FEATURES
from spot.errors import ForecastError, ModelIntegrityError
from spot.market.delivery import n_periods
from spot.strategy.spread_model import CatBoostSpread, CatBoostSpreadSettings
from spot.strategy.spread_past import spread_inputs, spread_past
from tests.spot.strategy.sample_market import ZONE, make_forecast, make_outcomes

DAY = date(2025, 6, 3)


@pytest.fixture(scope="module")
def outcomes():
    return make_outcomes(DAY - timedelta(days=60), DAY + timedelta(days=5))


@pytest.fixture(scope="module")
def fitted(outcomes):
    past = spread_past(outcomes, zone=ZONE, minutes=60)
    days = list(past.days[:45])
    inputs = spread_inputs(past, DAY_AHEAD_FEATURES.empty(), zone=ZONE, days=days)
    return CatBoostSpread(CatBoostSpreadSettings(iterations=20)).fit(inputs, past.spreads[:45].ravel()), inputs


def test_inputs_hold_nothing_that_was_not_known_at_the_gate(outcomes):
    """The same inputs come out when everything published after the gate is removed or changed."""
    gate = make_forecast(DAY)["as_of_utc"][0]
    late = pl.col("known_at_utc") > gate
    changed = outcomes.with_columns(reference_price_eur_per_mwh=pl.when(late).then(9999.0).otherwise(pl.col("reference_price_eur_per_mwh")))
    frames = [
        spread_inputs(spread_past(frame, zone=ZONE, minutes=60), DAY_AHEAD_FEATURES.empty(), zone=ZONE, days=[DAY])
        for frame in (outcomes, changed, outcomes.filter(~late))
    ]
    names = [name for name in frames[0].columns if name.startswith("spread_")]
    assert frames[0].select(names).equals(frames[1].select(names))
    assert frames[0].select(names).equals(frames[2].select(names))
    assert frames[0]["spread_week_mean"].is_not_nan().all()


def test_a_day_that_is_half_known_is_no_day_yet(outcomes):
    """Otherwise the newest row of a live decision would look unlike every row that the model learnt from."""
    yesterday = (pl.col("delivery_day") == DAY - timedelta(days=1)) & (pl.col("delivery_start_utc").dt.hour() >= 10)
    half = outcomes.with_columns(
        reference_price_eur_per_mwh=pl.when(yesterday).then(None).otherwise(pl.col("reference_price_eur_per_mwh")),
        known_at_utc=pl.when(pl.col("delivery_day") == DAY - timedelta(days=1))
        .then(pl.lit(make_forecast(DAY)["as_of_utc"][0]))
        .otherwise("known_at_utc"),
    )
    whole = outcomes.filter(pl.col("delivery_day") < DAY - timedelta(days=1))
    frames = [spread_inputs(spread_past(frame, zone=ZONE, minutes=60), DAY_AHEAD_FEATURES.empty(), zone=ZONE, days=[DAY]) for frame in (half, whole)]
    names = [name for name in frames[0].columns if name.startswith("spread_")]
    assert frames[0].select(names).equals(frames[1].select(names))


@pytest.mark.parametrize("day", [date(2025, 3, 30), date(2024, 10, 27), DAY])
def test_every_unit_of_a_day_has_its_row(day):
    outcomes = make_outcomes(day - timedelta(days=20), day - timedelta(days=2))
    inputs = spread_inputs(spread_past(outcomes, zone=ZONE, minutes=60), DAY_AHEAD_FEATURES.empty(), zone=ZONE, days=[day])
    assert inputs.height == n_periods(ZONE, day, 60)
    assert inputs["spread_last"].is_not_nan().all()


def test_a_model_comes_back_from_its_files_bit_for_bit(fitted):
    model, inputs = fitted
    again = CatBoostSpread.from_files(model.to_files())
    np.testing.assert_array_equal(again.predict(inputs), model.predict(inputs))
    assert again.settings == model.settings


def test_quantiles_ascend(fitted):
    model, inputs = fitted
    quantiles = model.predict(inputs)
    assert quantiles.shape == (inputs.height, 9)
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_what_cannot_be_done_is_refused(fitted):
    model, inputs = fitted
    with pytest.raises(ForecastError, match="are needed"):
        CatBoostSpread().fit(inputs, np.full(inputs.height, np.nan))
    with pytest.raises(ForecastError, match="missing"):
        model.predict(inputs.drop("spread_last"))
    with pytest.raises(ForecastError, match="not fitted"):
        CatBoostSpread().predict(inputs)
    with pytest.raises(ModelIntegrityError):
        CatBoostSpread.from_files({"spread_model.json": b"{}"})
