from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spot.errors import ForecastError
from spot.strategy.settings import StorageSettings
from spot.strategy.storage import optimise_storage, plan_value_eur

LOSSLESS = StorageSettings(charge_efficiency=1.0, discharge_efficiency=1.0, degradation_eur_per_mwh=0.0)


def test_buys_the_valley_and_sells_the_peak():
    prices = np.array([50.0, 10.0, 20.0, 50.0, 90.0, 80.0])
    plan = optimise_storage(prices, prices, 1.0, LOSSLESS)
    np.testing.assert_allclose(plan.exposure_mw, [0, 1, 1, 0, -1, -1])
    assert plan_value_eur(plan, prices, 1.0, LOSSLESS) == pytest.approx(90 + 80 - 10 - 20)


def test_losses_and_wear_decide_whether_a_cycle_pays():
    prices = np.array([50.0, 55.0])
    worn = StorageSettings(charge_efficiency=1.0, discharge_efficiency=1.0, degradation_eur_per_mwh=6.0)
    assert not optimise_storage(prices, prices, 1.0, worn).exposure_mw.any()
    lossy = StorageSettings(charge_efficiency=0.9, discharge_efficiency=0.9, degradation_eur_per_mwh=0.0)
    assert not optimise_storage(prices, prices, 1.0, lossy).exposure_mw.any()
    assert optimise_storage(prices, prices, 1.0, LOSSLESS).exposure_mw.any()


def test_never_charges_and_discharges_at_once_at_negative_prices():
    prices = np.array([-500.0, -400.0, -450.0, -300.0])
    plan = optimise_storage(prices, prices, 1.0, StorageSettings(charge_efficiency=0.8, discharge_efficiency=0.8))
    assert np.minimum(plan.charge_mw, plan.discharge_mw).max() < 1e-6
    assert plan_value_eur(plan, prices, 1.0, StorageSettings(charge_efficiency=0.8, discharge_efficiency=0.8)) > 0


def test_equals_enumeration_on_a_small_grid():
    rng = np.random.default_rng(4)
    battery = StorageSettings(
        power_mw=1.0, energy_mwh=1.0, charge_efficiency=1.0, discharge_efficiency=1.0, degradation_eur_per_mwh=1.0, max_cycles_per_day=1.0
    )
    for _ in range(20):
        prices = rng.normal(50, 40, 5)
        best = 0.0
        for moves in product((-1, 0, 1), repeat=5):
            state = np.cumsum(moves)
            sold = sum(1 for move in moves if move < 0)
            if state.min() >= 0 and state.max() <= 1 and state[-1] == 0 and sold <= 1:
                best = max(best, -float(np.dot(moves, prices)) - sold)
        plan = optimise_storage(prices, prices, 1.0, battery)
        assert plan_value_eur(plan, prices, 1.0, battery) == pytest.approx(best, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    prices=st.lists(st.floats(-500, 4000), min_size=2, max_size=30),
    minutes=st.sampled_from([15, 30, 60]),
    cycles=st.floats(0.2, 3.0),
    efficiency=st.floats(0.7, 1.0),
    start=st.floats(0.0, 1.0),
)
def test_every_plan_is_physical_and_never_worse_than_rest(prices, minutes, cycles, efficiency, start):
    battery = StorageSettings(
        power_mw=2.0,
        energy_mwh=3.0,
        charge_efficiency=efficiency,
        discharge_efficiency=efficiency,
        max_cycles_per_day=cycles,
        initial_charge_frac=start,
    )
    values, hours = np.array(prices), minutes / 60.0
    plan = optimise_storage(values, values, hours, battery)
    assert plan.charge_mw.min() >= 0
    assert plan.charge_mw.max() <= 2.0 + 1e-6
    assert plan.discharge_mw.min() >= 0
    assert plan.discharge_mw.max() <= 2.0 + 1e-6
    assert plan.state_mwh.min() >= -1e-5
    assert plan.state_mwh.max() <= 3.0 + 1e-5
    assert plan.state_mwh[-1] == pytest.approx(3.0 * start, abs=1e-5)
    assert plan.discharge_mw.sum() * hours <= 3.0 * cycles + 1e-5
    assert np.minimum(plan.charge_mw, plan.discharge_mw).max() < 1e-6
    assert plan_value_eur(plan, values, hours, battery) >= -1e-4


def test_a_price_that_is_not_finite_is_refused():
    with pytest.raises(ForecastError, match="not finite"):
        optimise_storage(np.array([1.0, np.nan]), np.array([1.0, 2.0]), 1.0, LOSSLESS)
