"""The outbox of a live zone: half-written decisions, gates that close, two who publish, copies and clocks."""

import json
import logging
import re
import shutil
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from resources.trading.alerts import Alerts
from resources.trading.clock_watch import ClockWatch
from resources.trading.locks import deciding, writing_decision
from resources.trading.outbox import Outbox, Publisher
from resources.trading.second_place import SecondPlace
from resources.trading.state import TradingStateStore
from resources.trading.state_files import StateRecord
from spot.errors import SourceUnavailableError
from spot.risk.state import TradingState
from tests.support.live_orders import BEFORE, DAY, GATE, SECRET, decide, write_tables
from tests.support.sample_market import ZONE


class _Ticking:
    """A clock that goes on by a step whenever it is asked."""

    def __init__(self, start: datetime, step: timedelta) -> None:
        self.next, self.step = start, step

    def __call__(self) -> datetime:
        self.next += self.step
        return self.next - self.step


def test_a_decision_of_which_only_the_signals_are_written_does_not_leave(
    live_outbox: Outbox, receiver: Any
) -> None:
    lake = live_outbox.lake
    write_tables(lake, decide(GATE - timedelta(hours=1), takes_curve=True))
    assert live_outbox.publish(ZONE, DAY, DAY, clock=lambda: BEFORE)["status"].to_list() == [
        "sent",
        "sent",
        "sent",
    ]
    newer = decide(GATE - timedelta(minutes=25), takes_curve=True)
    write_tables(lake, newer, only=["signals"])  # and then its run died
    rows = live_outbox.publish(ZONE, DAY, DAY, clock=lambda: GATE - timedelta(minutes=20))
    assert rows["status"].unique().to_list() == ["refused"]
    assert rows["detail"].unique().to_list() == ["no limits were checked for this decision"]
    assert len(receiver.received) == 1
    write_tables(lake, newer)
    rows = live_outbox.publish(ZONE, DAY, DAY, clock=lambda: GATE - timedelta(minutes=19))
    assert rows["status"].unique().to_list() == ["sent"]
    signals = json.loads(receiver.received[1][1])["signals"]
    assert all(bool(signal["bid_curve"]) == (signal["side"] != "flat") for signal in signals)


def test_nothing_is_read_while_a_decision_is_being_written(
    live_outbox: Outbox, store: TradingStateStore, receiver: Any
) -> None:
    rows = []
    reader = threading.Thread(
        target=lambda: rows.append(live_outbox.publish(ZONE, DAY, DAY, clock=lambda: BEFORE))
    )
    newer = decide(GATE - timedelta(minutes=40), takes_curve=True)
    with writing_decision(store.folder):
        write_tables(live_outbox.lake, newer, only=["signals"])
        reader.start()
        time.sleep(0.3)
        write_tables(live_outbox.lake, newer)
    reader.join()
    assert rows[0]["status"].unique().to_list() == ["sent"]
    assert any(signal["bid_curve"] for signal in json.loads(receiver.received[0][1])["signals"])


def test_a_lock_that_is_not_given_back_stops_the_work_with_a_clear_error(store: TradingStateStore) -> None:
    with (
        deciding(store.folder),
        pytest.raises(SourceUnavailableError, match=r"other zones are deciding.*within 0\.1 s"),
        deciding(store.folder, wait_seconds=0.1),
    ):
        pass
    with deciding(store.folder, wait_seconds=0.1):
        pass


def test_the_clock_is_asked_before_each_message_and_the_gate_may_close_between_two(
    live_outbox: Outbox, receiver: Any
) -> None:
    # asked for the validity of all, then once per message: table, file and webhook
    clock = _Ticking(GATE - timedelta(seconds=25), timedelta(seconds=10))
    rows = live_outbox.publish(ZONE, DAY, DAY, clock=clock)
    assert rows.select("channel", "status").rows() == [
        ("table", "sent"),
        ("file", "sent"),
        ("webhook", "refused"),
    ]
    assert rows["recorded_at_utc"].to_list() == [GATE + timedelta(seconds=n) for n in (-15, -5, 5)]
    assert receiver.received == []


def test_a_message_is_signed_at_the_instant_it_leaves(live_outbox: Outbox, receiver: Any) -> None:
    rows = live_outbox.publish(ZONE, DAY, DAY, clock=_Ticking(BEFORE, timedelta(seconds=10)))
    judged_at = rows.filter(channel="webhook")["recorded_at_utc"][0]
    assert judged_at == BEFORE + timedelta(seconds=30)
    left_at = datetime.fromisoformat(receiver.received[0][0]["X-Spotdesk-Timestamp"])
    assert judged_at < left_at < judged_at + timedelta(seconds=10)


def test_two_who_publish_at_once_send_one_message(live_outbox: Outbox, receiver: Any) -> None:
    receiver.pause_seconds = 0.3
    threads = [
        threading.Thread(target=lambda: live_outbox.publish(ZONE, DAY, DAY, clock=lambda: BEFORE))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.received) == 1
    rows = live_outbox.lake.read("publications")
    assert rows.select("channel", "attempt", "status").rows() == [
        ("file", 1, "sent"),
        ("table", 1, "sent"),
        ("webhook", 1, "sent"),
    ]


