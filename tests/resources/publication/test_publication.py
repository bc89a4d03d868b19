"""What leaves and what does not: files, signed messages, refusals and repetitions."""

import json
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from resources.books.chain import Chain
from resources.trading.outbox import Outbox
from resources.trading.state import TradingStateStore
from spot.contracts.signal_tables import PUBLICATIONS
from spot.contracts.table import check_rows
from spot.risk.state import TradingState
from spot.strategy.outbox.batch import make_batches
from spot.strategy.outbox.payload import csv_payload, json_payload
from spot.strategy.outbox.refusal import assess_batch
from spot.strategy.outbox.signature import is_signed, sign
from spot.strategy.outbox.silence import assess_silence
from spot.strategy.outbox.standing import valid_signals
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.signals import decide_signals
from tests.support.live_desk import LONG_AGO
from tests.support.live_orders import BEFORE, DAY, GATE, SECRET
from tests.support.processes import wait_for
from tests.support.sample_market import ZONE, make_request


def test_files_are_dropped_once_with_a_receipt(desk: Any, tmp_path: Path) -> None:
    rows = desk(drop_folder=str(tmp_path / "drop"))
    assert rows.select("channel", "status").rows() == [("table", "sent"), ("file", "sent")]
    assert check_rows(rows, PUBLICATIONS).rejected.is_empty()
    path = str(tmp_path / "drop" / rows.filter(channel="file")["receipt"][0])
    document = json.loads(Path(path).read_text())
    assert len(document["signals"]) == 24
    assert document["mode"] == "live"
    assert pl.read_csv(path.replace(".json", ".csv")).height == 24
    assert desk(drop_folder=str(tmp_path / "drop")).is_empty()
    assert desk.lake.read("publications").height == 2


def test_a_message_carries_the_head_of_the_books_under_its_checksum(desk: Any, tmp_path: Path) -> None:
    rows = desk(drop_folder=str(tmp_path / "drop")).filter(channel="file")
    body = (tmp_path / "drop" / rows["receipt"][0]).read_bytes()
    document = json.loads(body)
    assert (document["schema"], document["books_head"]) == (3, "")
    Chain(tmp_path).append("begin", {})
    rows = desk(mode="paper", drop_folder=str(tmp_path / "drop")).filter(channel="file")
    document = json.loads((tmp_path / "drop" / rows["receipt"][0]).read_bytes())
    assert document["books_head"] == str(Chain(tmp_path).head())


def test_the_webhook_gets_a_signed_message_and_paper_never_reaches_it(desk: Any, receiver: Any) -> None:
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    desk(mode="paper", webhook_url=url, webhook_secret=SECRET)
    assert receiver.received == []
    desk(webhook_url=url, webhook_secret=SECRET)
    headers, body = receiver.received[0]
    assert is_signed(
        SECRET.encode(), headers["X-Spotdesk-Timestamp"], body, headers["X-Spotdesk-Signature"], now=BEFORE
    )
    assert not is_signed(
        SECRET.encode(),
        headers["X-Spotdesk-Timestamp"],
        body + b" ",
        headers["X-Spotdesk-Signature"],
        now=BEFORE,
    )
    assert not is_signed(
        b"other", headers["X-Spotdesk-Timestamp"], body, headers["X-Spotdesk-Signature"], now=BEFORE
    )
    assert not is_signed(
        SECRET.encode(), headers["X-Spotdesk-Timestamp"], body, headers["X-Spotdesk-Signature"], now=GATE
    )
    document = json.loads(body)
    assert headers["Idempotency-Key"] == document["publication_id"]
    sent = desk.lake.read("publications").filter(channel="webhook").row(0, named=True)
    assert (sent["desk_id"], sent["lease"]) == (document["desk_id"], document["lease"])
    assert (headers["X-Spotdesk-Desk"], headers["X-Spotdesk-Lease"]) == (
        document["desk_id"],
        str(document["lease"]),
    )
    assert document["lease"] == int(LONG_AGO.timestamp())


def test_a_failed_message_is_tried_again_under_the_same_id_and_then_left(desk: Any, receiver: Any) -> None:
    receiver.answers += [503, 500]
    options: dict[str, Any] = {
        "webhook_url": f"http://127.0.0.1:{receiver.server_port}/",
        "webhook_secret": SECRET,
        "max_attempts": 3,
    }
    assert [desk(**options).filter(channel="webhook")["status"].to_list() for _ in range(4)] == [
        ["failed"],
        ["failed"],
        ["sent"],
        [],
    ]
    assert len({headers["Idempotency-Key"] for headers, _ in receiver.received}) == 1
    assert len({body for _, body in receiver.received}) == 1


def test_nobody_listening_is_a_failure_with_a_row_and_no_url_in_it(desk: Any) -> None:
    row = (
        desk(webhook_url="http://127.0.0.1:9/token-canary", webhook_secret=SECRET, max_attempts=1)
        .filter(channel="webhook")
        .row(0, named=True)
    )
    assert row["status"] == "failed"
    assert "canary" not in row["detail"]
    assert (
        desk(webhook_url="http://127.0.0.1:9/", webhook_secret=SECRET, max_attempts=1)
        .filter(channel="webhook")
        .is_empty()
    )


