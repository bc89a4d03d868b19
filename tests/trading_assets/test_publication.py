"""The outbox and the reasons inside the graph.

What leaves, what does not, and what the conformance check sees.
"""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dagster import DagsterInstance, materialize

from resources.lake.lake import Lake
from resources.trading.alerts import Alerts
from resources.trading.outbox import Outbox
from resources.trading.state import TradingStateStore
from spot.market.gates import gate_closure_utc
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.signals import decide_signals
from tests.support.sample_market import make_forecast, make_outcomes, make_request
from tests.support.wall_clock import set_wall_clock
from trading_assets.partitions import partition_key
from trading_assets.trading.outbox import published_signals

ZONE, DAY = "FR", date(2026, 1, 20)
GATE = gate_closure_utc(ZONE, DAY)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A lake with the signals of one day, and a function that runs the asset at an instant."""
    lake = Lake(uri=str(tmp_path / "lake"))
    store = TradingStateStore(tmp_path / "state")
    store.set_up()
    history = make_outcomes(DAY - timedelta(days=60), DAY - timedelta(days=2), zone=ZONE)
    request = make_request(
        DAY,
        SettlementSpread(),
        zone=ZONE,
        forecast=make_forecast(DAY, zone=ZONE),
        as_of_utc=GATE,
        history=history,
    )
    decision = decide_signals(request)
    lake.replace("signals", decision.frame, zone=ZONE, first_day=DAY, last_day=DAY)
    lake.replace("limit_conformance", decision.conformance, zone=ZONE, first_day=DAY, last_day=DAY)

    def run(now: Any) -> Any:
        set_wall_clock(monkeypatch, now)
        resources = {
            "lake": lake,
            "alerts": Alerts(lake=lake),
            "outbox": Outbox(lake=lake, state_folder=str(store.folder), drop_folder=str(tmp_path / "drop")),
        }
        with DagsterInstance.ephemeral() as instance:
            done = materialize(
                [published_signals],
                partition_key=partition_key(ZONE, DAY),
                resources=resources,
                instance=instance,
            )
        assert done.success
        return lake.read("publications")

    run.store, run.lake = store, lake  # type: ignore[attr-defined]
    return run


def test_signals_leave_before_the_gate_once(desk: Any) -> None:
    for _ in range(2):
        rows = desk(GATE - timedelta(minutes=30))
        assert rows.select("channel", "status").rows() == [("file", "sent"), ("table", "sent")]


def test_a_replay_after_the_gate_publishes_nothing(desk: Any) -> None:
    assert desk(GATE + timedelta(days=1)).is_empty()


def test_a_refusal_raises_an_alert(desk: Any) -> None:
    desk.store.halt(ZONE, reason="stop", actor="Ann")
    assert desk(GATE - timedelta(minutes=30))["status"].unique().to_list() == ["refused"]
    alerts = desk.lake.read("alerts")
    assert alerts["kind"].unique().to_list() == ["not_published"]
    assert alerts.filter(pl.col("message").str.contains("halted")).height == 2
