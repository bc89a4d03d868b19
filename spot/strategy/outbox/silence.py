"""Missing signals near the gate raise an alarm: a strategy must have a signal for every unit of the day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from spot.market.delivery import n_periods
from spot.market.gates import gate_closure_utc


@dataclass(frozen=True, slots=True)
class SilenceVerdict:
    """Whether signals are missing although the gate is near."""

    is_silent: bool
    reasons: tuple[str, ...]


def assess_silence(
    signals: pl.DataFrame,
    *,
    zone: str,
    delivery_day: date,
    strategies: Sequence[str],
    now: datetime,
    minutes_before_gate: int,
) -> SilenceVerdict:
    """Strategies that lack signals near the gate.

    Within `minutes_before_gate` of the gate every strategy must have a row for every unit, flat included.
    """
    gate = gate_closure_utc(zone, delivery_day)
    if not gate - timedelta(minutes=minutes_before_gate) <= now:
        return SilenceVerdict(False, ())
    rows = signals.filter(
        (pl.col("zone") == zone) & (pl.col("delivery_day") == delivery_day) & (pl.col("role") == "champion")
    )
    reasons = []
    for strategy in strategies:
        own = rows.filter(pl.col("strategy") == strategy)
        expected = (
            n_periods(zone, delivery_day, int(own["resolution_minutes"][0]))
            if own.height
            else n_periods(zone, delivery_day)
        )
        if own["delivery_start_utc"].n_unique() < expected:
            reasons.append(
                f"{strategy}: {own['delivery_start_utc'].n_unique()} of {expected} units of {zone} on"
                f" {delivery_day} have a signal"
            )
    return SilenceVerdict(bool(reasons), tuple(reasons))
