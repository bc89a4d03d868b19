from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spot.arrays import Floats
from spot.errors import ForecastError
from spot.strategy.proposals.storage import Storage
from spot.strategy.proposals.storage_plan import StoragePlan, optimise_storage, plan_of, plan_value_eur
from spot.strategy.proposals.volume_steps import StepMarket, in_volume_steps
from spot.strategy.sizing import round_towards_zero

LOSSLESS = Storage(charge_efficiency=1.0, discharge_efficiency=1.0, degradation_eur_per_mwh=0.0)


def test_buys_the_valley_and_sells_the_peak() -> None:
    prices = np.array([50.0, 10.0, 20.0, 50.0, 90.0, 80.0])
    plan = optimise_storage(prices, prices, 1.0, LOSSLESS)
    np.testing.assert_allclose(plan.exposure_mw, [0, 1, 1, 0, -1, -1])
    assert plan_value_eur(plan, prices, 1.0, LOSSLESS) == pytest.approx(90 + 80 - 10 - 20)


def test_losses_and_wear_decide_whether_a_cycle_pays() -> None:
    prices = np.array([50.0, 55.0])
    worn = Storage(charge_efficiency=1.0, discharge_efficiency=1.0, degradation_eur_per_mwh=6.0)
    assert not optimise_storage(prices, prices, 1.0, worn).exposure_mw.any()
    lossy = Storage(charge_efficiency=0.9, discharge_efficiency=0.9, degradation_eur_per_mwh=0.0)
    assert not optimise_storage(prices, prices, 1.0, lossy).exposure_mw.any()
    assert optimise_storage(prices, prices, 1.0, LOSSLESS).exposure_mw.any()


def test_never_charges_and_discharges_at_once_at_negative_prices() -> None:
    prices = np.array([-500.0, -400.0, -450.0, -300.0])
    plan = optimise_storage(prices, prices, 1.0, Storage(charge_efficiency=0.8, discharge_efficiency=0.8))
    assert np.minimum(plan.charge_mw, plan.discharge_mw).max() < 1e-6
    assert plan_value_eur(plan, prices, 1.0, Storage(charge_efficiency=0.8, discharge_efficiency=0.8)) > 0


