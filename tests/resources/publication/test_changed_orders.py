"""Orders that a person changed: what leaves takes the change, once, and only within limits of its own."""

import json
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from resources.trading.outbox import Outbox
from resources.trading.state import TradingStateStore
from spot.contracts.override_tables import ORDER_OVERRIDES, OVERRIDE_CONFORMANCE
from spot.contracts.signal_tables import SETTLEMENTS, SIGNALS
from spot.contracts.table import check_rows
from spot.strategy.by_hand.changes import also_changed, with_changes
from spot.strategy.desk_state import desk_uses
from spot.strategy.request import SignalDecision
from tests.support.live_orders import BEFORE, DAY, GATE, decide, write_tables
from tests.support.made_up_rows import made_up
from tests.support.sample_market import ZONE

DECIDED = GATE - timedelta(hours=1)
ASKED = DECIDED + timedelta(minutes=10)


@pytest.fixture
def decision() -> SignalDecision:
    return decide(DECIDED)


def write_change(
    outbox: Outbox,
    decision: SignalDecision,
    action: str = "leave_out",
    *,
    now: datetime = ASKED,
    is_judged: bool = True,
) -> str:
    """A change of the first order by Ann, with its limits; returns the id of the machine's signal."""
    order = decision.frame.filter(pl.col("side") != "flat").row(0, named=True)
    row = {
        "override_id": f"{action} {now}",
        **{name: order[name] for name in ("zone", "delivery_day", "delivery_start_utc", "strategy")},
        "resolution_minutes": order["resolution_minutes"],
        "action": action,
        "side": "flat" if action == "leave_out" else order["side"],
        "volume_mw": 0.0 if action == "leave_out" else order["volume_mw"] / 2,
        "limit_price_eur_per_mwh": None if action == "leave_out" else 55.0,
        "machine_signal_id": order["signal_id"],
        "machine_side": order["side"],
        "machine_volume_mw": order["volume_mw"],
        "decided_as_of_utc": decision.frame["as_of_utc"][0],
        "as_of_utc": now,
        "entered_by": "Ann",
        "reason": "fog",
    }
    if is_judged:
        judged = decision.conformance.with_columns(
            as_of_utc=pl.lit(now), decided_as_of_utc=pl.lit(decision.frame["as_of_utc"][0])
        )
        outbox.lake.append_only("override_conformance", judged.cast(OVERRIDE_CONFORMANCE.schema))
    outbox.lake.append_only("order_overrides", made_up("order_overrides", row))
    return str(order["signal_id"])


def send(outbox: Outbox, now: datetime = BEFORE) -> pl.DataFrame:
    return outbox.publish(ZONE, DAY, DAY, clock=lambda: now)


def sent_orders(receiver: Any) -> list[dict[str, Any]]:
    """The orders of the newest message."""
    return [row for row in json.loads(receiver.received[-1][1])["signals"] if row["side"] != "flat"]


def test_what_is_sent_takes_the_change_and_is_sent_once(
    live_outbox: Outbox, receiver: Any, decision: SignalDecision
) -> None:
    send(live_outbox)
    n_machine = len(sent_orders(receiver))
    left_out = write_change(live_outbox, decision)
    rows = send(live_outbox)
    assert rows["status"].to_list() == ["sent"] * 3
    message = json.loads(receiver.received[-1][1])
    assert (message["sequence"], len(sent_orders(receiver))) == (2, n_machine - 1)
    assert left_out not in {row["signal_id"] for row in message["signals"]}
    assert any("by hand, Ann: fog" in row["reasons"] for row in message["signals"])
    assert send(live_outbox).is_empty(), "nothing is sent twice"
    assert len(receiver.received) == 2
    assert live_outbox.lake.read("signals").equals(decision.frame.sort(SIGNALS.key)), "the machine's own stay"


def test_a_change_that_is_given_back_is_sent_as_the_machine_had_it(
    live_outbox: Outbox, receiver: Any, decision: SignalDecision
) -> None:
    send(live_outbox)
    own = sent_orders(receiver)
    write_change(live_outbox, decision, "change")
    send(live_outbox)
    changed = sent_orders(receiver)[0]
    assert (changed["volume_mw"], changed["limit_price_eur_per_mwh"]) == (own[0]["volume_mw"] / 2, 55.0)
    assert changed["bid_curve"] == []
    write_change(live_outbox, decision, "withdraw", now=ASKED + timedelta(minutes=1))
    send(live_outbox)
    back = sent_orders(receiver)
    for name in ("side", "volume_mw", "limit_price_eur_per_mwh", "bid_curve", "reasons"):
        assert [row[name] for row in back] == [row[name] for row in own]
    assert [json.loads(body)["sequence"] for _, body in receiver.received] == [1, 2, 3]


