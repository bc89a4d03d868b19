from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spot.contracts.words import LIMIT_SCOPES, LimitAction, LimitScope
from spot.risk.exposure import MONEY_KINDS, Conditions, Orders, ScopeUse, measure
from spot.risk.limit_book import LIMIT_KINDS, Limit
from spot.risk.limits import LimitedOrders, apply_limits, apply_state, bound, take_any_price
from spot.risk.reductions import GATES
from spot.risk.state import TradingState, stricter
from tests.support.sample_orders import GOOD, make_limits, make_orders, nothing_else

ORDERS = [5.0, -3.0, 0.0, 8.0]
LOST = np.array([50.0, -100.0])


def _apply(
    orders: Orders,
    limits: tuple[Limit, ...],
    uses: Mapping[LimitScope, ScopeUse] | None = None,
    conditions: Conditions = GOOD,
) -> LimitedOrders:
    return apply_limits(orders, limits, uses or nothing_else(len(orders.exposure_mw)), conditions)


def test_orders_inside_every_limit_pass_untouched() -> None:
    result = _apply(make_orders(ORDERS), make_limits())
    assert result.orders.exposure_mw.tolist() == ORDERS
    assert result.events == ()


@pytest.mark.parametrize(
    ("kind", "limit", "expected"),
    [
        ("max_mw_per_mtu", 4.0, [4.0, -3.0, 0.0, 4.0]),
        ("max_gross_mw", 4.0, [4.0, -3.0, 0.0, 4.0]),
        ("max_mwh_per_day", 8.0, [2.5, -1.5, 0.0, 4.0]),
        ("max_value_eur", 800.0, [2.5, -1.5, 0.0, 4.0]),
        ("max_change_mwh", 8.0, [2.5, -1.5, 0.0, 4.0]),
        ("max_orders_per_day", 2.0, [5.0, 0.0, 0.0, 8.0]),
        ("max_model_age_days", 0.5, [2.5, -1.5, 0.0, 4.0]),
    ],
)
def test_reduce_cuts_to_the_limit(kind: str, limit: float, expected: list[float]) -> None:
    result = _apply(make_orders(ORDERS), make_limits("reduce", **{kind: limit}))
    np.testing.assert_allclose(result.orders.exposure_mw, expected)
    assert result.events[0].limit_name == kind
    assert result.events[0].value > limit


@pytest.mark.parametrize(
    "kind", [kind for kind in LIMIT_KINDS if kind not in ("min_price_eur_per_mwh", "max_price_eur_per_mwh")]
)
@pytest.mark.parametrize("action", ["block", "halt"])
def test_block_and_halt_leave_nothing(kind: str, action: LimitAction) -> None:
    orders = make_orders(ORDERS, limit_price=1000.0)
    uses = {
        scope: replace(use, daily_pnl_eur=LOST, confirmed_pnl_eur=LOST)
        for scope, use in nothing_else(4).items()
    }
    bad = Conditions(model_age_days=1.0, data_age_hours=1.0, drift_status="alert")
    result = _apply(
        orders,
        make_limits(action, **{kind: 1e-6, "max_mwh_per_day": 1e-6 if kind == "max_mwh_per_day" else 100.0}),
        uses,
        bad,
    )
    assert result.orders.is_flat
    assert result.requests_halt == (action == "halt")


def test_prices_are_brought_inside_the_collar() -> None:
    result = _apply(
        make_orders([1.0, -1.0], limit_price=900.0),
        make_limits(max_price_eur_per_mwh=500.0, max_price_distance_eur_per_mwh=50.0),
    )
    assert result.orders.limit_price.tolist() == [150.0, 500.0]
    taken = take_any_price(
        make_orders([1.0, -1.0], limit_price=np.inf),
        make_limits(max_price_eur_per_mwh=500.0, max_price_distance_eur_per_mwh=50.0),
    )
    assert taken.limit_price.tolist() == [150.0, 150.0]


def test_net_counts_sides_against_each_other() -> None:
    uses = nothing_else(1) | {
        "desk": replace(ScopeUse.empty(1), net_mw=np.array([-10.0]), gross_mw=np.array([10.0]))
    }
    assert _apply(make_orders([8.0]), make_limits(max_net_mw=9.0), uses).orders.exposure_mw.tolist() == [8.0]
    assert _apply(make_orders([-8.0]), make_limits(max_net_mw=12.0), uses).orders.exposure_mw.tolist() == [
        -2.0
    ]


def test_reduced_tail_risk_meets_its_limit_exactly() -> None:
    orders = make_orders(ORDERS)
    before = orders.risk
    result = _apply(orders, make_limits(max_value_at_risk_eur=before.value_at_risk_eur / 2))
    assert result.orders.risk.value_at_risk_eur == pytest.approx(before.value_at_risk_eur / 2)


def test_too_few_scenarios_deny_rather_than_show_no_risk() -> None:
    orders = make_orders(ORDERS)
    result = _apply(replace(orders, scenarios=orders.scenarios[:10]), make_limits())
    assert result.orders.is_flat
    assert {event.limit_name for event in result.events if event.kind == "denied"} == {
        "max_value_at_risk_eur",
        "max_expected_shortfall_eur",
    } & {event.limit_name for event in result.events}


