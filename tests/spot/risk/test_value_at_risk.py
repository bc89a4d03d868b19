import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spot.arrays import Floats
from spot.errors import ContractError
from spot.risk.value_at_risk import (
    drawdown_eur,
    filtered_risk,
    historical_risk,
    max_drawdown_eur,
    tail_risk,
    worst_risk,
)

_SAMPLE = arrays(np.float64, st.integers(30, 80), elements=st.floats(-1e4, 1e4))


def test_known_sample() -> None:
    risk = tail_risk(np.arange(-50.0, 50.0), 0.95)
    assert risk.value_at_risk_eur == 45.0
    assert risk.expected_shortfall_eur == pytest.approx(48.0)


def test_normal_scenarios_give_the_normal_figures() -> None:
    scenarios = np.random.default_rng(1).normal(0, 10, (20_000, 1))
    risk = historical_risk(np.array([2.0]), scenarios)
    assert risk.value_at_risk_eur == pytest.approx(20 * 1.645, rel=0.03)
    assert risk.expected_shortfall_eur == pytest.approx(20 * 2.063, rel=0.03)


def test_filtered_risk_follows_the_newest_volatility() -> None:
    rng = np.random.default_rng(2)
    calm_then_wild = np.concatenate([rng.normal(0, 1, 300), rng.normal(0, 10, 60)])[:, None]
    one = np.array([1.0])
    assert (
        filtered_risk(one, calm_then_wild).value_at_risk_eur
        > 2 * historical_risk(one, calm_then_wild).value_at_risk_eur
    )
    assert (
        filtered_risk(one, calm_then_wild[::-1]).value_at_risk_eur
        < historical_risk(one, calm_then_wild[::-1]).value_at_risk_eur
    )


@given(sample=_SAMPLE, level=st.floats(0.8, 0.99))
def test_shortfall_is_never_below_value_at_risk(sample: Floats, level: float) -> None:
    risk = tail_risk(sample, level)
    assert 0 <= risk.value_at_risk_eur <= risk.expected_shortfall_eur + 1e-6


@given(sample=_SAMPLE, factor=st.floats(0.0, 10.0))
def test_risk_grows_in_proportion_to_the_position(sample: Floats, factor: float) -> None:
    scenarios, one = sample[:, None], np.array([1.0])
    plain, scaled = worst_risk(one, scenarios), worst_risk(factor * one, scenarios)
    np.testing.assert_allclose(
        scaled.value_at_risk_eur, factor * plain.value_at_risk_eur, rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(
        scaled.expected_shortfall_eur, factor * plain.expected_shortfall_eur, rtol=1e-6, atol=1e-6
    )


@given(
    x=arrays(np.float64, 60, elements=st.floats(-1e3, 1e3)),
    y=arrays(np.float64, 60, elements=st.floats(-1e3, 1e3)),
)
def test_shortfall_of_a_sum_is_not_above_the_sum_of_shortfalls(x: Floats, y: Floats) -> None:
    assert (
        tail_risk(x + y).expected_shortfall_eur
        <= tail_risk(x).expected_shortfall_eur + tail_risk(y).expected_shortfall_eur + 1e-6
    )


def test_too_little_is_not_a_number_and_no_position_no_risk() -> None:
    assert np.isnan(historical_risk(np.array([1.0]), np.ones((29, 1))).value_at_risk_eur)
    assert np.isnan(worst_risk(np.array([1.0]), np.full((100, 1), np.nan)).value_at_risk_eur)
    assert worst_risk(np.zeros(2), np.full((3, 2), np.nan)).value_at_risk_eur == 0.0
    with pytest.raises(ContractError):
        tail_risk(np.ones(50), 1.0)


def test_drawdowns() -> None:
    pnl = np.array([10.0, -4.0, -3.0, 5.0, -1.0])
    assert drawdown_eur(pnl) == 3.0
    assert max_drawdown_eur(pnl) == 7.0
    assert drawdown_eur(np.array([-5.0])) == 5.0
    assert drawdown_eur(np.zeros(0)) == max_drawdown_eur(np.zeros(0)) == 0.0
