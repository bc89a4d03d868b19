"""One factor holds every daily refit; a new day is one row; a robust pass forgets freak days."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spot.arrays import Floats
from spot.errors import ForecastError
from spot.forecast.days.anchors import anchors_of
from spot.forecast.days.clock_grid import grid_of
from spot.forecast.days.features import (
    WARM_UP_DAYS,
    DayFeatures,
    FeatureBuilder,
    NormalisationWindow,
    filled_history,
    first_days,
)
from spot.forecast.days.normalisation import restore, transform
from spot.forecast.gp.bank import BankPlan, GaussianBank, backcast_bank, robust_factors
from spot.forecast.gp.fit_weights import fit_bank_weights
from spot.forecast.gp.growing_factor import factorise, one_step_means, solve_lower
from spot.forecast.gp.hyper_parameters import GradientSettings, fit_weights
from spot.forecast.gp.kernel import (
    BIAS,
    FOCUS,
    MEMORY_DAYS,
    NEARNESS,
    KernelInputs,
    KernelWeights,
    kernel_lower,
    prior_kernel_weights,
)
from spot.forecast.gp.kernel_gradient import GradientWorkspace, PriceTargets, walk_forward_gradient
from tests.support.narrow import some
from tests.support.panels import made_up_panel

WINDOW = NormalisationWindow(14, 28, 0.5, 28)


@pytest.fixture(scope="module")
def problem() -> tuple[Any, ...]:
    grid = grid_of(made_up_panel(160))
    history, anchors = filled_history(grid), anchors_of(grid)
    features = FeatureBuilder(history, anchors, slice(WARM_UP_DAYS, 160)).build(WINDOW)
    weights = prior_kernel_weights(WINDOW, features)
    outcomes = transform(history.prices[WARM_UP_DAYS:], features.centre, features.spread)
    return history, anchors, features, weights, outcomes


def dense_kernel(features: DayFeatures, weights: KernelWeights) -> Floats:
    """The kernel by its formula in double precision, group by group."""
    total = np.full((len(features.centre), len(features.centre)), BIAS)
    distances = [np.zeros_like(total), np.zeros_like(total)]
    for index, name in enumerate(weights.groups):
        x = features.groups[name].astype(np.float64)
        total += weights.linear[index] * x @ x.T
        squared = ((x[:, None] - x[None]) ** 2).sum(axis=2)
        for component in range(2):
            distances[component] += weights.distance[component, index] * squared
    days = np.arange(len(total))
    near = 1 + NEARNESS * np.exp(-np.abs(days[:, None] - days) / MEMORY_DAYS)
    for component in range(2):
        total += (
            near
            * weights.amplitude[component]
            * np.exp(-(distances[component] ** (weights.exponent[component] / 2)))
        )
    return total


def test_the_kernel_is_its_formula(problem: tuple[Any, ...]) -> None:
    _, _, features, weights, _ = problem
    fast = kernel_lower(KernelInputs.of(features, weights), weights)
    slow = dense_kernel(features, weights)
    lower = np.tril_indices(len(slow))
    # Off the diagonal a distance of single precision has an error of its own near 0.
    assert np.abs(fast[lower] - slow[lower]).max() < 2e-3


def test_one_factor_holds_every_explicit_refit(problem: tuple[Any, ...]) -> None:
    _, _, features, weights, outcomes = problem
    kernel = kernel_lower(KernelInputs.of(features, weights), weights)
    noise = np.full(len(outcomes), weights.noise, dtype=np.float32)
    factor = factorise(kernel.copy(), noise)
    walked = one_step_means(factor, solve_lower(factor, outcomes.astype(np.float32)))
    slow = dense_kernel(features, weights)
    for day in (20, 77, 145):
        refit = slow[day, :day] @ np.linalg.solve(
            slow[:day, :day] + weights.noise * np.eye(day), outcomes[:day]
        )
        assert np.abs(walked[day] - refit).max() < 5e-3


@pytest.mark.parametrize(("with_robust", "n_blocks"), [(False, 1), (True, 1), (True, 4)])
def test_an_update_equals_a_refit(problem: tuple[Any, ...], with_robust: bool, n_blocks: int) -> None:
    history, anchors, *_ = problem

    def bank(n_days: int) -> GaussianBank:
        return GaussianBank(
            first_days(history, n_days),
            anchors,
            BankPlan(windows=(WINDOW,), with_robust=with_robust, n_blocks=(n_blocks,)),
        )

    updated = bank(120)
    for n_days in range(121, 151):
        updated.absorb(first_days(history, n_days))
    refitted = bank(150)
    target = first_days(history, 151)
    assert np.abs(updated.predict(target) - refitted.predict(target)).max() < 0.02
    assert np.abs(updated.predict(target)[0, 0] - bank(160).backcast()[150, 0, 0]).max() < 0.02
    plan = BankPlan(windows=(WINDOW,), with_robust=with_robust, n_blocks=(n_blocks,))
    assert np.array_equal(
        bank(150).backcast(), backcast_bank(first_days(history, 150), anchors, plan), equal_nan=True
    )


def test_the_kernel_of_a_block_looks_at_its_own_hours(problem: tuple[Any, ...]) -> None:
    """Distances over a day are those over its hours.

    The hours of the block weigh more, in the walk-forward as in the formula.
    """
    history, anchors, features, weights, outcomes = problem
    focused = {}
    for name, group in features.groups.items():
        of_hour = np.full(24, 1 - FOCUS)
        of_hour[6:12] += 4 * FOCUS
        focused[name] = group * np.sqrt(of_hour) if group.shape[1] == 24 else group
    near, linear = dense_kernel(replace(features, groups=focused), weights), dense_kernel(features, weights)
    for index, name in enumerate(weights.groups):  # the linear part stays that of the whole day
        near -= weights.linear[index] * focused[name].astype(np.float64) @ focused[name].T.astype(np.float64)
        near += (
            weights.linear[index]
            * features.groups[name].astype(np.float64)
            @ features.groups[name].T.astype(np.float64)
        )
    walked = backcast_bank(history, anchors, BankPlan(windows=(WINDOW,), with_robust=False, n_blocks=(4,)))[
        WARM_UP_DAYS:, 0, 0
    ]
    for day in (77, 145):
        for kernel, hours, is_same in (
            (near, slice(6, 12), True),
            (linear, slice(6, 12), False),
            (near, slice(12, 18), False),
        ):
            refit = kernel[day, :day] @ np.linalg.solve(
                kernel[:day, :day] + weights.noise * np.eye(day), outcomes[:day]
            )
            prices = restore(refit[None], features.centre[day : day + 1], features.spread[day : day + 1])[0]
            assert (np.abs(walked[day, hours] - prices[hours]).max() < 0.05) == is_same


@pytest.mark.parametrize("blocks", [(1, 1, 1), (4, 1, 4), (3, 3, 3)])
def test_windows_that_share_features_keep_to_themselves(
    problem: tuple[Any, ...], blocks: tuple[int, int, int]
) -> None:
    """Each window of a bank says what it would say alone.

    Days absorbed by the dozen count as in a refit, in the explanation as well.
    """
    history, anchors, *_ = problem
    windows = (WINDOW, NormalisationWindow(28, 56, 0.5, 28), NormalisationWindow(7, 14, 0.5, 0))

    def bank(n_days: int, windows: tuple[NormalisationWindow, ...], blocks: tuple[int, ...]) -> GaussianBank:
        return GaussianBank(
            first_days(history, n_days), anchors, BankPlan(windows=windows, with_robust=True, n_blocks=blocks)
        )

    updated, target = bank(60, windows, blocks), first_days(history, 151)
    for n_days in range(61, 151):
        updated.absorb(first_days(history, n_days))
    together = updated.predict(target)
    for index, window in enumerate(windows):
        alone = bank(150, (window,), blocks[index : index + 1])
        assert np.abs(together[:, index] - alone.predict(target)[:, 0]).max() < 0.02
    told, retold = (
        updated.explain(target),
        bank(150, windows, blocks).explain(target),
    )
    assert np.abs(some(told.likeness) - some(retold.likeness)).max() < 1e-4
    assert (
        max(
            np.abs(told.contributions[group] - retold.contributions[group]).max()
            for group in retold.contributions
        )
        < 0.02
    )
    assert max(np.abs(part).max() for part in retold.contributions.values()) > 1.0


def test_a_day_without_a_price_teaches_nothing(problem: tuple[Any, ...]) -> None:
    history, anchors, *_ = problem
    prices = history.grid.prices.copy()
    prices[100] = np.nan
    holed = filled_history(
        type(history.grid)(
            **{**{f: getattr(history.grid, f) for f in history.grid.__slots__}, "prices": prices}
        )
    )
    filled_otherwise = holed.prices.copy()
    filled_otherwise[100] += (
        1_000.0  # what stands in for the missing price is also a lag of day 101, so compare a later day
    )
    bank = GaussianBank(
        first_days(holed, 150), anchors, BankPlan(windows=(WINDOW,), with_robust=True, n_blocks=(1,))
    )
    full = GaussianBank(
        first_days(history, 150), anchors, BankPlan(windows=(WINDOW,), with_robust=True, n_blocks=(1,))
    )
    target = first_days(history, 151)
    assert np.isfinite(bank.predict(target)).all()
    assert np.abs(bank.predict(target) - full.predict(target)).mean() < 2.0


def test_robust_factors_are_bounded_and_causal() -> None:
    rng = np.random.default_rng(0)
    innovations = rng.chisquare(5, 400)
    innovations[200] = 1e9
    innovations[210] = np.nan
    factors = robust_factors(innovations)
    assert factors[200] == 300.0
    assert factors[210] == 1.0
    assert factors.min() >= 0.5
    assert np.array_equal(factors[:150], robust_factors(innovations[:150]))


def test_gradient_steps_lower_the_error(problem: tuple[Any, ...]) -> None:
    history, _, features, weights, outcomes = problem
    space = GradientWorkspace(
        features.stacked(weights.groups), [features.groups[name].shape[1] for name in weights.groups]
    )
    n_days = len(outcomes)
    targets = PriceTargets(
        outcomes=outcomes.astype(np.float32),
        prices=history.prices[WARM_UP_DAYS:],
        centre=features.centre,
        spread=features.spread,
        weight=(np.arange(n_days) > n_days // 2).astype(np.float64),
        noise_factor=np.ones(n_days, dtype=np.float32),
    )
    before = walk_forward_gradient(space, weights, targets).error
    fitted = fit_weights(space, weights, targets, GradientSettings(steps=8))
    assert walk_forward_gradient(space, fitted, targets).error < 0.97 * before


def test_every_second_window_is_fitted_and_the_others_keep_the_prior(problem: tuple[Any, ...]) -> None:
    history, anchors, *_ = problem
    windows = tuple(NormalisationWindow(days, 2 * days, 0.5, 0) for days in (7, 14, 28))
    fitted = fit_bank_weights(history, anchors, windows, GradientSettings(steps=4))
    assert sorted(fitted) == [0, 2]
    bank = GaussianBank(
        history, anchors, BankPlan(windows=windows, with_robust=True, weights=fitted, n_blocks=(1, 1, 1))
    )
    builder = FeatureBuilder(history, anchors, slice(WARM_UP_DAYS, len(history)))
    priors = [prior_kernel_weights(window, builder.build(window)) for window in windows]
    assert [
        np.array_equal(its.distance, prior.distance) for its, prior in zip(bank.weights, priors, strict=True)
    ] == [False, True, False]


def test_inputs_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(ForecastError, match="positive definite"):
        factorise(np.array([[1.0, 0.0], [np.nan, 1.0]], dtype=np.float32), np.zeros(2, dtype=np.float32))