def test_without_limits_of_its_own_a_changed_order_does_not_leave(
    live_outbox: Outbox, receiver: Any, decision: SignalDecision
) -> None:
    write_change(live_outbox, decision, is_judged=False)
    rows = send(live_outbox)
    assert rows["status"].unique().to_list() == ["refused"]
    assert "the machine decided anew after the change of Ann" in rows["detail"][0]
    assert receiver.received == []


def test_a_new_decision_of_the_machine_waits_until_the_change_is_judged_on_it(
    live_outbox: Outbox, receiver: Any, decision: SignalDecision
) -> None:
    write_change(live_outbox, decision)
    send(live_outbox)
    newer = decide(DECIDED + timedelta(minutes=15))
    write_tables(live_outbox.lake, newer)
    assert send(live_outbox)["status"].unique().to_list() == ["refused"]
    judged = newer.conformance.with_columns(decided_as_of_utc=pl.lit(newer.frame["as_of_utc"][0]))
    live_outbox.lake.append_only("override_conformance", judged.cast(OVERRIDE_CONFORMANCE.schema))
    assert send(live_outbox)["status"].to_list() == ["sent"] * 3
    n_orders = newer.frame.filter(pl.col("side") != "flat").height
    assert len(sent_orders(receiver)) == n_orders - 1


def test_a_breached_limit_a_halt_and_the_gate_stop_changed_orders_like_any(
    live_outbox: Outbox, receiver: Any, decision: SignalDecision, store: TradingStateStore
) -> None:
    write_change(live_outbox, decision, "change", is_judged=False)
    breached = decision.conformance.with_columns(
        status=pl.lit("breached"), as_of_utc=pl.lit(ASKED), decided_as_of_utc=pl.lit(DECIDED)
    )
    live_outbox.lake.append_only("override_conformance", breached.cast(OVERRIDE_CONFORMANCE.schema))
    assert "a limit is breached or denies" in send(live_outbox)["detail"][0]
    assert send(live_outbox, GATE).is_empty()
    store.halt(ZONE, reason="test", actor="test")
    write_change(live_outbox, decision, now=ASKED + timedelta(minutes=1))
    assert "halted" in send(live_outbox)["detail"][0]
    assert receiver.received == []


def test_rows_that_nobody_changed_stay_as_they_were(decision: SignalDecision) -> None:
    nobody = with_changes(
        decision.frame, ORDER_OVERRIDES.empty(), OVERRIDE_CONFORMANCE.empty(), decision.bid_curves
    )
    assert nobody.signals.equals(decision.frame)
    assert nobody.bid_curves.equals(decision.bid_curves)
    order = decision.frame.filter(pl.col("side") != "flat").row(0, named=True)
    change = made_up(
        "order_overrides",
        {
            **{name: order[name] for name in ("zone", "delivery_day", "delivery_start_utc", "strategy")},
            "action": "leave_out",
            "side": "flat",
            "volume_mw": 0.0,
            "limit_price_eur_per_mwh": None,
        },
    )
    changed = with_changes(decision.frame, change, OVERRIDE_CONFORMANCE.empty(), decision.bid_curves)
    assert check_rows(changed.signals, SIGNALS).rejected.is_empty()
    same = changed.signals.join(decision.frame.select("signal_id"), on="signal_id", how="semi")
    assert same.height == decision.frame.height - 1
    assert (
        changed.signals.filter(pl.col("side") != "flat").height
        == decision.frame.filter(pl.col("side") != "flat").height - 1
    )


def test_other_decisions_see_a_change_from_its_instant_on(decision: SignalDecision) -> None:
    order = decision.frame.filter(pl.col("side") != "flat").row(0, named=True)
    change = made_up(
        "order_overrides",
        {
            **{name: order[name] for name in ("zone", "delivery_day", "delivery_start_utc", "strategy")},
            "action": "leave_out",
            "side": "flat",
            "volume_mw": 0.0,
            "limit_price_eur_per_mwh": None,
            "as_of_utc": ASKED,
        },
    )
    seen = also_changed(decision.frame, change)

    def held_mw(as_of: datetime) -> float:
        uses = desk_uses(
            seen,
            SETTLEMENTS.empty(),
            zone="another zone",
            strategy="storage",
            delivery_day=DAY,
            starts_utc=(order["delivery_start_utc"],),
            as_of_utc=as_of,
        )
        return float(uses["desk"].gross_mw[0])

    assert held_mw(ASKED - timedelta(minutes=1)) == order["volume_mw"]
    assert held_mw(ASKED) == 0.0
