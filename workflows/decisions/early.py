"""Days that were decided before their gate: when, in which state, and with which drift verdict.

Trading state and verdicts change later, so a day is replayed with what its own rows say about them.
"""

from dataclasses import replace
from datetime import date

import polars as pl

from resources.lake.lake import Lake
from spot.market.delivery import ZoneDays
from spot.risk.exposure import DRIFT_LEVELS
from spot.risk.state import TradingState
from spot.walk.inputs import EarlyDecision, WalkInputs
from workflows.decisions.exchange import reported_of


def as_first_decided(inputs: WalkInputs, span: ZoneDays, lake: Lake) -> WalkInputs:
    """The inputs with early decisions: days decided before their gate are decided as they were then."""
    early = early_decisions(span, lake)
    drift = {day: status for day, status in _recorded_drift(span, lake).items() if day in early}
    return replace(
        inputs,
        early_decisions=early,
        drift_status={**inputs.drift_status, **drift},
        publications=lake.read(
            "publications", zones=[span.zone], first_day=span.first_day, last_day=span.last_day
        ),
        reported=reported_of(span, lake),
    )


def early_decisions(span: ZoneDays, lake: Lake) -> dict[date, EarlyDecision]:
    """Days whose stored signals were decided before the gate. Without this, a replay decides at the gate."""
    rows = (
        _champions("signals", span, lake)
        .filter(pl.col("as_of_utc") < pl.col("gate_closure_utc"))
        .sort("as_of_utc")
        .unique("delivery_day", keep="last")
        .select("delivery_day", "as_of_utc", "trading_state", "mode")
    )
    return {
        day: EarlyDecision(as_of_utc=as_of, trading_state=TradingState(state), is_live=mode == "live")
        for day, as_of, state, mode in rows.iter_rows()
    }


def _recorded_drift(span: ZoneDays, lake: Lake) -> dict[date, str]:
    """The drift verdict on which the limits of each day were checked."""
    names = {level: status for status, level in DRIFT_LEVELS.items()}
    rows = _champions("limit_conformance", span, lake).filter(
        pl.col("limit_name") == "max_drift_level", pl.col("used").is_not_null()
    )
    return {day: names[used] for day, used in rows.select("delivery_day", "used").unique().iter_rows()}


def _champions(table: str, span: ZoneDays, lake: Lake) -> pl.DataFrame:
    rows = lake.read(table, zones=[span.zone], first_day=span.first_day, last_day=span.last_day)
    return rows.filter(pl.col("role") == "champion")
