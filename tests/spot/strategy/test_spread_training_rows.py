"""The training set of the spread, written and read again, teaches and judges as if it had been made anew."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.arrays import Floats
from spot.contracts.spread_tables import SPREAD_INPUTS, SPREAD_TRAINING_SET
from spot.contracts.table import check_rows
from spot.features.matrix import build_features
from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.simulation.market import simulate
from spot.strategy.proposals.settlement_spread import empirical_quantiles
from spot.strategy.proposals.view import LEVELS
from spot.strategy.spread.model import CatBoostSpread, CatBoostSpreadSettings
from spot.strategy.spread.sources import LOOKBACK_DAYS, SpreadAtGate
from spot.strategy.spread.training_rows import daily_pinball_losses, learning_rows, spread_training_rows
from tests.support.narrow import some

ZONE, WINDOW = "DE_LU", 80
SERVES = date(2025, 10, 20)
LEARNT = SERVES - timedelta(days=11)
"""Quarter hours began within the learning days."""
JUDGED = days_between(LEARNT + timedelta(days=1), SERVES - timedelta(days=1))


@pytest.fixture(scope="module")
def moment() -> SpreadAtGate:
    first = LEARNT - timedelta(days=WINDOW + LOOKBACK_DAYS)
    raw = simulate(ZONE, first, SERVES - timedelta(days=1), seed=2).tables
    days = days_between(first + timedelta(days=9), SERVES - timedelta(days=1))
    features = build_features(raw, zone=ZONE, days=days).filter(pl.col("delivery_day") != JUDGED[2])
    gate = gate_closure_utc(ZONE, SERVES)
    return SpreadAtGate(ZONE, SERVES, gate, raw, features, "intraday_vwap")


@pytest.fixture(scope="module")
def rows(moment: SpreadAtGate) -> pl.DataFrame:
    return spread_training_rows(moment, learn_through=LEARNT, evaluation_days=JUDGED, window_days=WINDOW)


def test_the_rows_keep_the_contract_and_teach_the_same_bits(moment: SpreadAtGate, rows: pl.DataFrame) -> None:
    assert check_rows(rows, SPREAD_TRAINING_SET).rejected.is_empty()
    stored = rows.sample(fraction=1.0, shuffle=True, seed=1)
    inputs, spreads = learning_rows(stored, LEARNT)
    direct, truth = moment.earlier(LEARNT + timedelta(days=1)).training_rows(WINDOW)
    assert inputs.columns == direct.columns == ["zone", "delivery_day", "delivery_start_utc", *SPREAD_INPUTS]
    assert inputs.select("delivery_start_utc").equals(direct.select("delivery_start_utc"))
    for name in SPREAD_INPUTS:
        assert inputs[name].to_numpy().tobytes() == direct[name].to_numpy().tobytes(), name
    assert spreads.tobytes() == truth.tobytes()
    assert set(rows["resolution_minutes"]) == {15}


def test_losses_are_those_of_each_days_own_gate(moment: SpreadAtGate, rows: pl.DataFrame) -> None:
    model = CatBoostSpread(CatBoostSpreadSettings(iterations=10)).fit(*learning_rows(rows, LEARNT))
    losses = daily_pinball_losses(model, rows, JUDGED)
    past = moment.past((SERVES - JUDGED[0]).days + 182 + LOOKBACK_DAYS)
    for day, (ours, plain) in zip(JUDGED, losses, strict=True):
        row = past.days.index(day)
        inputs = moment.inputs(past, [day])
        slots = (inputs["slot_minutes_local"].to_numpy() / past.minutes).astype(int)
        truth = past.spreads[row][slots]
        if np.isnan(truth).all():
            assert np.isnan([ours, plain]).all(), "its second price is not known yet"
            continue
        gate_us = gate_closure_utc(ZONE, day).timestamp() * 1e6
        known = [i for i in range(row) if past.spread_known_us[i] <= gate_us]
        before = past.spreads[known][:, slots]
        naive = empirical_quantiles(before[np.isfinite(before).all(axis=1)])
        assert plain == loss(some(naive), truth)
        if day == JUDGED[2]:
            assert np.isnan(ours), "a model that learnt from features says nothing of a day without"
        else:
            assert ours == loss(model.predict(inputs), truth)
    assert np.isfinite(losses).all(axis=1).sum() >= 7


def loss(quantiles: Floats, truth: Floats) -> float:
    above = truth[:, None] - quantiles
    return float(np.nanmean(np.maximum(LEVELS * above, (LEVELS - 1.0) * above)))


def test_days_without_rows_and_no_days_at_all_say_nothing(moment: SpreadAtGate, rows: pl.DataFrame) -> None:
    model = CatBoostSpread()
    assert np.isnan(daily_pinball_losses(model, rows.clear(), JUDGED)).all()
    assert daily_pinball_losses(model, rows, []).shape == (0, 2)
    none = spread_training_rows(
        moment, learn_through=date(2020, 1, 1), evaluation_days=[], window_days=WINDOW
    )
    inputs, spreads = learning_rows(none, date(2020, 1, 1))
    assert (inputs.height, len(spreads)) == (0, 0)
