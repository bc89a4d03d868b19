"""Orders of one live day for tests of the outbox: the day, its gate, the decision and its tables."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from resources.lake.lake import Lake
from spot.market.gates import gate_closure_utc
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.request import SignalDecision
from spot.strategy.signals import decide_signals
from tests.support.sample_market import ZONE, make_request

DAY = date(2025, 6, 3)
GATE = gate_closure_utc(ZONE, DAY)
BEFORE = GATE - timedelta(minutes=30)
SECRET = "loopback"
_TABLES = ("signals", "bid_curves", "block_orders", "limit_conformance")


def decide(as_of: datetime, **settings: bool) -> SignalDecision:
    return decide_signals(make_request(DAY, SettlementSpread(**settings), as_of_utc=as_of, mode="live"))


def write_tables(lake: Lake, decision: SignalDecision, only: Sequence[str] = _TABLES) -> None:
    frames = {
        "signals": decision.frame,
        "bid_curves": decision.bid_curves,
        "block_orders": decision.block_orders,
        "limit_conformance": decision.conformance,
    }
    for table in only:
        lake.replace(table, frames[table], zone=ZONE, first_day=DAY, last_day=DAY)
