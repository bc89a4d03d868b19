"""Signals: what the desk would buy and sell for each market time unit, flat included, with the reasons and the limits that were applied."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetExecutionContext,
    BackfillPolicy,
    MaterializeResult,
    asset,
    asset_check,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.pictures.asset_metadata import OWNERS, lineage, table_metadata, written
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from resources.trading.locks import deciding, writing_decision
from resources.trading.state import TradingStateStore
from resources.trading.state_folder import StateFolder
from spot.market.gates import gate_closure_utc
from spot.monitoring.day_checks import assess_completeness
from spot.risk.state import TradingState
from spot.walk.signals import walk_signals
from trading_assets.checks import result
from trading_assets.partitions import covered, of_zone, zone_day_partitions
from workflows.decisions.inputs import desk_before, walk_inputs
from workflows.decisions.live_record import KEPT_BECAUSE, live_record, write_decision

TABLE = "signals"
_LINEAGE = lineage(
    {
        "expected_price_eur_per_mwh": [("day_ahead_forecast", "price_q500_eur_per_mwh")],
        "model_version": [("day_ahead_forecast", "model_version")],
        "volume_mw": [
            ("day_ahead_forecast", "price_q500_eur_per_mwh"),
            ("intraday_prices", "price_eur_per_mwh"),
        ],
    }
)


@asset(
    group_name=TABLE,
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
    owners=OWNERS,
    kinds={"polars", "deltalake"},
    metadata=table_metadata(TABLE),
    deps=["day_ahead_forecast", of_zone("champion"), of_zone("spread_model")],
)
def signals(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    clock: Clock,
    alerts: Alerts,
    state_folder: StateFolder,
) -> MaterializeResult:  # type: ignore[type-arg]
    """Side, MW and limit price per market time unit and strategy, as of the gate, after readiness, trading state and limits.

    No fit forecast, no champion, stale input, a halted desk or an unreadable limit: flat, with the reason in
    every row, and an alert. A day that was live and whose gate has passed keeps its signals, whatever is
    materialised again.
    """
    span, folder = covered(context), Path(state_folder.path)
    # Only while a gate is open do zones decide on the same desk: a replay, which may take minutes, takes no
    # turn from a zone near its gate.
    is_open = gate_closure_utc(span.zone, span.last_day) > clock.now()
    with deciding(folder) if is_open else nullcontext():
        now = clock.now()
        record = live_record(span, lake, now)
        inputs = walk_inputs(span, lake, desk, registry, folder, now)
        days = [day for day in span.days if day not in record.days]
        walked = walk_signals(inputs, days, record.seen_by(desk_before(span, lake, now)))
        for reason in walked.halt_requests:  # before the signals are there to be sent
            TradingStateStore(folder).halt(span.zone, reason=reason, actor="risk limits")
        with writing_decision(folder):
            rows, report = write_decision(walked, span, record, lake)
    for reason in walked.not_ready[:3]:
        alerts.send("no_signal", f"flat on {reason}", zone=span.zone, severity="critical", now=now)
    for reason in walked.halt_requests:
        # A zone that a person resumed and that a limit halts once more is told once more.
        episode = "" if inputs.trading_state is TradingState.HALTED else f"{reason} at {now.isoformat()}"
        alerts.send(
            "zone_halted",
            f"halted by a limit: {reason}",
            zone=span.zone,
            severity="critical",
            now=now,
            episode=episode,
        )
    traded = walked.signals.filter(pl.col("side") != "flat", pl.col("role") == "champion")
    names = ", ".join(strategy.strategy for strategy in inputs.strategies)
    facts: dict[str, Any] = {"orders": traded.height, "flat_days": len(walked.not_ready), "strategies": names}
    facts |= {"kept_days": len(record.days), "kept_because": KEPT_BECAUSE} if record.days else {}
    return MaterializeResult(metadata={**written(rows, report), **facts, "dagster/column_lineage": _LINEAGE})


@asset_check(
    asset=signals,
    name="every_unit_has_a_signal",
    description="Every market time unit of every day has its row, flat included.",
)
def every_unit_has_a_signal(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Silence is an alarm: a missing row is not a flat position."""
    span = covered(context)
    rows = lake.read(TABLE, zones=[span.zone], first_day=span.first_day, last_day=span.last_day).filter(
        pl.col("role") == "champion"
    )
    verdict = assess_completeness(
        rows.with_columns(series=pl.col("strategy")), zone=span.zone, days=span.days
    )
    return result("every_unit_has_a_signal", TABLE, verdict)
