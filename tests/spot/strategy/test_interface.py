"""What every strategy says of itself, and what one that says only its orders is worth to the desk."""

from datetime import date
from typing import Literal

import numpy as np
import pytest

from spot.contracts.signal_tables import SETTLEMENTS, SIGNALS
from spot.contracts.table import check_rows
from spot.errors import ConfigurationError
from spot.strategy.interface import NAIVE_RULES, PricedDay, Strategy
from spot.strategy.proposals.price_view import PriceView
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.strategy.proposals.view import MarketView, Proposal
from spot.strategy.settle import settle_signals
from spot.strategy.signal_frames import settings_hash
from spot.strategy.signals import decide_signals
from spot.strategy.strategies import STRATEGIES, load_strategy
from tests.support.sample_market import make_book, make_outcomes, make_request

DAY = date(2025, 6, 3)


class AlwaysBuy(Strategy):
    """Buys one megawatt in every unit: only the orders, the rest as the base has it."""

    strategy: Literal["always_buy_one"] = "always_buy_one"
    settled_against: Literal["imbalance"] = "imbalance"

    def propose(self, view: MarketView) -> Proposal:
        n_units = len(view.mean)
        return Proposal(
            exposure_mw=np.ones(n_units),
            limit_price=np.full(n_units, np.inf),
            expected_reference=view.mean,
            edge=np.zeros(n_units),
            risk=np.ones(n_units),
            probability=np.full(n_units, 0.5),
            scenarios=np.random.default_rng(1).normal(0, 5, (60, n_units)),
        )


def test_a_strategy_that_says_only_its_orders_is_decided_and_settled() -> None:
    decision = decide_signals(make_request(DAY, AlwaysBuy()))
    assert decision.frame["side"].unique().to_list() == ["buy"]
    assert check_rows(decision.frame, SIGNALS).rejected.is_empty()
    settled = settle_signals(decision.frame, make_outcomes(DAY, DAY, spread=4.0), AlwaysBuy())
    assert check_rows(settled, SETTLEMENTS).rejected.is_empty()
    assert settled["pnl_eur"].sum() > 0
    assert settled["perfect_foresight_eur"].null_count() == settled.height


def test_its_settings_are_read_where_its_class_is_given_and_refused_where_it_is_not() -> None:
    document = {"strategy": "always_buy_one", "volume_step_mw": 0.5}
    known: dict[str, type[Strategy]] = {**STRATEGIES, "always_buy_one": AlwaysBuy}
    assert load_strategy(document, known) == AlwaysBuy(volume_step_mw=0.5)
    with pytest.raises(
        ConfigurationError, match="strategy: 'always_buy_one' is unknown, known are settlement_spread"
    ):
        load_strategy(document)
    with pytest.raises(
        ConfigurationError, match="settings of strategy always_buy_one: max_mw: no such setting, "
    ):
        load_strategy({**document, "max_mw": 3.0}, known)


def test_its_source_is_part_of_the_hash_of_its_settings() -> None:
    class Changed(AlwaysBuy):
        code_version = "other source"

    assert settings_hash(AlwaysBuy(), make_book()) != settings_hash(Changed(), make_book())


def test_what_the_strategies_of_the_desk_say_of_themselves() -> None:
    spread, fitted = SettlementSpread(), SettlementSpread(distribution="catboost")
    assert (spread.label, Storage().label, PriceView().label) == (
        "settlement_spread/intraday_vwap",
        "storage",
        "price_view",
    )
    assert [one.needs_spread_model for one in (spread, fitted, Storage(), PriceView())] == [
        False,
        True,
        False,
        False,
    ]
    assert [one.closes_at_desk_price for one in (spread, Storage(), PriceView())] == [False, False, True]
    assert [one.naive_rules for one in (spread, Storage(), PriceView())] == [NAIVE_RULES, (), ()]
    assert Storage(degradation_eur_per_mwh=3.0).wear_eur_per_mwh == 3.0
    assert spread.wear_eur_per_mwh == 0.0


def test_perfect_foresight_of_a_block_is_of_its_mean_and_of_a_unit_its_own() -> None:
    day = PricedDay(
        delivery_day=DAY, hours=1.0, day_ahead=np.array([10.0, 10.0]), second=np.array([20.0, 6.0])
    )
    block = PriceView(max_mw=1.0).perfect_foresight_eur(day)
    single = PriceView(max_mw=1.0, product="mtu").perfect_foresight_eur(day)
    spread = SettlementSpread(max_mw=1.0).perfect_foresight_eur(day)
    costs = PriceView().costs_eur_per_mwh(DAY)
    np.testing.assert_allclose(block, [10.0 - costs, -4.0 - costs])
    np.testing.assert_allclose(single, [10.0 - costs, 4.0 - costs])
    np.testing.assert_allclose(spread, single)


def test_a_second_price_that_the_contract_does_not_have_is_refused() -> None:
    class Wrong(AlwaysBuy):
        settled_against: str = "tomorrow"  # type: ignore[assignment]

    with pytest.raises(ConfigurationError, match="no second price 'tomorrow'"):
        load_strategy(
            {"strategy": "always_buy_one", "settled_against": "tomorrow"}, {"always_buy_one": Wrong}
        )
