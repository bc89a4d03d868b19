"""The risk of a plan comes from paths of its day: from the model's own errors, where there are enough."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.market.delivery import days_between
from spot.strategy.proposals.price_view import PriceView
from spot.strategy.proposals.storage import Storage
from spot.strategy.request import SignalRequest
from spot.strategy.signals import decide_signals
from tests.support.sample_market import make_forecast, make_outcomes, make_request
from tests.support.sample_orders import make_orders

DAY = date(2025, 6, 3)


def with_past(strategy: Storage | PriceView, *, half_width: float, **changes: object) -> SignalRequest:
    """A request with 120 days of own forecasts, and today's of the same width."""
    past = pl.concat([make_forecast(d, half_width=half_width) for d in _past_days()])
    today = make_forecast(DAY, half_width=half_width)
    return make_request(DAY, strategy, past_forecasts=past, forecast=today, **changes)


def _past_days() -> tuple[date, ...]:
    return days_between(DAY - timedelta(days=120), DAY - timedelta(days=2))


def test_the_risk_of_a_battery_grows_with_the_width_of_the_forecast() -> None:
    narrow, wide = (decide_signals(with_past(Storage(), half_width=width)).frame for width in (20.0, 300.0))
    assert narrow["probability_frac"][0] == pytest.approx(1.0)
    assert narrow["value_at_risk_eur"][0] == 0.0
    assert wide["probability_frac"][0] < 0.99
    assert wide["value_at_risk_eur"][0] > 10.0


def test_a_forecast_or_price_of_after_the_decision_changes_nothing() -> None:
    request = with_past(Storage(), half_width=200.0)
    later = make_forecast(DAY - timedelta(days=1), half_width=900.0).with_columns(
        as_of_utc=pl.lit(request.as_of_utc + timedelta(seconds=1))
    )
    unknown = make_outcomes(DAY - timedelta(days=1), DAY, seed=9)
    leaky = replace(
        request,
        past_forecasts=pl.concat([request.past_forecasts, later]),
        history=pl.concat([request.history, unknown.filter(pl.col("known_at_utc") > request.as_of_utc)]),
    )
    assert decide_signals(leaky).frame.equals(decide_signals(request).frame)


def test_a_young_desk_has_a_risk_from_price_changes_and_none_without_a_past() -> None:
    young = decide_signals(make_request(DAY, Storage())).frame
    assert young["value_at_risk_eur"][0] is not None
    few = make_request(
        DAY, Storage(), history=make_outcomes(DAY - timedelta(days=20), DAY - timedelta(days=2))
    )
    blind = decide_signals(replace(few, past_forecasts=make_forecast(DAY - timedelta(days=2)))).frame
    assert blind["side"].unique().to_list() == ["flat"]
    assert blind["limits_applied"].str.contains("max_value_at_risk_eur").all()


def test_fees_and_wear_are_part_of_the_loss() -> None:
    orders = make_orders([2.0, -1.0, 0.0])
    losses = [
        replace(orders, are_paths=True, costs_eur_per_mwh=costs).risk.value_at_risk_eur
        for costs in ((0.0, 0.0), (1.5, 4.0))
    ]
    assert losses[1] - losses[0] == pytest.approx(orders.hours * (2.0 * 1.5 + 1.0 * 4.0))


def test_the_width_of_a_block_follows_how_its_units_erred() -> None:
    reference = np.full(24, 100.0)
    strategy = PriceView(product="base")
    # Units of the sample market err apart, so their mean hardly does.
    apart = decide_signals(with_past(strategy, half_width=60.0, reference=reference)).frame
    blind = decide_signals(
        make_request(DAY, strategy, forecast=make_forecast(DAY, half_width=60.0), reference=reference,
                     history=make_outcomes(DAY - timedelta(days=20), DAY - timedelta(days=2)))
    ).frame  # fmt: skip
    assert apart["risk_eur_per_mwh"][0] < 0.6 * blind["risk_eur_per_mwh"][0]
