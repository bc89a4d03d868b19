"""Exclusive groups leave the desk: once, whole, signed, and as what they are."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from resources.lake.lake import Lake
from resources.trading.outbox import Outbox, Publisher
from resources.trading.state import TradingStateStore
from spot.strategy.proposals.storage_groups import StorageGroups
from spot.strategy.request import SignalDecision
from spot.strategy.signals import decide_signals
from tests.support.live_desk import make_live_desk
from tests.support.live_orders import BEFORE, DAY, SECRET, write_tables
from tests.support.sample_market import ZONE, make_book, make_request


def decided(**changes: object) -> SignalDecision:
    strategy = StorageGroups(exchange="epex_spot", max_blocks=4)
    return decide_signals(make_request(DAY, strategy, as_of_utc=BEFORE, mode="live", **changes))


def test_the_outbox_sends_the_blocks_that_the_tables_hold(
    tmp_path: Path, store: TradingStateStore, receiver: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("SPOTDESK_SIGNAL_WEBHOOK_URL", f"http://127.0.0.1:{receiver.server_port}/hook")
    monkeypatch.setenv("SPOTDESK_SIGNAL_WEBHOOK_SECRET", SECRET)
    lake, decision = Lake(uri=str(tmp_path / "lake")), decided()
    home = make_live_desk(tmp_path, ZONE)
    write_tables(lake, decision)
    outbox = Outbox(lake=lake, state_folder=str(store.folder), drop_folder=str(tmp_path / "drop"), home=home)
    rows = outbox.publish(ZONE, DAY, DAY, clock=lambda: BEFORE)
    assert rows["status"].unique().to_list() == ["sent"]
    n_blocks = decision.block_orders.select("block_group", "block").n_unique()
    assert rows["n_orders"].unique().to_list() == [n_blocks]
    ((_, body),) = receiver.received
    told = json.loads(body)
    assert {signal["market"] for signal in told["signals"]} == {"day_ahead_groups"}
    assert sum(len(group["blocks"]) for group in told["block_groups"]) == n_blocks
    path = tmp_path / "drop" / rows.filter(channel="file")["receipt"][0]
    assert json.loads(path.read_text()) == told
    assert " ".join(pl.read_csv(path.with_suffix(".csv"))["blocks"].drop_nulls()).count("@") == (
        decision.block_orders.height
    )
    assert outbox.publish(ZONE, DAY, DAY, clock=lambda: BEFORE).is_empty(), "each once"


def test_the_order_rate_counts_every_block(tmp_path: Path, store: TradingStateStore) -> None:
    lake = Lake(uri=str(tmp_path / "lake"))
    decision = decided(limits=make_book(max_orders_per_minute={"limit": 20.0, "action": "block"}))
    write_tables(lake, decision)
    home = make_live_desk(tmp_path, ZONE)
    publisher = Publisher(lake=lake, state_folder=str(store.folder), home=home)
    n_blocks = decision.block_orders.select("block_group", "block").n_unique()
    assert 8 < n_blocks <= 16
    first = publisher.publish(decision.frame, block_orders=decision.block_orders, clock=lambda: BEFORE)
    assert first["status"].to_list() == ["sent"]
    again = decision.block_orders.filter(pl.col("block") > 1)
    second = publisher.publish(decision.frame, block_orders=again, clock=lambda: BEFORE)
    assert second["status"].to_list() == ["refused"]
    assert "order rate" in second["detail"][0]