def test_any_missing_limit_and_an_empty_book_deny() -> None:
    assert _apply(make_orders(ORDERS), ()).orders.is_flat
    assert _apply(make_orders(ORDERS), make_limits()[1:]).orders.is_flat
    for kind in LIMIT_KINDS:
        assert _apply(make_orders(ORDERS), make_limits("reduce", **{kind: None})).orders.is_flat
    assert _apply(make_orders([float("nan"), 1.0]), make_limits()).orders.is_flat


def test_daily_loss_and_drawdown_are_those_of_the_settled_past() -> None:
    uses = {
        scope: replace(use, daily_pnl_eur=np.array([100.0, -30.0, -40.0]))
        for scope, use in nothing_else(4).items()
    }
    assert measure("max_daily_loss_eur", "desk", make_orders(ORDERS), uses["desk"], GOOD) == 40.0
    assert measure("max_drawdown_eur", "desk", make_orders(ORDERS), uses["desk"], GOOD) == 70.0
    for later, worst in ((6, 30.0), (7, 0.0)):
        use = replace(uses["desk"], daily_pnl_eur=np.array([-30.0, *[5.0] * later]))
        assert measure("max_daily_loss_eur", "desk", make_orders(ORDERS), use, GOOD) == worst
    assert _apply(make_orders(ORDERS), make_limits("block", max_drawdown_eur=69.0), uses).orders.is_flat
    spoiled = {scope: replace(use, daily_pnl_eur=np.array([1.0, np.nan])) for scope, use in uses.items()}
    assert _apply(make_orders(ORDERS), make_limits(), spoiled).orders.is_flat


@pytest.mark.parametrize("kind", MONEY_KINDS)
def test_money_halts_on_confirmed_days_alone_and_blocks_before_that(kind: str) -> None:
    limits = make_limits("halt", **{kind: 60.0})
    for confirmed, is_halt in ((LOST, True), (LOST[:1], False), (np.zeros(0), False)):
        uses = {
            scope: replace(use, daily_pnl_eur=LOST, confirmed_pnl_eur=confirmed)
            for scope, use in nothing_else(4).items()
        }
        result = _apply(make_orders(ORDERS), limits, uses)
        assert result.orders.is_flat
        assert result.requests_halt == is_halt
        event = result.events[0]
        assert (event.action, event.value) == ("halt" if is_halt else "block", 100.0)
        assert ("; confirmed by whole days" if is_halt else "; not confirmed, ") in event.detail


def test_the_stricter_state_holds_and_none_is_halted() -> None:
    assert stricter(TradingState.ACTIVE, TradingState.REDUCING) is TradingState.REDUCING
    assert stricter() is TradingState.HALTED
    assert apply_state(make_orders(ORDERS), TradingState.HALTED, np.zeros(4)).orders.is_flat
    kept = apply_state(
        make_orders(ORDERS), TradingState.REDUCING, np.array([-2.0, -9.0, 0.0, -20.0])
    ).orders.exposure_mw
    assert kept.tolist() == [2.0, 0.0, 0.0, 8.0]


_mw = st.floats(-1e4, 1e4, allow_subnormal=False)
_limit = st.one_of(st.none(), st.floats(0.0, 1e5))


@settings(max_examples=300, deadline=None)
@given(
    exposure=st.lists(_mw, min_size=1, max_size=6),
    others=st.lists(st.floats(-50, 50), min_size=6, max_size=6),
    limits=st.fixed_dictionaries({}, optional=dict.fromkeys(LIMIT_KINDS, _limit)),
    price=st.floats(-500, 4000),
    distance=st.floats(-2000, 2000),
    keeps_shape=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_whatever_comes_in_nothing_leaves_above_a_limit(
    exposure: list[float],
    others: list[float],
    limits: dict[str, float | None],
    price: float,
    distance: float,
    keeps_shape: bool,
    seed: int,
) -> None:
    size = len(exposure)
    orders = make_orders(
        exposure, price=price, limit_price=price + distance, keeps_shape=keeps_shape, seed=seed
    )
    mine = np.array(others[:size])
    uses = {
        scope: replace(
            ScopeUse.empty(size),
            net_mw=mine,
            gross_mw=np.abs(mine),
            mwh=float(np.abs(mine).sum()),
            value_at_risk_eur=10.0,
        )
        for scope in LIMIT_SCOPES
    }
    book = make_limits("reduce", **limits)
    result = apply_limits(orders, book, uses, GOOD)
    out = result.orders
    assert (np.abs(out.exposure_mw) <= np.abs(orders.exposure_mw) + 1e-9).all()
    assert (out.exposure_mw * orders.exposure_mw >= 0).all()
    if out.is_flat:
        return
    daily = {limit.scope: limit.value for limit in book if limit.kind == "max_mwh_per_day"}
    for limit in book:
        assert limit.value is not None
        if limit.kind not in GATES:
            used = measure(
                limit.kind, limit.scope, out, uses[limit.scope], GOOD, daily_mwh_limit=daily[limit.scope]
            )
            assert used <= bound(limit) + 1e-6 * max(1.0, abs(bound(limit)))
    if keeps_shape:
        traded = np.abs(orders.exposure_mw) > 1e-9  # smaller ones have no ratio of nine digits
        if not traded.any():
            return
        ratios = out.exposure_mw[traded] / orders.exposure_mw[traded]
        np.testing.assert_allclose(ratios, ratios[0], rtol=1e-9, atol=1e-12)
