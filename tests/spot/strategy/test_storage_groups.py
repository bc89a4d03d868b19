"""A battery whose hours the auction chooses: orders, limits, fills and money, through the one door."""

import json
from datetime import date, timedelta
from itertools import product

import numpy as np
import polars as pl
import pytest

from spot.arrays import Floats
from spot.contracts.block_tables import BLOCK_ORDERS_OF_A_DAY
from spot.contracts.signal_tables import PUBLICATIONS, SETTLEMENTS, SIGNALS
from spot.contracts.table import check_rows
from spot.market.delivery import n_periods
from spot.risk.state import TradingState
from spot.strategy.blocks.fills import FillRules
from spot.strategy.outbox.batch import make_batches
from spot.strategy.outbox.payload import csv_payload, json_payload
from spot.strategy.outbox.standing import as_sent
from spot.strategy.proposals.storage import Storage
from spot.strategy.proposals.storage_groups import StorageGroups
from spot.strategy.proposals.storage_plan import plan_of
from spot.strategy.request import SignalDecision
from spot.strategy.settle import settle_signals
from spot.strategy.signals import decide_signals
from tests.support.narrow import number
from tests.support.sample_market import ZONE, make_book, make_forecast, make_outcomes, make_request

DAY = date(2025, 6, 3)
BEST = FillRules(second_best_share=0.0, rejected_share=0.0)
GROUPS = StorageGroups(exchange="epex_spot", fills=BEST)
MINE = pl.col("volume_mw") > 0
GROUP = ["block_group"]


def decided(strategy: StorageGroups = GROUPS, day: date = DAY, **changes: object) -> SignalDecision:
    return decide_signals(make_request(day, strategy, **changes))


def settled(
    decision: SignalDecision, strategy: StorageGroups = GROUPS, outcomes: pl.DataFrame | None = None
) -> pl.DataFrame:
    prices = make_outcomes(DAY, DAY, seed=5, noise=25.0) if outcomes is None else outcomes
    return settle_signals(decision.frame, prices, strategy, block_orders=decision.block_orders)


def profiles(decision: SignalDecision) -> dict[int, list[Floats]]:
    """Group to the signed power (P,) of each of its blocks."""
    units = {start: i for i, start in enumerate(decision.frame["delivery_start_utc"])}
    found: dict[int, list[Floats]] = {}
    for (group, _), rows in decision.block_orders.group_by("block_group", "block", maintain_order=True):
        power = np.zeros(len(units))
        for start, side, mw in rows.select("delivery_start_utc", "side", "volume_mw").iter_rows():
            power[units[start]] = mw if side == "buy" else -mw
        found.setdefault(int(str(group)), []).append(power)
    return found


def used(decision: SignalDecision, limit: str, scope: str = "strategy") -> float:
    return float(decision.conformance.filter(limit_name=limit, scope=scope)["used"][0])


@pytest.mark.parametrize(
    "day", [date(2025, 3, 30), date(2025, 6, 3), date(2025, 10, 26), date(2026, 1, 20), date(2026, 3, 29)]
)
def test_whatever_the_auction_chooses_is_a_plan_of_the_battery_on_a_day_of_any_length(day: date) -> None:
    decision = decided(day=day)
    frame, hours = decision.frame, decision.frame["resolution_minutes"][0] / 60
    assert frame.height == n_periods(ZONE, day)
    assert check_rows(frame, SIGNALS).rejected.is_empty()
    assert check_rows(decision.block_orders, BLOCK_ORDERS_OF_A_DAY).rejected.is_empty()
    groups = profiles(decision)
    assert any(len(blocks) > 1 for blocks in groups.values())
    assert sum(map(len, groups.values())) <= GROUPS.max_orders
    for members in list(product(*(blocks[::3] for blocks in groups.values())))[:60]:
        plan = plan_of(sum(members, np.zeros(frame.height)), hours, GROUPS)
        assert plan.state_mwh.min() > -1e-6
        assert plan.state_mwh.max() < GROUPS.energy_mwh + 1e-6
        assert max(plan.charge_mw.max(), plan.discharge_mw.max()) <= GROUPS.power_mw + 1e-9
        steps = np.abs(plan.exposure_mw) / GROUPS.volume_step_mw
        np.testing.assert_allclose(steps, np.round(steps), atol=1e-6)


