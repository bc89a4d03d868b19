"""A backtest on the desk's own record, which is read exactly as live trading reads it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.settings.zones import Desk
from spot.backtest.assumptions import Assumption, Assumptions
from spot.backtest.trading import BacktestSetup
from spot.contracts.lineage import DataSource
from spot.market.delivery import ZoneDays
from spot.market.gates import gate_closure_utc
from spot.strategy.interface import Strategy
from spot.strategy.spread.sources import SpreadSource
from workflows.decisions.early import as_first_decided
from workflows.decisions.inputs import book_before, walk_inputs


def stored_setup(
    span: ZoneDays,
    strategies: tuple[Strategy, ...],
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    state_folder: Path,
    *,
    assumed: Assumptions,
    spread_sources: Mapping[str, SpreadSource] | None = None,
) -> BacktestSetup:
    """Forecasts, features, model ages, drift verdicts, halts, and the desk's book, as stored.

    `spread_sources` replace the models that served. Of `assumed`, only who resumes after a halt counts.
    """
    now = gate_closure_utc(span.zone, span.last_day) + timedelta(hours=24)
    inputs = walk_inputs(span, lake, desk, registry, state_folder, now, strategies=strategies)
    inputs = replace(
        as_first_decided(inputs, span, lake),
        forecasts=inputs.forecasts.filter(pl.col("role") == "champion"),
        resume_after_days=assumed.resume_after_days,
    )
    if spread_sources is not None:
        inputs = replace(inputs, spread_sources=spread_sources)
    rows = (assumed.resume_row(), *_other_strategies(strategies, span, lake))
    return BacktestSetup(inputs=inputs, book=book_before(span, lake), assumptions=rows)


def _other_strategies(strategies: tuple[Strategy, ...], span: ZoneDays, lake: Lake) -> tuple[Assumption, ...]:
    """An assumption, if other strategies trade here than on the desk, since they share the limits."""
    stored = lake.read("signals", zones=[span.zone], first_day=span.first_day, last_day=span.last_day)
    on_desk = set(stored["strategy"].unique().to_list())
    here = [strategy.strategy for strategy in strategies]
    if on_desk in (set(), set(here)):
        return ()
    meaning = f"on the desk, {', '.join(sorted(on_desk))} shared the limits"
    return (Assumption("strategies", ", ".join(here), meaning),)


def settings_of_source(text: str) -> dict[str, Any]:
    """Settings of a zone under which rows of a source were made, whatever the zone's settings are now."""
    source = DataSource.parse(text)
    named = {"source": source.main} if len(source.names) == 1 else {}
    return {**named, "assume_known": source.assumed_known}
