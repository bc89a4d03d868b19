"""Deciding a span of days for one zone.

It is done under the desk's lock, written as a whole, and raises the alerts that follow.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from resources.clock import Clock
from resources.lake.lake import Lake, WriteReport
from resources.models.registry import ModelRegistry
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from resources.trading.locks import deciding, writing_decision
from resources.trading.state import TradingStateStore
from spot.market.delivery import ZoneDays
from spot.market.gates import gate_closure_utc
from spot.risk.state import TradingState
from spot.strategy.spread.sources import ServedSpread
from spot.walk.inputs import WalkInputs
from spot.walk.signals import WalkedSignals, walk_signals
from workflows.decisions.by_hand import Changing
from workflows.decisions.inputs import book_before, walk_inputs
from workflows.decisions.live_record import LiveRecord, live_record, write_decision
from workflows.monitoring.alerts import alert_on_near_limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Decisions on a span of days, as written."""

    inputs: WalkInputs
    walked: WalkedSignals
    record: LiveRecord
    written: dict[str, tuple[pl.DataFrame, WriteReport]]
    """Table to its rows of the span and the report of their write; `limit_conformance` was written last."""
    now: datetime

    @property
    def n_orders(self) -> int:
        """Units with a position of the champion that were decided now."""
        signals = self.walked.signals
        return signals.filter(pl.col("side") != "flat", pl.col("role") == "champion").height


def decide_span(
    span: ZoneDays, lake: Lake, desk: Desk, registry: ModelRegistry, clock: Clock, folder: Path
) -> Decision:
    """Decide the days of the span that are not on live record, and write the results.

    A zone that a limit halts is halted before its signals can be sent. `folder` holds the trading state.

    Raises:
        SourceUnavailableError: the lock of decisions could not be had, or was lost: nothing was written.
    """
    # Zones decide on the same desk only while a gate is open. A replay, which may take minutes, takes no turn
    # from a zone near its gate.
    is_open = gate_closure_utc(span.zone, span.last_day) > clock.now()
    with deciding(folder) if is_open else nullcontext() as lock:
        now = clock.now()
        record = live_record(span, lake, now)
        inputs = walk_inputs(span, lake, desk, registry, folder, now)
        days = [day for day in span.days if day not in record.days]
        walked = walk_signals(inputs, days, record.on_top_of(book_before(span, lake)))
        for reason in walked.halt_requests:
            TradingStateStore(folder).halt(span.zone, reason=reason, actor="risk limits")
        with writing_decision(folder):
            if lock is not None:
                lock.check()
            written = write_decision(walked, span, record, lake)
        Changing(lake, desk, registry, folder).judge_again(span, now)
    return Decision(inputs=inputs, walked=walked, record=record, written=written, now=now)


def alert_on_decision(decision: Decision, alerts: Alerts) -> None:
    """Raise alerts: no valid forecast, a damaged model, a zone that a limit halted, limits nearly used."""
    zone, now = decision.inputs.zone, decision.now
    _alert_on_damaged_models(decision, alerts)
    for reason in decision.walked.not_ready[:3]:
        alerts.send("no_signal", f"flat on {reason}", zone=zone, severity="critical", now=now)
    was_halted = decision.inputs.trading_state is TradingState.HALTED
    for reason in decision.walked.halt_requests:
        # A zone that a person resumed and that a limit halts again gets a new alert.
        episode = "" if was_halted else f"{reason} at {now.isoformat()}"
        message = f"halted by a limit: {reason}"
        alerts.send("zone_halted", message, zone=zone, severity="critical", now=now, episode=episode)
    alert_on_near_limits(decision.walked.conformance, alerts, zone=zone, now=now)


def _alert_on_damaged_models(decision: Decision, alerts: Alerts) -> None:
    """One alert per strategy and damaged model, for as long as it is the same damage."""
    for strategy, source in decision.inputs.spread_sources.items():
        damage = source.damage if isinstance(source, ServedSpread) else {}
        for problem in dict.fromkeys(damage.values()):
            first = min(day for day, what in damage.items() if what == problem)
            alerts.send(
                "model_damaged",
                f"{strategy} is flat from {first}: {problem}; see docs/runbooks/model_damaged.md",
                zone=decision.inputs.zone,
                severity="critical",
                now=decision.now,
                episode=f"{strategy}: {problem}",
            )