def test_an_unsigned_message_is_not_sent(desk: Any, receiver: Any) -> None:
    desk(webhook_url=f"http://127.0.0.1:{receiver.server_port}/")
    assert receiver.received == []


@pytest.mark.parametrize("late", [GATE, GATE + timedelta(hours=1)])
def test_nothing_leaves_after_the_gate(desk: Any, tmp_path: Path, late: datetime) -> None:
    rows = desk(now=late, drop_folder=str(tmp_path / "drop"))
    assert rows["status"].unique().to_list() == ["refused"]
    assert not (tmp_path / "drop").exists()
    assert desk(now=late, drop_folder=str(tmp_path / "drop")).is_empty()


def test_nothing_leaves_while_halted_and_it_leaves_after_a_person_resumed(
    desk: Any, store: TradingStateStore, tmp_path: Path
) -> None:
    store.halt(ZONE, reason="odd", actor="Ann")
    refused = desk(drop_folder=str(tmp_path / "drop"))
    assert refused["detail"].unique().to_list() == ["halted"]
    assert not (tmp_path / "drop").exists()
    store.resume(ZONE, reason="checked", actor="Ann")
    assert desk(drop_folder=str(tmp_path / "drop"))["status"].to_list() == ["sent", "sent"]


def test_a_state_that_cannot_be_read_lets_nothing_out(desk: Any, store: TradingStateStore) -> None:
    (store.folder / "desk.json").write_text("?")
    assert desk()["status"].to_list() == ["refused"]


def test_what_was_decided_active_does_not_leave_while_reducing(desk: Any, store: TradingStateStore) -> None:
    store.reduce(ZONE, reason="closing", actor="Ann")
    assert "REDUCING" in desk()["detail"][0]


def test_without_checked_limits_or_with_a_breached_one_nothing_leaves() -> None:
    decision = decide_signals(make_request(DAY, SettlementSpread()))
    (batch,) = make_batches(decision.frame)
    ask: dict[str, Any] = {"now": BEFORE, "state": TradingState.ACTIVE}
    assert assess_batch(batch, conformance=decision.conformance, **ask) == ()
    assert assess_batch(batch, conformance=decision.conformance.clear(), **ask) == (
        "no limits were checked for this decision",
    )
    breached = decision.conformance.with_columns(status=pl.lit("breached"))
    assert assess_batch(batch, conformance=breached, **ask) == ("a limit is breached or denies",)
    earlier = decision.conformance.with_columns(pl.col("as_of_utc") - timedelta(minutes=30))
    assert assess_batch(batch, conformance=earlier, **ask) == ("no limits were checked for this decision",)
    (torn,) = make_batches(decision.frame.slice(1))
    assert assess_batch(torn, conformance=decision.conformance, **ask) == ("units are missing or doubled",)


def test_a_bid_curve_leaves_with_its_signal(desk: Any, tmp_path: Path) -> None:
    decision = decide_signals(
        make_request(DAY, SettlementSpread(takes_curve=True), as_of_utc=GATE - timedelta(hours=1))
    )
    desk.lake.replace("bid_curves", decision.bid_curves, zone=ZONE, first_day=DAY, last_day=DAY)
    (plain,), (batch,) = make_batches(decision.frame), make_batches(decision.frame, decision.bid_curves)
    assert plain.publication_id != batch.publication_id
    first = decision.frame["signal_id"][0]
    steps = (
        decision.bid_curves.filter(pl.col("signal_id") == first)
        .select("price_eur_per_mwh", "volume_mw")
        .rows()
    )
    (signal,) = [
        row for row in json.loads(json_payload(batch, sequence=1))["signals"] if row["signal_id"] == first
    ]
    assert [tuple(step) for step in signal["bid_curve"]] == steps
    assert len(steps) > 1
    rows = pl.read_csv(csv_payload(batch))
    assert rows["bid_curve"][0].split() == [f"{price:g}:{mw:g}" for price, mw in steps]