def test_a_signal_says_what_the_auction_may_do_and_its_block_has_one_limit_per_group() -> None:
    decision = decided()
    frame, blocks = decision.frame, decision.block_orders
    assert frame["market"].unique().to_list() == ["day_ahead_groups"]
    power = np.abs(np.array([block for group in profiles(decision).values() for block in group]))
    np.testing.assert_allclose(frame["reach_mw"].abs(), power.max(axis=0))
    assert frame["n_blocks"].sum() == blocks.select("block_group", "block").n_unique()
    assert (
        blocks.group_by(GROUP)
        .agg(pl.col("limit_price_eur_per_mwh").n_unique())["limit_price_eur_per_mwh"]
        .to_list()
        == [1] * blocks["block_group"].n_unique()
    )
    chosen = blocks.unique(["block_group", "block"]).group_by(GROUP).agg(pl.col("probability_frac").sum())
    assert chosen["probability_frac"].to_list() == pytest.approx([1.0] * chosen.height)
    buying = frame.filter(MINE, pl.col("side") == "buy")["reasons"][0]
    assert buying.startswith("group 1 of 4 buys 2 MWh in units from")
    assert "the auction picks one of" in buying
    assert "chosen on" in buying


def test_the_auction_earns_more_than_named_hours_and_never_more_than_perfect_foresight() -> None:
    named, chosen = 0.0, 0.0
    for seed in range(6):
        prices = make_outcomes(DAY, DAY, seed=seed, noise=25.0)
        plan = decide_signals(make_request(DAY, Storage(volume_step_mw=0.1))).frame
        named += float(settle_signals(plan, prices, Storage(volume_step_mw=0.1))["pnl_eur"].sum())
        own = settled(decided(), outcomes=prices)
        chosen += float(own["pnl_eur"].sum())
        assert own["pnl_eur"].sum() <= number(own["perfect_foresight_eur"].sum()) + 1e-6
    assert chosen > named + 50.0


def test_the_best_block_is_executed_and_the_settlement_has_its_units() -> None:
    decision, prices = decided(), make_outcomes(DAY, DAY, seed=5, noise=25.0)
    spot = prices["day_ahead_price_eur_per_mwh"].to_numpy()
    expected = np.zeros(len(spot))
    for blocks in profiles(decision).values():
        expected += min(blocks, key=lambda power: float(power @ spot))
    own = settled(decision, outcomes=prices)
    assert check_rows(own, SETTLEMENTS).rejected.is_empty()
    np.testing.assert_allclose(own["exposure_mw"], expected)
    assert own["unfilled_mwh"].sum() == 0.0
    assert (own["side"] == "buy").to_list() == (expected > 0).tolist()


def test_second_best_and_rejection_are_settings_and_the_same_on_every_run() -> None:
    decision = decided()
    second = GROUPS.model_copy(update={"fills": FillRules(second_best_share=1.0, rejected_share=0.0)})
    none = GROUPS.model_copy(update={"fills": FillRules(second_best_share=0.0, rejected_share=1.0)})
    best, worse, missed = (settled(decision, one) for one in (GROUPS, second, none))
    assert best["pnl_eur"].sum() > worse["pnl_eur"].sum() > missed["pnl_eur"].sum()
    assert worse["filled_mwh"].sum() == pytest.approx(best["filled_mwh"].sum())
    assert missed["filled_mwh"].sum() == 0.0
    assert missed["unfilled_mwh"].sum() == pytest.approx(best["filled_mwh"].sum())
    for seed, differs in ((3, False), (4, True)):
        some = GROUPS.model_copy(update={"fills": FillRules(second_best_share=0.5, seed=seed)})
        base = GROUPS.model_copy(update={"fills": FillRules(second_best_share=0.5, seed=3)})
        assert settled(decision, some).equals(settled(decision, base)) is not differs