def test_equals_enumeration_on_a_small_grid() -> None:
    rng = np.random.default_rng(4)
    battery = Storage(
        power_mw=1.0,
        energy_mwh=1.0,
        charge_efficiency=1.0,
        discharge_efficiency=1.0,
        degradation_eur_per_mwh=1.0,
        max_cycles_per_day=1.0,
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
@example(
    prices=[2181.029954452812, 1049.3, -287.40432328709943],
    minutes=30,
    cycles=1.0,
    efficiency=0.7,
    start=1e-7,
)
@example(prices=[1e-9, -500.0], minutes=15, cycles=1.0, efficiency=0.7109522388244198, start=1e-7)
def test_every_plan_is_physical_and_never_worse_than_rest(
    prices: list[float], minutes: int, cycles: float, efficiency: float, start: float
) -> None:
    battery = Storage(
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
    assert np.minimum(plan.charge_mw, plan.discharge_mw).max() == 0.0
    assert plan_value_eur(plan, values, hours, battery) >= -1e-9


def stepped(prices: Floats, hours: float, battery: Storage) -> StoragePlan:
    market = StepMarket(buy_prices=prices, sell_prices=prices, hours=hours, battery=battery)
    return plan_of(
        in_volume_steps(optimise_storage(prices, prices, hours, battery).exposure_mw, market), hours, battery
    )


def assert_closed(plan: StoragePlan, hours: float, battery: Storage) -> None:
    step = battery.volume_step_mw
    steps = plan.exposure_mw / step
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-6)
    assert np.abs(plan.exposure_mw).max() <= battery.power_mw + 1e-9
    assert plan.state_mwh.min() >= -1e-6
    assert plan.state_mwh.max() <= battery.energy_mwh + 1e-6
    start = battery.initial_charge_frac * battery.energy_mwh
    assert start - 1e-6 <= plan.state_mwh[-1] <= start + step * hours + 1e-6
    assert plan.discharge_mw.sum() * hours <= battery.max_cycles_per_day * battery.energy_mwh + 1e-6


@settings(max_examples=60, deadline=None)
@given(
    prices=st.lists(st.floats(-500, 4000), min_size=2, max_size=30),
    minutes=st.sampled_from([15, 30, 60]),
    cycles=st.floats(0.2, 3.0),
    efficiency=st.floats(0.7, 1.0),
    start=st.floats(0.0, 1.0),
    step=st.sampled_from([0.001, 0.1, 0.25]),
)
def test_a_plan_in_volume_steps_closes_and_is_never_worse_than_rest(
    prices: list[float], minutes: int, cycles: float, efficiency: float, start: float, step: float
) -> None:
    battery = Storage(
        power_mw=2.0,
        energy_mwh=3.0,
        charge_efficiency=efficiency,
        discharge_efficiency=efficiency,
        max_cycles_per_day=cycles,
        initial_charge_frac=start,
        volume_step_mw=step,
    )
    values, hours = np.array(prices), minutes / 60.0
    plan = stepped(values, hours, battery)
    assert_closed(plan, hours, battery)
    assert plan_value_eur(plan, values, hours, battery) >= -1e-6


@pytest.mark.parametrize(("n_units", "allowed_loss"), [(96, 0.02), (24, 0.05)])
def test_steps_of_a_tenth_cost_little_and_rounding_one_by_one_does_not_close(
    n_units: int, allowed_loss: float
) -> None:
    """In hours 0.1 MW is a twentieth of this battery.

    1.9 MWh can be sold from a full one, 1.8 with two cycles that close.
    """
    rng, hours, battery = np.random.default_rng(1), 24.0 / n_units, Storage(volume_step_mw=0.1)
    whole, in_steps, n_open = 0.0, 0.0, 0
    for _ in range(25):
        prices = (
            80
            - 40 * np.cos(np.arange(n_units) / n_units * 4 * np.pi)
            + rng.normal(0, 12, n_units)
            + rng.normal(0, 25)
        )
        continuous, plan = optimise_storage(prices, prices, hours, battery), stepped(prices, hours, battery)
        assert_closed(plan, hours, battery)
        whole += plan_value_eur(continuous, prices, hours, battery)
        in_steps += plan_value_eur(plan, prices, hours, battery)
        one_by_one = plan_of(round_towards_zero(continuous.exposure_mw, 0.1), hours, battery).state_mwh
        n_open += one_by_one.min() < -1e-6 or one_by_one[-1] > 0.1 * hours
    assert (1.0 - allowed_loss) * whole < in_steps <= whole * (1 + 1e-3)
    assert n_open > 0


def test_a_plan_in_steps_equals_enumeration_on_a_small_grid() -> None:
    rng = np.random.default_rng(5)
    battery = Storage(
        energy_mwh=1.0,
        charge_efficiency=0.9,
        discharge_efficiency=0.9,
        max_cycles_per_day=1.0,
        volume_step_mw=0.5,
    )
    for _ in range(10):
        prices, best = rng.normal(50, 60, 5), 0.0
        for moves in product((-1.0, -0.5, 0.0, 0.5, 1.0), repeat=5):
            plan = plan_of(np.array(moves), 1.0, battery)
            is_closed = (
                plan.state_mwh.min() > -1e-9
                and plan.state_mwh.max() < 1.0 + 1e-9
                and plan.state_mwh[-1] <= 0.45 + 1e-9
            )
            if is_closed and plan.discharge_mw.sum() <= 1.0:
                best = max(best, plan_value_eur(plan, prices, 1.0, battery))
        assert plan_value_eur(stepped(prices, 1.0, battery), prices, 1.0, battery) == pytest.approx(
            best, abs=1e-6
        )


def test_a_price_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ForecastError, match="not finite"):
        optimise_storage(np.array([1.0, np.nan]), np.array([1.0, 2.0]), 1.0, LOSSLESS)
