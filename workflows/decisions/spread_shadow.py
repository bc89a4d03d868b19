"""Paper trading of challengers of the spread model: their forecasts, orders and P&L."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from resources.lake.lake import Lake, WriteReport
from resources.lake.zone_tables import read_features, read_settling_tables, read_span
from resources.models.registry import ModelRegistry
from resources.settings.strategies import strategies_of
from resources.settings.zones import Desk
from spot.contracts.signal_tables import BID_CURVES
from spot.contracts.spread_tables import SPREAD_FORECASTS, SPREAD_SHADOW_SETTLEMENTS, SPREAD_SHADOW_SIGNALS
from spot.market.delivery import ZoneDays
from spot.risk.outcomes import zone_outcomes
from spot.strategy.interface import Strategy
from spot.strategy.settle import settle_signals
from spot.walk.inputs import WalkInputs
from spot.walk.shadow import walk_shadow
from workflows.decisions.inputs import book_before, walk_inputs
from workflows.forecasting.served_spread import spread_challengers

_FORECASTS, _SIGNALS = SPREAD_FORECASTS.name, SPREAD_SHADOW_SIGNALS.name
_SETTLEMENTS = SPREAD_SHADOW_SETTLEMENTS.name


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRows:
    """Rows that were written, and the report of the write."""

    rows: pl.DataFrame
    report: WriteReport


def shadow_span(
    span: ZoneDays, lake: Lake, desk: Desk, registry: ModelRegistry, folder: Path, now: datetime
) -> dict[str, WrittenRows]:
    """Let every challenger decide the days of the span on paper, and write its forecasts and signals.

    Returns table to rows; empty where the zone has no challenger. Rows of a version that is no longer a
    challenger stay as they are.
    """
    strategies = strategies_of(desk, span.zone)
    challengers = spread_challengers(span, strategies, desk, registry)
    if not challengers:
        return {}
    inputs = shadow_inputs(span, lake, desk, registry, folder, now)
    book = book_before(span, lake).with_rows(
        [read_span(lake, "signals", span)], [read_span(lake, "settlements", span)]
    )
    walked = walk_shadow(inputs, span.days, book, challengers)
    is_champion = pl.col("role") == "champion"
    day = ("zone", "delivery_day", "strategy")
    lake.upsert(_FORECASTS, walked.forecasts.filter(is_champion), by=(*day, "role"))
    return {
        _FORECASTS: WrittenRows(
            rows=walked.forecasts,
            report=lake.upsert(
                _FORECASTS, walked.forecasts.filter(~is_champion), by=(*day, "role", "model_version")
            ),
        ),
        _SIGNALS: WrittenRows(
            rows=walked.signals,
            report=lake.upsert(_SIGNALS, walked.signals, by=(*day, "strategy_model_version")),
        ),
    }


def shadow_inputs(
    span: ZoneDays, lake: Lake, desk: Desk, registry: ModelRegistry, folder: Path, now: datetime
) -> WalkInputs:
    """Inputs of the zone's own decisions, with the features that models of the spread read."""
    inputs = walk_inputs(span, lake, desk, registry, folder, now)
    settings = desk.zone(span.zone)
    features = read_features(lake, span.zone, settings, first_day=span.first_day, last_day=span.last_day)
    return replace(inputs, features=features)


def settle_shadow(span: ZoneDays, lake: Lake, desk: Desk) -> WrittenRows | None:
    """Settle the challengers' paper signals of the span like the desk's own; None where there are none."""
    signals = read_span(lake, _SIGNALS, span)
    if signals.is_empty():
        return None
    raw = read_settling_tables(lake, desk.zone(span.zone), span)
    parts = [SPREAD_SHADOW_SETTLEMENTS.empty()]
    for strategy in strategies_of(desk, span.zone):
        own = signals.filter(pl.col("strategy") == strategy.strategy)
        parts += [settled_shadow(part, raw, strategy) for part in own.partition_by("strategy_model_version")]
    rows = pl.concat(parts)
    report = lake.replace(
        _SETTLEMENTS, rows, zone=span.zone, first_day=span.first_day, last_day=span.last_day
    )
    return WrittenRows(rows=rows, report=report)


def settled_shadow(
    signals: pl.DataFrame, raw: Mapping[str, pl.DataFrame], strategy: Strategy
) -> pl.DataFrame:
    """Settlements of the signals of one zone and one version of the spread model, with its number."""
    outcomes = zone_outcomes(raw, zone=signals["zone"][0], settled_against=strategy.settled_against)
    settled = settle_signals(signals, outcomes, strategy, bid_curves=BID_CURVES.empty())
    version = signals["strategy_model_version"][0]
    return settled.with_columns(strategy_model_version=pl.lit(version)).select(
        SPREAD_SHADOW_SETTLEMENTS.columns.keys()
    )
