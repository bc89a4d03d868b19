"""Orders under given prices: the money is that of settlement, and risks of a desk are joint."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from spot.arrays import Floats
from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.errors import ConfigurationError, ContractError
from spot.forecast.joint.day_paths import ZoneDay
from spot.market.delivery import days_between
from spot.strategy.interface import Strategy
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.strategy.proposals.storage_groups import StorageGroups
from spot.strategy.settle import settle_signals
from spot.strategy.signals import decide_signals
from spot.strategy.stress.joint import PastSpreads, joint_risk
from spot.strategy.stress.money import DayOrders, money_under
from spot.strategy.stress.shocks import StressedZone, stress_tests
from tests.support.sample_market import ZONE, make_forecast, make_outcomes, make_request, wavy_prices

DAY = date(2025, 6, 3)
PAST = days_between(DAY - timedelta(days=90), DAY - timedelta(days=1))
N = 24
SPREAD = SettlementSpread(distribution="empirical", takes_curve=False)


def orders_of(strategy: Strategy, **changes: Any) -> DayOrders:
    decision = decide_signals(make_request(DAY, strategy, **changes))
    return DayOrders(
        strategy=strategy,
        signals=decision.frame,
        bid_curves=decision.bid_curves,
        block_orders=decision.block_orders,
    )


@pytest.mark.parametrize(
    "strategy",
    [
        Storage(),
        SPREAD,
        SettlementSpread(distribution="empirical", takes_curve=True),
        StorageGroups(exchange="epex_spot", fills={"second_best_share": 0, "rejected_share": 0}),
    ],
    ids=["storage", "spread", "curve", "groups"],
)
def test_money_under_the_prices_that_came_is_what_settlement_gives(strategy: Strategy) -> None:
    orders = orders_of(strategy)
    came = [make_outcomes(DAY, DAY, seed=seed) for seed in (1, 2, 3)]
    auction, second = (
        np.array([one[f"{name}_price_eur_per_mwh"].to_numpy() for one in came])
        for name in ("day_ahead", "reference")
    )
    money = money_under(orders, auction, second)
    settled = [
        float(
            settle_signals(
                orders.signals, one, strategy, bid_curves=orders.bid_curves, block_orders=orders.block_orders
            )["pnl_eur"].sum()
        )
        for one in came
    ]
    assert min(abs(one) for one in settled) > 1.0
    assert money == pytest.approx(settled)


def test_prices_of_other_units_or_with_gaps_are_refused() -> None:
    orders = orders_of(Storage())
    with pytest.raises(ContractError, match="24 units"):
        money_under(orders, np.zeros((2, 23)), np.zeros((2, 23)))
    with pytest.raises(ContractError, match="a price is missing"):
        money_under(orders, np.full((1, N), np.nan), np.zeros((1, N)))


def zone_day(seed: int = 0) -> ZoneDay:
    rng = np.random.default_rng(seed)
    quantiles = make_forecast(DAY).select(QUANTILE_COLUMNS.values()).to_numpy()
    return ZoneDay(quantiles=quantiles, past=rng.uniform(0.01, 0.99, (len(PAST), N)), days=PAST)


def mirrored(orders: DayOrders, zone: str) -> DayOrders:
    """The same orders on the other side, in another zone."""
    other = pl.when(pl.col("side") == "buy").then(pl.lit("sell")).otherwise(pl.lit("buy"))
    signals = orders.signals.with_columns(
        zone=pl.lit(zone),
        side=other,
        market=pl.lit("day_ahead"),
        limit_price_eur_per_mwh=pl.lit(None, pl.Float64),
    )
    return replace(orders, signals=signals)


def spreads_of(spread: Floats) -> PastSpreads:
    return PastSpreads(days=PAST, spreads=spread)


def test_what_cancels_between_zones_is_no_risk_of_the_desk() -> None:
    buys = orders_of(SPREAD)
    assert set(buys.signals["side"]) == {"buy"}
    sells = mirrored(buys, "CZ")
    wild = spreads_of(np.random.default_rng(3).normal(0, 30, (len(PAST), N)))
    zones = {ZONE: zone_day(), "CZ": zone_day()}
    together = joint_risk([buys, sells], zones, {buys.name: wild, sells.name: wild})
    alone = [together.of[one.name].value_at_risk_eur for one in (buys, sells)]
    costs = -sum(together.expected_eur.values())
    assert min(alone) > 200.0
    assert together.total.value_at_risk_eur == pytest.approx(costs, abs=1.0)
    others = spreads_of(np.random.default_rng(4).normal(0, 30, (len(PAST), N)))
    apart = joint_risk([buys, sells], zones, {buys.name: wild, sells.name: others})
    assert together.total.value_at_risk_eur < apart.total.value_at_risk_eur < sum(alone)
    assert apart.n_days == len(PAST)


def test_only_days_that_all_know_count_and_too_few_measure_nothing() -> None:
    orders = orders_of(SPREAD)
    spread = PastSpreads(days=PAST[-20:], spreads=np.zeros((20, N)))
    risk = joint_risk([orders], {ZONE: zone_day()}, {orders.name: spread})
    assert risk.n_days == 20
    assert np.isnan(risk.total.value_at_risk_eur)


def stressed_zone(past: Floats | None = None) -> StressedZone:
    return StressedZone(
        local_hours=np.arange(N, dtype=float),
        minimum_eur_per_mwh=-500.0,
        maximum_eur_per_mwh=4000.0,
        past=np.zeros((0, N)) if past is None else past,
    )


def stressed(*orders: DayOrders, past: Floats | None = None, **levels: float) -> dict[str, Any]:
    zones = {one.name[0]: stressed_zone(past) for one in orders}
    return {one.test: one.money for one in stress_tests(orders, zones, {}, **levels)}


def test_an_auction_that_does_not_take_place_costs_firm_energy_alone() -> None:
    battery, spread = orders_of(Storage()), orders_of(SPREAD)
    missing = stressed(battery, spread)["missing_auction"]
    assert missing[spread.name] == 0.0
    expected = money_under(battery, battery.expected[0][None], battery.expected[0][None])[0]
    energy = np.abs(battery.exposure_mw).sum()
    fees = 0.05 * energy
    assert missing[battery.name] == pytest.approx(expected + fees - 50.0 * energy)


def test_prices_at_the_limits_hurt_who_trades_in_those_hours() -> None:
    within = orders_of(SPREAD)
    sells = mirrored(within, ZONE)
    buys = mirrored(sells, ZONE)
    assert stressed(buys)["minimum_price"][buys.name] > 10_000.0
    assert stressed(buys)["maximum_price"][buys.name] < -10_000.0
    assert stressed(sells)["minimum_price"][sells.name] < -10_000.0
    assert stressed(within)["maximum_price"][within.name] > 0.0, "its limit price keeps the order out"


def test_a_zone_alone_moves_against_every_order() -> None:
    buys = orders_of(SPREAD)
    calm = money_under(buys, buys.expected[0][None], np.add(*buys.expected)[None])[0]
    apart = stressed(buys, decoupling_eur_per_mwh=40.0)["decoupling"][buys.name]
    assert calm - apart == pytest.approx(40.0 * np.abs(buys.exposure_mw).sum())
    with pytest.raises(ConfigurationError, match="positive"):
        stressed(buys, decoupling_eur_per_mwh=float("nan"))


def test_the_crisis_is_the_worst_past_day_at_its_level() -> None:
    battery = orders_of(Storage())
    shape = wavy_prices(N)
    past = np.stack([shape, shape[::-1].copy(), 160.0 - shape])
    crisis = stressed(battery, past=past, crisis_eur_per_mwh=465.0)["crisis_2022"][battery.name]
    factor = 465.0 / past.mean()
    reversed_day = money_under(battery, factor * past[2:], factor * past[2:])[0]
    assert crisis == pytest.approx(reversed_day)
    assert crisis < 0
    assert np.isnan(stressed(battery)["crisis_2022"][battery.name]), "without a past nothing is claimed"
