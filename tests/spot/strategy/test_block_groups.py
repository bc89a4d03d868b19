"""Exclusive groups: whichever blocks are executed, the battery stays feasible, and the auction picks well."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spot.arrays import Floats
from spot.errors import ContractError
from spot.strategy.blocks.fills import FillRules, expected_fill, worst_member
from spot.strategy.blocks.groups import BlockGroup, make_groups, phases_of, windows_of
from spot.strategy.proposals.storage import Storage
from spot.strategy.proposals.storage_plan import optimise_storage, plan_of
from spot.strategy.proposals.volume_steps import StepMarket, in_volume_steps

BATTERY = Storage()
IDEAL = FillRules(second_best_share=0.0, rejected_share=0.0)


def planned(prices: Floats, battery: Storage = BATTERY) -> Floats:
    market = StepMarket(buy_prices=prices, sell_prices=prices, hours=1.0, battery=battery)
    return in_volume_steps(optimise_storage(prices, prices, 1.0, battery).exposure_mw, market)


def noisy(prices: Floats, n_paths: int = 100, width: float = 20.0, seed: int = 1) -> Floats:
    return prices + np.random.default_rng(seed).normal(0, width, (n_paths, len(prices)))


def two_valleys() -> Floats:
    return 80.0 - 40.0 * np.cos(np.arange(24) / 24 * 4 * np.pi)


def test_phases_are_the_stretches_of_one_side_and_share_the_day() -> None:
    exposure = np.array([0.0, 1.0, 0.0, 0.5, 0.0, 0.0, 0.0, -1.0, -0.4, 0.0])
    phases = phases_of(exposure)
    assert [(one.side, one.first, one.last) for one in phases] == [(1, 1, 3), (-1, 7, 8)]
    assert [one.energy_mw for one in phases] == pytest.approx([1.5, 1.4])
    assert windows_of(phases, 10) == (slice(0, 5), slice(5, 10))
    assert windows_of(phases_of(np.zeros(10)), 10) == ()


def test_the_auction_finds_the_hours_that_the_forecast_had_in_the_wrong_order() -> None:
    forecast = two_valleys()
    plan, prices = planned(forecast), noisy(forecast, 1, seed=9)[0]
    groups = make_groups(plan, noisy(forecast), power_mw=1.0, max_blocks=24)
    assert len(groups) == len(phases_of(plan)) == 4
    assert all(1 < len(group.blocks) <= 24 for group in groups)
    fixed = -float(plan @ prices)
    assert expected_fill(groups, prices, 1.0, IDEAL).gross_eur > fixed + 1.0


def test_more_blocks_are_never_worse_on_the_paths_that_chose_them() -> None:
    forecast = two_valleys()
    paths = noisy(forecast)

    def mean_gross(n_blocks: int) -> float:
        groups = make_groups(planned(forecast), paths, power_mw=1.0, max_blocks=n_blocks)
        return float(np.mean([expected_fill(groups, path, 1.0, IDEAL).gross_eur for path in paths]))

    gross = [mean_gross(n) for n in (1, 3, 6, 24)]
    assert gross == sorted(gross)
    assert gross[-1] > gross[0] + 10.0


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n_units=st.sampled_from([8, 23, 24]),
    power=st.sampled_from([0.7, 1.0, 2.0]),
    start=st.sampled_from([0.0, 0.5]),
    n_blocks=st.sampled_from([1, 3]),
)
def test_every_combination_of_blocks_is_a_physical_plan(
    seed: int, n_units: int, power: float, start: float, n_blocks: int
) -> None:
    battery = Storage(power_mw=power, initial_charge_frac=start)
    prices = np.random.default_rng(seed).normal(50, 40, n_units)
    plan = planned(prices, battery)
    groups = make_groups(plan, noisy(prices, 20, seed=seed), power_mw=power, max_blocks=n_blocks)
    for members in list(product(*(group.blocks for group in groups)))[:80]:
        exposure = np.zeros(n_units)
        for group, member in zip(groups, members, strict=True):
            assert member.shape == exposure[group.window].shape
            exposure[group.window] += group.side * member
        made, whole = plan_of(exposure, 1.0, battery), plan_of(plan, 1.0, battery)
        assert np.abs(exposure).max(initial=0.0) <= power + 1e-9
        assert made.state_mwh.min() >= -1e-6
        assert made.state_mwh.max() <= battery.energy_mwh + 1e-6
        assert made.state_mwh[-1] == pytest.approx(whole.state_mwh[-1], abs=1e-6)
        assert made.discharge_mw.sum() == pytest.approx(whole.discharge_mw.sum(), abs=1e-6)


def test_a_plan_at_rest_has_no_groups_and_without_paths_the_groups_are_the_plan() -> None:
    rest = np.zeros(24)
    assert make_groups(rest, noisy(rest), power_mw=1.0, max_blocks=24) == ()
    nothing = expected_fill((), rest, 1.0, FillRules())
    assert nothing.gross_eur == 0.0
    assert not nothing.exposure_mw.any()
    plan = planned(two_valleys())
    groups = make_groups(plan, np.zeros((0, 24)), power_mw=1.0, max_blocks=24)
    filled = expected_fill(groups, two_valleys(), 1.0, IDEAL)
    np.testing.assert_allclose(filled.exposure_mw, plan)
    assert filled.gross_eur == pytest.approx(-float(plan @ two_valleys()))


def test_second_best_and_rejection_cost_what_their_shares_say() -> None:
    blocks = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    group, prices = BlockGroup(1, 1, blocks), np.array([99.0, 10.0, 30.0, 20.0, 99.0])
    best = expected_fill((group,), prices, 0.5, IDEAL)
    assert best.gross_eur == -5.0
    np.testing.assert_allclose(best.exposure_mw, [0, 1, 0, 0, 0])
    second = expected_fill((group,), prices, 0.5, FillRules(second_best_share=1.0, rejected_share=0.0))
    assert second.gross_eur == -10.0
    rules = FillRules(second_best_share=0.5, rejected_share=0.01, rejected_cost_eur_per_mwh=40.0)
    mixed = expected_fill((group,), prices, 0.5, rules)
    np.testing.assert_allclose(mixed.exposure_mw, [0, 0.5, 0, 0.5, 0])
    assert mixed.rejected_eur == pytest.approx(0.01 * 40.0 * 0.5)
    assert mixed.gross_eur == pytest.approx(-7.5 - mixed.rejected_eur)


def test_the_worst_member_counts_one_block_of_a_group_and_not_their_sum() -> None:
    blocks = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])
    prices = np.array([10.0, 60.0, -20.0])
    worst = worst_member((BlockGroup(1, 0, blocks),), prices, 0.5)
    np.testing.assert_allclose(worst.power_mw, [1.0, 1.0, 0.5])
    assert worst.energy_mwh == pytest.approx(0.75)
    assert worst.value_eur == pytest.approx(0.5 * (60.0 + 10.0))
    assert worst.loss_eur == pytest.approx(0.5 * (60.0 - 10.0))
    assert worst_member((), prices, 0.5).loss_eur == 0.0


def test_the_worst_member_bounds_every_fill() -> None:
    forecast = two_valleys()
    groups = make_groups(planned(forecast), noisy(forecast), power_mw=1.0, max_blocks=6)
    for prices in noisy(forecast, 10, seed=4):
        worst = worst_member(groups, prices, 1.0)
        for rules in (IDEAL, FillRules(second_best_share=1.0, rejected_share=0.0)):
            filled = expected_fill(groups, prices, 1.0, rules)
            assert (np.abs(filled.exposure_mw) <= worst.power_mw + 1e-9).all()
            assert np.abs(filled.exposure_mw).sum() <= worst.energy_mwh + 1e-9
            assert filled.gross_eur >= -worst.loss_eur - 1e-9


def test_a_plan_that_does_not_fit_is_refused() -> None:
    plan = planned(two_valleys())
    with pytest.raises(ContractError, match="paths of shape"):
        make_groups(plan, noisy(np.zeros(23)), power_mw=1.0, max_blocks=24)
    with pytest.raises(ContractError, match="at most 0 blocks"):
        make_groups(plan, noisy(two_valleys()), power_mw=1.0, max_blocks=0)
    with pytest.raises(ContractError, match=r"more than 0\.5 MW"):
        make_groups(plan, noisy(two_valleys()), power_mw=0.5, max_blocks=24)
