"""Scaled errors against hand calculations."""

import numpy as np
import pytest

from spot.errors import ContractError
from spot.scores.scaled import daily_scales, mean_scaled_error, scaled_quantile_loss

PRICES = np.array([[10.0, 20.0], [12.0, 26.0], [10.0, 26.0], [20.0, 20.0]])
"""Mean changes from day to day: 4, 1, 8."""


def test_the_scale_of_a_day_knows_only_earlier_days() -> None:
    assert daily_scales(PRICES, 2) == pytest.approx([4.0, 2.5])
    later = PRICES.copy()
    later[2:] = 1_000.0
    assert daily_scales(later, 2)[0] == 4.0
    assert daily_scales(PRICES, 1) == pytest.approx([2.5])


@pytest.mark.parametrize("n_days", [0, 3, 4])
def test_days_without_two_days_before_them_are_refused(n_days: int) -> None:
    with pytest.raises(ContractError, match="scaled errors"):
        daily_scales(PRICES, n_days)


def test_each_day_is_divided_by_its_own_scale() -> None:
    scales = daily_scales(PRICES, 2)
    point = PRICES[2:] + np.array([[4.0, -4.0], [5.0, 0.0]])
    assert mean_scaled_error(PRICES[2:], point, scales) == pytest.approx((1 + 1 + 2 + 0) / 4)


def test_at_the_median_the_quantile_loss_is_the_absolute_error() -> None:
    scales = daily_scales(PRICES, 2)
    point = PRICES[2:] + 3.0
    found = scaled_quantile_loss(PRICES[2:], point[..., None], (0.5,), scales)
    assert found == pytest.approx(mean_scaled_error(PRICES[2:], point, scales))


def test_an_unlikely_side_costs_more() -> None:
    scales = np.ones(1)
    low = scaled_quantile_loss(np.array([[10.0]]), np.array([[[9.0]]]), (0.9,), scales)
    high = scaled_quantile_loss(np.array([[10.0]]), np.array([[[11.0]]]), (0.9,), scales)
    assert low == pytest.approx(1.8)
    assert high == pytest.approx(0.2)