def test_a_group_whose_limit_the_prices_pass_is_not_executed_and_its_energy_is_made_good() -> None:
    dear = make_outcomes(DAY, DAY, seed=5, noise=1.0).with_columns(
        pl.col("day_ahead_price_eur_per_mwh") + 5000.0
    )
    own = settled(decided(), outcomes=dear)
    assert own.filter(side="buy")["filled_mwh"].sum() == 0.0
    assert own.filter(side="sell")["filled_mwh"].sum() > 0.0
    assert own.filter(side="buy")["imbalance_cost_eur"].sum() > 0.0


def test_a_day_is_settled_as_a_whole_or_not_yet() -> None:
    half = make_outcomes(DAY, DAY, seed=5).head(20)
    assert settled(decided(), outcomes=half).is_empty()
    assert settled(decided(), outcomes=half.clear()).is_empty()


def test_what_never_left_is_settled_as_flat() -> None:
    decision = decided(mode="live")
    unsent = as_sent(decision.frame, PUBLICATIONS.empty())
    own = settle_signals(unsent, make_outcomes(DAY, DAY, seed=5), GROUPS, block_orders=decision.block_orders)
    assert own.height == unsent.height
    assert own["pnl_eur"].abs().sum() == 0.0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exchange": ""}, "no exchange of SK is known to take exclusive groups"),
        ({"volume_step_mw": 0.001}, "no multiple of the 0.1 MW of epex_spot"),
        ({"max_orders": 2}, "its 4 phases are more than 2 groups"),
    ],
)
def test_without_groups_it_trades_as_named_hours_and_says_why(changes: dict[str, object], why: str) -> None:
    strategy = GROUPS.model_copy(update=changes)
    decision = decided(strategy)
    assert decision.block_orders.is_empty()
    assert why in decision.frame["reasons"][0]
    assert decision.frame["reach_mw"].null_count() == decision.frame.height
    named = decide_signals(make_request(DAY, Storage(volume_step_mw=strategy.volume_step_mw))).frame
    same = ["side", "volume_mw", "limit_price_eur_per_mwh", "value_at_risk_eur", "market"]
    assert decision.frame.select(same).equals(named.select(same))


def test_a_day_without_a_spread_has_no_groups_and_one_phase_pair_has_two() -> None:
    level = decided(forecast=make_forecast(DAY, np.full(24, 60.0), half_width=1.0))
    assert level.block_orders.is_empty()
    assert level.frame["side"].unique().to_list() == ["flat"]
    single = decided(GROUPS.model_copy(update={"max_cycles_per_day": 1.0, "max_blocks": 1}))
    assert (
        single.block_orders.select("block_group", "block").n_unique()
        == single.block_orders["block_group"].n_unique()
    )
    bought = single.block_orders.filter(side="buy")["volume_mw"].sum()
    planned = single.frame.filter(side="buy")["volume_mw"].sum()
    assert bought == pytest.approx(planned), "one block is the plan's own"


def test_limits_count_the_worst_block_and_never_the_sum() -> None:
    free = decided()
    power = np.array([block for group in profiles(free).values() for block in group])
    blocks = profiles(free)
    mwh = sum(float(np.abs(one[0]).sum()) for one in blocks.values())
    value = sum(max(float(np.abs(block) @ np.abs(mean(free))) for block in one) for one in blocks.values())
    assert used(free, "max_mw_per_mtu") == np.abs(power).max()
    assert used(free, "max_mwh_per_day") == pytest.approx(mwh)
    assert used(free, "max_value_eur") == pytest.approx(value)
    assert used(free, "max_orders_per_day") == len(power)
    assert used(free, "max_gross_mw") == np.abs(power).max()


