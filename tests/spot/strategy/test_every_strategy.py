"""Every strategy of the registry through the one interface, with the settings that it has by default."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.contracts.signal_tables import SETTLED_AGAINST, SETTLEMENTS, SIGNALS
from spot.contracts.table import check_rows
from spot.market.delivery import n_periods
from spot.risk.state import TradingState
from spot.strategy.interface import Strategy
from spot.strategy.request import SignalDecision
from spot.strategy.settle import settle_signals
from spot.strategy.signals import decide_signals
from spot.strategy.strategies import STRATEGIES, load_strategy
from tests.support.narrow import number
from tests.support.sample_market import ZONE, make_outcomes, make_request

DAY = date(2025, 6, 3)
every_strategy = pytest.mark.parametrize("name", STRATEGIES)


def made(name: str) -> Strategy:
    """The strategy with its settings as they come."""
    return load_strategy({"strategy": name})


def decided(name: str, day: date = DAY, **changes: object) -> SignalDecision:
    """The decision on a day in which everything is in order; the desk's own price is 100 EUR/MWh."""
    own = {"reference": np.full(n_periods(ZONE, day), 100.0), **changes}
    return decide_signals(make_request(day, made(name), **own))


@every_strategy
def test_its_settings_come_back_from_a_document_as_they_were(name: str) -> None:
    strategy = made(name)
    assert strategy.strategy == name
    assert strategy.settled_against in SETTLED_AGAINST
    assert load_strategy(strategy.model_dump(mode="json")) == strategy


@every_strategy
@pytest.mark.parametrize("day", [date(2025, 3, 30), date(2025, 6, 3), date(2025, 10, 26), date(2026, 1, 20)])
def test_it_speaks_for_every_unit_of_a_day_of_any_length(name: str, day: date) -> None:
    decision = decided(name, day)
    assert decision.frame.height == n_periods(ZONE, day)
    assert check_rows(decision.frame, SIGNALS).rejected.is_empty()
    assert (decision.frame["reasons"] != "").all()


@every_strategy
def test_it_is_settled_and_never_beats_perfect_foresight(name: str) -> None:
    decision = decided(name)
    settled = settle_signals(
        decision.frame,
        make_outcomes(DAY, DAY, seed=5),
        made(name),
        bid_curves=decision.bid_curves,
        block_orders=decision.block_orders,
    )
    assert check_rows(settled, SETTLEMENTS).rejected.is_empty()
    best = settled["perfect_foresight_eur"]
    if best.null_count() == 0:
        assert number(settled["pnl_eur"].sum()) <= number(best.sum()) + 1e-6


@every_strategy
def test_it_is_flat_without_a_forecast_while_halted_and_without_history(name: str) -> None:
    for changes in (
        {"forecast": make_request(DAY, made(name)).forecast.clear()},
        {"trading_state": TradingState.HALTED},
        {"history": make_outcomes(DAY, DAY).clear()},
    ):
        assert decided(name, **changes).frame["side"].unique().to_list() == ["flat"]


@every_strategy
def test_what_is_known_only_after_the_gate_changes_nothing(name: str) -> None:
    request = make_request(DAY, made(name))
    later = make_outcomes(DAY - timedelta(days=1), DAY + timedelta(days=3), spread=400.0, seed=7)
    leaky = pl.concat([request.history, later.filter(pl.col("known_at_utc") > request.as_of_utc)])
    assert decided(name, history=leaky).frame.equals(decided(name).frame)


@every_strategy
def test_the_same_request_gives_the_same_signals(name: str) -> None:
    assert decided(name).frame.equals(decided(name).frame)