def test_two_strategies_at_once_keep_the_order_rate(
    desk: Any, store: TradingStateStore, receiver: Any
) -> None:
    """24 orders each and 30 allowed in a minute: one of them waits, whoever comes first."""
    receiver.pause_seconds = 0.3
    one = decide(GATE - timedelta(hours=1))
    frames = {
        name: one.frame.with_columns(strategy=pl.lit(name), signal_id=pl.lit(name) + pl.col("signal_id"))
        for name in ("storage", "price_view")
    }
    is_rate = pl.col("limit_name") == "max_orders_per_minute"
    limited = one.conformance.with_columns(limit_value=pl.when(is_rate).then(30.0).otherwise("limit_value"))
    conformance = pl.concat([limited.with_columns(strategy=pl.lit(name)) for name in frames])
    desk.lake.replace("limit_conformance", conformance, zone=ZONE, first_day=DAY, last_day=DAY)
    publisher = Publisher(
        lake=desk.lake,
        state_folder=str(store.folder),
        home=str(store.folder.parent),
        webhook_url=f"http://127.0.0.1:{receiver.server_port}/",
        webhook_secret=SECRET,
    )
    threads = [
        threading.Thread(target=lambda rows=rows: publisher.publish(rows, clock=lambda: BEFORE))
        for rows in frames.values()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({headers["Idempotency-Key"] for headers, _ in receiver.received}) == 1
    refused = desk.lake.read("publications").filter(pl.col("status") == "refused")
    assert refused["detail"].str.contains("order rate: 48 orders").all()
    assert refused["publication_id"].n_unique() == 1


def test_no_log_holds_the_address_or_the_secret_of_a_webhook(
    live_outbox: Outbox,
    receiver: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("SPOTDESK_WEBHOOK_URL", f"http://127.0.0.1:{receiver.server_port}/token-canary")
    # as in a process that has set up httpx's own log by nothing but the modules that send
    for name in ("httpx", "httpcore"):
        assert logging.getLogger(name).getEffectiveLevel() >= logging.WARNING
    with caplog.at_level(logging.DEBUG):
        live_outbox.publish(ZONE, DAY, DAY, clock=lambda: BEFORE)
        assert Alerts(lake=live_outbox.lake, asks_environment=True).send(
            "run_failed", "odd", zone=ZONE, now=BEFORE
        )
    assert len(receiver.received) == 2
    assert "run_failed" in caplog.text
    assert "canary" not in caplog.text
    assert SECRET not in caplog.text


def test_a_copy_of_a_live_desk_sends_nothing(
    desk: Any, store: TradingStateStore, receiver: Any, tmp_path: Path
) -> None:
    """Although nobody opened it yet, its state is active and its signals are those of the live desk."""
    options: dict[str, Any] = {
        "webhook_url": f"http://127.0.0.1:{receiver.server_port}/",
        "webhook_secret": SECRET,
    }
    copy = shutil.copytree(tmp_path, tmp_path.parent / "copy")
    desk()  # decides, and sends on the table alone
    publisher = Publisher(lake=desk.lake, state_folder=str(copy / "state"), home=str(copy), **options)
    rows = publisher.publish(desk.lake.read("signals"), clock=lambda: BEFORE)
    assert rows.select("channel", "status").rows() == [("webhook", "refused")]
    assert "this desk has no lease" in rows["detail"][0]
    assert receiver.received == []
    desk(**options)
    assert len(receiver.received) == 1


def test_nothing_leaves_while_the_clock_is_not_believed(
    desk: Any, store: TradingStateStore, tmp_path: Path
) -> None:
    watch = ClockWatch(store.folder)
    watch.confirm(by="Ann", reason="set up")
    view = json.loads((store.folder / "clock.json").read_text())
    (store.folder / "clock.json").write_text(json.dumps(view | {"latest": view["latest"] + 604_800.0}))
    rows = desk(drop_folder=str(tmp_path / "drop"))
    assert rows["status"].unique().to_list() == ["refused"]
    assert re.search(r"the clock is not trusted: it stands 604,[78]\d\d s", rows["detail"][0])
    assert not (tmp_path / "drop").exists()
    watch.confirm(by="Ann", reason="NTP is on again")
    assert desk(drop_folder=str(tmp_path / "drop"))["status"].unique().to_list() == ["sent"]


def test_nothing_leaves_while_the_second_place_says_halted_or_cannot_be_asked(
    desk: Any, tmp_path: Path
) -> None:
    place = SecondPlace(str(tmp_path / "elsewhere"))
    options: dict[str, Any] = {"drop_folder": str(tmp_path / "drop"), "second_place": place}
    assert desk(**options)["status"].unique().to_list() == ["refused"]
    Path(place.uri).mkdir()
    place.write(StateRecord("desk", TradingState.ACTIVE, "set up", "Ann", ""))
    place.write(StateRecord(f"zone-{ZONE}", TradingState.HALTED, "odd prices", "Ann", ""))
    assert desk(**options).is_empty()  # one refusal is one row
    assert not (tmp_path / "drop").exists()
    place.write(StateRecord(f"zone-{ZONE}", TradingState.ACTIVE, "checked", "Ann", ""))
    assert desk(**options)["status"].unique().to_list() == ["sent"]