def mean(decision: SignalDecision) -> Floats:
    return decision.frame["expected_price_eur_per_mwh"].to_numpy()


@pytest.mark.parametrize(
    ("limit", "value"), [("max_mw_per_mtu", 0.5), ("max_gross_mw", 0.5), ("max_mwh_per_day", 4.0)]
)
def test_a_limit_cuts_the_plan_and_makes_smaller_groups(limit: str, value: float) -> None:
    cut = decided(limits=make_book(**{limit: value}))
    assert cut.block_orders.height > 0
    assert used(cut, limit) <= value + 1e-9
    assert set(cut.conformance["status"]) <= {"within", "reduced"}
    assert "cut from" in cut.frame.filter(MINE)["reasons"][0]
    for members in list(product(*(blocks[::4] for blocks in profiles(cut).values())))[:30]:
        plan = plan_of(sum(members, np.zeros(24)), 1.0, GROUPS)
        assert plan.state_mwh.min() > -1e-6
        assert limit == "max_mwh_per_day" or np.abs(plan.exposure_mw).max() <= value + 1e-9


def test_a_limit_below_one_step_and_too_many_orders_leave_it_flat() -> None:
    for limits in (make_book(max_mw_per_mtu=0.05), make_book(max_orders_per_day=10)):
        decision = decided(limits=limits)
        assert decision.block_orders.is_empty()
        assert decision.frame["side"].unique().to_list() == ["flat"]


def test_other_strategies_of_the_zone_see_the_worst_of_the_groups() -> None:
    first = decided(GROUPS.model_copy(update={"power_mw": 4.0, "energy_mwh": 8.0}))
    second = decide_signals(
        make_request(DAY, Storage(volume_step_mw=0.1), desk_signals=first.frame, limits=make_book())
    )
    reach = first.frame["reach_mw"].to_numpy()
    own = second.frame["volume_mw"].to_numpy()
    assert used(second, "max_gross_mw", "zone") == pytest.approx((np.abs(reach) + own).max())
    assert used(second, "max_orders_per_day", "zone") == first.frame["n_blocks"].sum() + (own > 0).sum()
    signed = np.where(second.frame["side"] == "sell", -own, own)
    low, high = np.minimum(reach, 0.0) + signed, np.maximum(reach, 0.0) + signed
    assert used(second, "max_net_mw", "zone") == pytest.approx(max(np.abs(low).max(), np.abs(high).max()))
    worst = number(first.frame["reach_value_eur"].sum()) + float(own @ np.abs(mean(second)))
    assert used(second, "max_value_eur", "zone") == pytest.approx(worst)


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.REDUCING])
def test_no_group_leaves_a_halted_or_reducing_zone(state: TradingState) -> None:
    decision = decided(trading_state=state)
    assert decision.block_orders.is_empty()
    assert decision.frame["side"].unique().to_list() == ["flat"]
    assert str(state) in decision.frame["reasons"][0]


def test_a_reducing_zone_takes_only_groups_whose_every_block_closes_what_is_open() -> None:
    big = GROUPS.model_copy(update={"power_mw": 4.0, "energy_mwh": 8.0})
    held = decided(big).frame
    against = held.with_columns(
        strategy=pl.lit("storage"),
        side=pl.when(pl.col("reach_mw") > 0)
        .then(pl.lit("sell"))
        .when(pl.col("reach_mw") < 0)
        .then(pl.lit("buy"))
        .otherwise(pl.lit("flat")),
        volume_mw=pl.col("reach_mw").abs(),
    )
    closing = decided(big, trading_state=TradingState.REDUCING, desk_signals=against)
    assert closing.block_orders.height > 0
    bare = against.with_columns(volume_mw=pl.when(pl.col("volume_mw") > 0).then(0.1).otherwise(0.0))
    assert decided(big, trading_state=TradingState.REDUCING, desk_signals=bare).block_orders.is_empty()


