"""Online weights find the right expert, and no outcome teaches nothing."""

import numpy as np

from spot.arrays import Floats
from spot.forecast.aggregation import Aggregator


def experts_and_outcomes(n_days: int = 300, seed: int = 0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    outcomes = 50 + rng.normal(0, 10, (n_days, 24))
    noise = np.array([1.0, 5.0, 8.0])[None, :, None]
    return outcomes[:, None] + noise * rng.normal(size=(n_days, 3, 24)), outcomes


def aggregate_days(experts: Floats, outcomes: Floats) -> tuple[Floats, Aggregator]:
    """The aggregate of each day with the weights of the days before it, and the aggregator after the last."""
    aggregator = Aggregator(experts.shape[1])
    combined = np.empty_like(outcomes)
    for row, (day, outcome) in enumerate(zip(experts, outcomes, strict=True)):
        combined[row] = aggregator.combine(day)
        aggregator.take(day, outcome)
    return combined, aggregator


def test_the_aggregate_comes_near_the_best_expert() -> None:
    experts, outcomes = experts_and_outcomes()
    combined, aggregator = aggregate_days(experts, outcomes)
    errors = np.abs(experts[100:] - outcomes[100:, None]).mean(axis=(0, 2))
    assert np.abs(combined[100:] - outcomes[100:]).mean() < 1.15 * errors.min()
    assert aggregator.weights()[0].mean() > 0.6
    assert np.allclose(aggregator.weights().sum(axis=0), 1.0)


def test_a_block_of_hours_may_trust_another_expert() -> None:
    experts, outcomes = experts_and_outcomes()
    experts[:, [0, 1], 18:] = experts[:, [1, 0], 18:]
    weights = aggregate_days(experts, outcomes)[1].weights()
    assert weights[0, :18].mean() > weights[1, :18].mean()
    assert weights[1, 18:].mean() > weights[1, :18].mean()


def test_a_day_without_prices_changes_nothing() -> None:
    experts, outcomes = experts_and_outcomes(50)
    aggregator = aggregate_days(experts, outcomes)[1]
    before = aggregator.weights()
    aggregator.take(experts[0], np.full(24, np.nan))
    assert np.array_equal(before, aggregator.weights())


def test_before_any_day_all_experts_count_the_same() -> None:
    assert np.allclose(Aggregator(4).weights(), 0.25)
