"""What a channel did not get is heard each day anew, whether it failed or was refused."""

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from dagster import build_sensor_context

from resources.lake.lake import Lake
from resources.settings.zones import DeskSettings, ZoneSettings, make_desk
from resources.trading.alerts import Alerts
from resources.trading.clock_watch import ClockWatch
from resources.trading.outbox import Outbox
from resources.trading.state import TradingStateStore
from sensors.publication import signals_are_unsent
from spot.market.gates import gate_closure_utc
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.signals import decide_signals
from tests.support.live_desk import make_live_desk
from tests.support.sample_market import ZONE, make_request
from tests.support.wall_clock import set_wall_clock

DAYS = (date(2025, 6, 3), date(2025, 6, 4))


def test_the_same_refusal_on_the_next_day_is_another_alert(
    tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, store = Lake(uri=str(tmp_path / "lake")), TradingStateStore(tmp_path / "state")
    store.set_up()
    store.halt(ZONE, reason="stop", actor="Ann")
    resources = {
        "outbox": Outbox(lake=lake, state_folder=str(store.folder), home=make_live_desk(tmp_path, ZONE)),
        "desk": make_desk(
            project_root / "resources/home/templates/conf", DeskSettings(zones={ZONE: ZoneSettings()})
        ),
        "alerts": Alerts(lake=lake),
    }
    for day in DAYS:
        gate = gate_closure_utc(ZONE, day)
        decision = decide_signals(
            make_request(day, SettlementSpread(), as_of_utc=gate - timedelta(hours=1), mode="live")
        )
        lake.replace("signals", decision.frame, zone=ZONE, first_day=day, last_day=day)
        lake.replace("limit_conformance", decision.conformance, zone=ZONE, first_day=day, last_day=day)
        for minutes in (30, 29):  # told once, however often it is tried
            set_wall_clock(monkeypatch, gate - timedelta(minutes=minutes))
            with build_sensor_context(resources=resources) as context:
                signals_are_unsent(context)
    told = lake.read("alerts").filter(kind="not_published").sort("raised_at_utc")
    assert told["message"].to_list() == [f"settlement_spread for {day} to table: halted" for day in DAYS]
    assert told["severity"].unique().to_list() == ["critical"]
    assert lake.read("publications")["status"].unique().to_list() == ["refused"]
    assert told.filter(pl.col("raised_at_utc") >= gate_closure_utc(ZONE, DAYS[0])).height == 1


def test_a_clock_that_is_not_believed_is_one_alert(tmp_path: Path, project_root: Path) -> None:
    lake, store = Lake(uri=str(tmp_path / "lake")), TradingStateStore(tmp_path / "state")
    store.set_up()
    ClockWatch(store.folder).confirm(by="Ann", reason="set up")
    path = store.folder / "clock.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"latest": 1e10}))
    conf = project_root / "resources/home/templates/conf"
    resources = {
        "outbox": Outbox(lake=lake, state_folder=str(store.folder)),
        "desk": make_desk(conf, DeskSettings(zones={ZONE: ZoneSettings()})),
        "alerts": Alerts(lake=lake),
    }
    for _ in range(2):
        with build_sensor_context(resources=resources) as context:
            signals_are_unsent(context)
    (told,) = lake.read("alerts").rows(named=True)
    assert (told["kind"], told["severity"]) == ("clock_not_believed", "critical")
    assert "nothing leaves: the clock of the machine is not trusted, it stands" in told["message"]