def test_it_is_flat_without_history_since_no_limit_on_risk_can_be_measured() -> None:
    young = decided(history=make_outcomes(DAY - timedelta(days=20), DAY - timedelta(days=2)))
    assert young.block_orders.is_empty()
    assert young.frame["side"].unique().to_list() == ["flat"]


def test_the_message_has_the_blocks_as_json_and_csv_and_another_choice_is_another_batch() -> None:
    decision = decided()
    (batch,) = make_batches(decision.frame, block_orders=decision.block_orders)
    told = json.loads(json_payload(batch, sequence=1))
    assert told["schema"] == 3
    groups = profiles(decision)
    assert [group["group"] for group in told["block_groups"]] == list(groups)
    assert batch.n_orders == sum(len(group["blocks"]) for group in told["block_groups"])
    for group in told["block_groups"]:
        for block, power in zip(group["blocks"], groups[group["group"]], strict=True):
            assert sum(unit["volume_mw"] for unit in block["units"]) == pytest.approx(np.abs(power).sum())
    table = pl.read_csv(csv_payload(batch))
    parts = " ".join(table["blocks"].drop_nulls()).split()
    assert len(parts) == decision.block_orders.height
    assert parts[0].startswith("1/1:1@")
    (plain,) = make_batches(decision.frame)
    first = decision.block_orders.filter(pl.col("block") == 1)
    (fewer,) = make_batches(decision.frame, block_orders=first)
    assert len({one.publication_id for one in (batch, plain, fewer)}) == 3
    assert plain.n_orders == decision.frame.filter(MINE).height
    assert json.loads(json_payload(plain, sequence=1))["block_groups"] == []


def test_a_plan_with_a_unit_changed_by_hand_is_not_sent_and_settles_unit_by_unit() -> None:
    decision = decided()
    first = decision.frame.filter(MINE)["signal_id"][0]
    other = pl.when(pl.col("signal_id") == first).then(pl.lit("changed")).otherwise("signal_id")
    changed = decision.frame.with_columns(signal_id=other)
    (batch,) = make_batches(changed, block_orders=decision.block_orders)
    (whole,) = make_batches(decision.frame, block_orders=decision.block_orders)
    (bare,) = make_batches(decision.frame)
    flat = changed.with_columns(side=pl.lit("flat"), volume_mw=0.0, reach_mw=None, signal_id=pl.lit("x"))
    (withdrawn,) = make_batches(flat, block_orders=decision.block_orders)
    assert [one.is_broken for one in (batch, whole, bare, withdrawn)] == [True, False, True, False]
    prices = make_outcomes(DAY, DAY, seed=5, noise=25.0)
    own = settle_signals(changed, prices, GROUPS, block_orders=decision.block_orders)
    assert own["volume_mw"].to_list() == changed.sort("delivery_start_utc")["volume_mw"].to_list()


@pytest.mark.parametrize("day", [date(2025, 3, 30), date(2025, 6, 3), date(2026, 1, 20)])
def test_phases_on_paths_are_a_plan_of_the_battery_and_expect_no_less(day: date) -> None:
    on_paths = decided(GROUPS.model_copy(update={"phases": "paths"}), day)
    plain = decided(day=day)
    hours = on_paths.frame["resolution_minutes"][0] / 60
    for members in list(product(*(blocks[::4] for blocks in profiles(on_paths).values())))[:30]:
        plan = plan_of(sum(members, np.zeros(on_paths.frame.height)), hours, GROUPS)
        assert plan.state_mwh.min() > -1e-6
        assert plan.state_mwh.max() < GROUPS.energy_mwh + 1e-6
    expected = [number(one.frame["expected_value_eur"].sum()) for one in (plain, on_paths)]
    assert expected[1] >= expected[0] - 1.0