@pytest.mark.parametrize(
    ("scope", "limit", "other"), [("strategy", 30.0, ZONE), ("zone", 30.0, ZONE), ("desk", 30.0, "BE")]
)
def test_a_batch_waits_where_the_scope_has_sent_too_many_orders_in_a_minute(
    scope: str, limit: float, other: str
) -> None:
    decision = decide_signals(make_request(DAY, SettlementSpread()))
    (batch,) = make_batches(decision.frame)
    assert batch.n_orders == 24
    is_rate = (pl.col("limit_name") == "max_orders_per_minute") & (pl.col("scope") == scope)
    conformance = decision.conformance.with_columns(
        limit_value=pl.when(is_rate).then(limit).otherwise("limit_value")
    )
    row = {
        "publication_id": "earlier",
        "channel": "table",
        "attempt": 1,
        "zone": other,
        "delivery_day": DAY,
        "strategy": batch.strategy,
    }
    row |= {
        "n_signals": 24,
        "n_orders": 10,
        "mode": "paper",
        "status": "sent",
        "detail": "",
        "payload_sha256": "",
        "receipt": "",
    }
    earlier = pl.DataFrame(
        [{**row, "recorded_at_utc": BEFORE - timedelta(seconds=30)}], schema=PUBLICATIONS.schema
    )
    ask: dict[str, Any] = {"state": TradingState.ACTIVE, "conformance": conformance}
    text = f"order rate: 34 orders of the {scope} in a minute, 30.0 are allowed"
    assert assess_batch(batch, now=BEFORE, published=earlier, **ask) == (text,)
    assert assess_batch(batch, now=BEFORE + timedelta(seconds=31), published=earlier, **ask) == ()
    again = earlier.with_columns(
        publication_id=pl.lit(batch.publication_id)
    )  # the same batch on another channel
    assert assess_batch(batch, now=BEFORE, published=again, **ask) == ()


def test_a_halt_ends_the_message_that_is_just_leaving_and_it_leaves_after_a_person_resumed(
    desk: Any, store: TradingStateStore, receiver: Any
) -> None:
    receiver.pause_seconds = 3.0  # it has the message, and answers late
    options: dict[str, Any] = {
        "webhook_url": f"http://127.0.0.1:{receiver.server_port}/",
        "webhook_secret": SECRET,
    }
    rows = []
    thread = threading.Thread(target=lambda: rows.append(desk(**options)))
    thread.start()
    wait_for(lambda: receiver.n_begun == 1)
    began = time.monotonic()
    store.halt(ZONE, reason="stop", actor="Ann")
    assert time.monotonic() - began < 1.0
    assert not list((store.folder / "senders").iterdir())
    thread.join()
    (row,) = rows[0].filter(channel="webhook").rows(named=True)
    assert (row["status"], "whether it arrived is not known" in row["detail"]) == ("failed", True)
    assert desk(**options).filter(channel="webhook")["status"].to_list() == ["refused"]
    receiver.pause_seconds = 0.0
    store.resume(ZONE, reason="checked", actor="Ann")
    assert desk(**options).filter(channel="webhook")["status"].to_list() == ["sent"]


def test_void_signals_are_not_valid_and_silence_is_an_alarm() -> None:
    frame = decide_signals(make_request(DAY, SettlementSpread())).frame
    assert valid_signals(frame, now=BEFORE).height == 24
    assert valid_signals(frame, now=GATE).is_empty()
    ask: dict[str, Any] = {
        "zone": ZONE,
        "delivery_day": DAY,
        "strategies": ["settlement_spread"],
        "minutes_before_gate": 45,
    }
    assert not assess_silence(frame, now=BEFORE, **ask).is_silent
    assert assess_silence(frame.slice(1), now=BEFORE, **ask).is_silent
    assert assess_silence(frame.clear(), now=BEFORE, **ask).is_silent
    assert not assess_silence(frame.clear(), now=GATE - timedelta(minutes=46), **ask).is_silent


def test_a_batch_is_a_zone_day_and_strategy_of_the_champion_and_its_id_follows_what_it_says() -> None:
    frame = decide_signals(make_request(DAY, SettlementSpread())).frame
    other = frame.with_columns(role=pl.lit("challenger"))
    (batch,) = make_batches(pl.concat([frame, other]))
    assert batch.signals.height == 24
    assert (
        make_batches(frame.sample(fraction=1.0, shuffle=True, seed=3))[0].publication_id
        == batch.publication_id
    )
    changed = frame.with_columns(signal_id=pl.concat_str(pl.col("signal_id"), pl.lit("x")))
    assert make_batches(changed)[0].publication_id != batch.publication_id
    assert sign(b"k", "t", b"b") != sign(b"k", "tb", b"")


def test_the_outbox_sends_what_is_valid_and_reads_its_secret_from_the_environment_alone(
    desk: Any,
    store: TradingStateStore,
    receiver: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SPOTDESK_SIGNAL_WEBHOOK_URL", f"http://127.0.0.1:{receiver.server_port}/")
    monkeypatch.setenv("SPOTDESK_SIGNAL_WEBHOOK_SECRET", SECRET)
    desk(now=GATE)
    desk.lake.replace(
        "publications", desk.lake.read("publications").clear(), zone=ZONE, first_day=DAY, last_day=DAY
    )
    outbox = Outbox(
        lake=desk.lake, state_folder=str(store.folder), drop_folder=str(tmp_path / "drop"), home=str(tmp_path)
    )
    assert outbox.publish(ZONE, DAY, DAY, clock=lambda: GATE).is_empty()
    rows = outbox.publish(ZONE, DAY, DAY, clock=lambda: BEFORE)
    assert rows.select("channel", "status").rows() == [
        ("table", "sent"),
        ("file", "sent"),
        ("webhook", "sent"),
    ]
    assert SECRET not in str(outbox) + str(outbox.model_dump())
    assert len(receiver.received) == 1
