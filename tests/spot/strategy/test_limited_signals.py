"""What limits, losses and the trading state leave of the orders of a day."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.contracts.signal_tables import RISK_EVENTS
from spot.contracts.table import check_rows
from spot.market.gates import gate_closure_utc
from spot.risk.limit_book import parse_limit_book
from spot.risk.state import TradingState
from spot.strategy.proposals.price_view import PriceView
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.strategy.proposals.storage_plan import plan_of
from spot.strategy.settle import settle_signals
from spot.strategy.signals import decide_signals
from tests.support.narrow import number
from tests.support.sample_market import ZONE, make_book, make_outcomes, make_request

DAY = date(2025, 6, 3)


SPREAD = SettlementSpread(takes_curve=True)
STRATEGIES = (SPREAD, Storage(), PriceView(reference_eur_per_mwh=120.0))


BLOCK_48 = {"limit": 48, "action": "block"}


def test_a_later_outcome_changes_nothing() -> None:
    request = make_request(DAY, SPREAD)
    later = make_outcomes(DAY, DAY + timedelta(days=3), spread=500.0).with_columns(
        known_at_utc=pl.lit(request.as_of_utc + timedelta(seconds=1))
    )
    assert decide_signals(request).frame.equals(
        decide_signals(replace(request, history=pl.concat([request.history, later]))).frame
    )


def test_a_breach_with_action_halt_is_flat_and_asks_for_a_halt() -> None:
    decision = decide_signals(
        make_request(DAY, SPREAD, limits=make_book(max_mw_per_mtu={"limit": 0.5, "action": "halt"}))
    )
    assert decision.requests_halt
    assert decision.frame["volume_mw"].sum() == 0.0
    breach = decision.events.filter(pl.col("kind") == "breach").row(0, named=True)
    assert breach["value"] > breach["limit_value"] == 0.5


def test_a_loss_halts_although_another_strategy_has_settled_a_later_day() -> None:
    lost_on, half_settled = DAY - timedelta(days=2), DAY - timedelta(days=1)
    spread = decide_signals(make_request(lost_on, SPREAD)).frame
    battery = decide_signals(make_request(half_settled, Storage())).frame
    at_once = make_outcomes(half_settled, half_settled).with_columns(
        known_at_utc=pl.lit(gate_closure_utc(ZONE, half_settled) + timedelta(hours=1))
    )
    settlements = pl.concat(
        [
            settle_signals(spread, make_outcomes(lost_on, lost_on, spread=-500.0), SPREAD),
            settle_signals(battery, at_once, Storage()),
        ]
    )
    daily = settlements.group_by("delivery_day").agg(pl.col("pnl_eur").sum()).sort("delivery_day")["pnl_eur"]
    assert daily[0] < -1000.0
    assert daily[1] > 0.0
    book = make_book(max_daily_loss_eur={"limit": 1000.0, "action": "halt"})
    for settings in STRATEGIES:
        decision = decide_signals(make_request(DAY, settings, limits=book, settlements=settlements))
        breaches = decision.events.filter(pl.col("limit_name") == "max_daily_loss_eur")
        assert decision.requests_halt
        assert decision.frame["volume_mw"].sum() == 0.0
        assert set(breaches["scope"]) >= {"desk", "zone"}
        assert number(breaches["value"].min()) > 1000.0


@pytest.mark.parametrize("fault", ["a unit is not settled", "a price came an hour ago", "none"])
def test_a_loss_halts_once_its_day_is_whole_and_its_prices_stand(fault: str) -> None:
    lost_on, gate = DAY - timedelta(days=2), gate_closure_utc(ZONE, DAY)
    spread = decide_signals(make_request(lost_on, SPREAD)).frame
    settlements = settle_signals(spread, make_outcomes(lost_on, lost_on, spread=-500.0), SPREAD)
    if fault == "a unit is not settled":
        settlements = settlements.filter(pl.col("pnl_eur").rank("ordinal") < settlements.height)
    if fault == "a price came an hour ago":
        late = pl.col("delivery_start_utc") == pl.col("delivery_start_utc").max()
        settlements = settlements.with_columns(
            known_at_utc=pl.when(late).then(gate - timedelta(hours=1)).otherwise(pl.col("known_at_utc"))
        )
    book = make_book(max_daily_loss_eur={"limit": 1000.0, "action": "halt"})
    decision = decide_signals(make_request(DAY, SPREAD, limits=book, settlements=settlements))
    breaches = decision.events.filter(pl.col("limit_name") == "max_daily_loss_eur")
    assert decision.frame["volume_mw"].sum() == 0.0
    assert decision.requests_halt == (fault == "none")
    assert set(breaches["action"]) == {"halt" if fault == "none" else "block"}
    said = f"prices stand, up to {lost_on}: " if fault == "none" else "; not confirmed, 0 on whole days"
    assert said in str(breaches["detail"][0])


def test_overrides_used_and_refused_are_rows_with_their_numbers() -> None:
    document = dict(make_book(max_mw_per_mtu=1.0).document or {})
    used = {
        "scope": "zone",
        "zone": ZONE,
        "kind": "max_mw_per_mtu",
        "limit": 3.0,
        "name": "Ann",
        "reason": "cable test",
    }
    until = (gate_closure_utc(ZONE, DAY) + timedelta(hours=1)).isoformat()
    overrides = [{**used, "expires_utc": until}, {**used, "kind": "max_mw", "expires_utc": until}]
    events = decide_signals(
        make_request(DAY, SPREAD, limits=parse_limit_book({**document, "overrides": overrides}))
    ).events
    rows = {row["kind"]: row for row in events.iter_rows(named=True)}
    assert (rows["override"]["value"], rows["override"]["limit_value"], rows["override"]["limit_name"]) == (
        3.0,
        1.0,
        "max_mw_per_mtu",
    )
    assert "Ann: cable test" in rows["override"]["detail"]
    assert rows["override_rejected"]["limit_name"] == "max_mw"
    assert check_rows(events, RISK_EVENTS).rejected.is_empty()


def test_other_signals_of_the_zone_count_against_its_limits() -> None:
    other = decide_signals(make_request(DAY, PriceView(reference_eur_per_mwh=200.0, max_mw=8.0))).frame
    assert other["volume_mw"].to_list() == [8.0] * 24
    book = make_book(max_gross_mw=10.0)
    alone = decide_signals(make_request(DAY, SPREAD, limits=book)).frame
    beside = decide_signals(make_request(DAY, SPREAD, limits=book, desk_signals=other)).frame
    assert number(alone["volume_mw"].max()) > 2.0
    assert number(beside["volume_mw"].max()) <= 2.0 + 1e-9
    # its own earlier signals of the day are replaced, not added
    own = decide_signals(make_request(DAY, SPREAD, limits=book, desk_signals=alone)).frame
    assert own["volume_mw"].to_list() == alone["volume_mw"].to_list()


def test_the_thousandfold_guard_looks_at_yesterday() -> None:
    yesterday = decide_signals(make_request(DAY - timedelta(days=1), SPREAD)).frame
    book = make_book(max_change_mwh={"limit": 1.0, "action": "block"})
    assert decide_signals(make_request(DAY, SPREAD, limits=book)).frame["volume_mw"].sum() == 0.0
    same = decide_signals(
        make_request(
            DAY,
            SPREAD,
            limits=make_book(max_change_mwh={"limit": 30.0, "action": "block"}),
            desk_signals=yesterday,
        )
    )
    assert same.frame["volume_mw"].sum() > 0.0


def test_a_storage_plan_is_scaled_as_a_whole() -> None:
    free = decide_signals(make_request(DAY, Storage(power_mw=4.0, energy_mwh=8.0))).frame
    cut = decide_signals(
        make_request(DAY, Storage(power_mw=4.0, energy_mwh=8.0), limits=make_book(max_mw_per_mtu=1.0))
    ).frame
    np.testing.assert_allclose(cut["volume_mw"].to_numpy(), free["volume_mw"].to_numpy() / 4.0, atol=2e-3)
    assert cut["side"].to_list() == free["side"].to_list()


@pytest.mark.parametrize("mw", [0.1, 0.55, 0.73, 1.0])
def test_a_plan_that_limits_cut_is_whole_steps_and_still_closes(mw: float) -> None:
    battery = Storage(power_mw=4.0, energy_mwh=8.0, volume_step_mw=0.1)
    free = decide_signals(make_request(DAY, battery)).frame
    cut = decide_signals(make_request(DAY, battery, limits=make_book(max_mw_per_mtu=mw))).frame
    for frame, most in ((free, 4.0), (cut, mw)):
        sign = frame["side"].replace_strict({"buy": 1.0, "sell": -1.0, "flat": 0.0}, return_dtype=pl.Float64)
        plan = plan_of((sign * frame["volume_mw"]).to_numpy(), 1.0, battery)
        steps = plan.exposure_mw / 0.1
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-6)
        assert 0.0 < number(frame["volume_mw"].max()) <= most
        assert plan.state_mwh.min() >= -1e-6
        assert -1e-6 <= plan.state_mwh[-1] <= 0.1


@pytest.mark.parametrize("share", [0.9, 0.5])
def test_a_plan_cut_by_its_tail_risk_keeps_that_limit_in_whole_steps(share: float) -> None:
    battery = Storage(power_mw=4.0, energy_mwh=8.0, volume_step_mw=0.1)
    free = decide_signals(make_request(DAY, battery)).frame
    allowed = share * free["value_at_risk_eur"][0]
    cut = decide_signals(make_request(DAY, battery, limits=make_book(max_value_at_risk_eur=allowed)))
    used = cut.conformance.filter(pl.col("limit_name") == "max_value_at_risk_eur")["used"]
    assert cut.frame["volume_mw"].sum() > 0.0
    assert used.max() <= allowed + 1e-6


def test_reducing_lets_through_what_closes_an_open_position() -> None:
    long_day = decide_signals(make_request(DAY, PriceView(reference_eur_per_mwh=200.0, max_mw=3.0))).frame
    falling = make_outcomes(DAY - timedelta(days=120), DAY - timedelta(days=2), spread=-8.0)
    request = make_request(
        DAY, SPREAD, history=falling, desk_signals=long_day, trading_state=TradingState.REDUCING
    )
    closing = decide_signals(request).frame
    assert closing["side"].unique().to_list() == ["sell"]
    assert number(closing["volume_mw"].max()) <= 3.0
    rising = decide_signals(
        make_request(DAY, SPREAD, desk_signals=long_day, trading_state=TradingState.REDUCING)
    ).frame
    assert rising["side"].unique().to_list() == ["flat"]
