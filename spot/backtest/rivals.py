"""Naive rivals of a strategy.

They take the same walk, with a rule or a naive forecast in place of the model.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from spot.backtest.data import make_backtest_forecasts
from spot.backtest.trading import BacktestSetup
from spot.forecast.members import load_settings_mapping, make_forecaster
from spot.market.gates import gate_closure_utc
from spot.strategy.interface import Strategy
from spot.strategy.spread.sources import NaiveSpread

NAIVE_FORECAST = "naive forecast"
_LEAST_HISTORY_DAYS = 14
"""Days of prices before the first forecast of the naive rival: two of each weekday."""


def naive_rivals(setup: BacktestSetup, days: Sequence[date]) -> list[dict[str, BacktestSetup]]:
    """Per strategy of the setup: name and backtest of each rival, which trades alone in the zone.

    A strategy that trades a spread has rules on the spread's sign as rivals. Any other has itself, on the
    prices of last week.

    Raises:
        ForecastError: there are too few days of prices before the first day.
    """
    strategies = setup.inputs.strategies
    on_naive = _on_naive_forecasts(setup, days) if any(not one.naive_rules for one in strategies) else setup
    return [
        {
            rule: _alone(setup, one, spread_sources={one.strategy: NaiveSpread(rule)})
            for rule in one.naive_rules
        }
        or {NAIVE_FORECAST: _alone(on_naive, one)}
        for one in strategies
    ]


def _alone(setup: BacktestSetup, strategy: Strategy, **changes: Any) -> BacktestSetup:
    return replace(setup, inputs=replace(setup.inputs, strategies=(strategy,), **changes))


def _on_naive_forecasts(setup: BacktestSetup, days: Sequence[date]) -> BacktestSetup:
    """The same setup on naive forecasts, which are made at the gate and have no age."""
    inputs = setup.inputs
    naive = make_backtest_forecasts(
        inputs.raw,
        make_forecaster(load_settings_mapping({"kind": "naive"})),
        zone=inputs.zone,
        days=days,
        min_history_days=_LEAST_HISTORY_DAYS,
    )
    at_gate = {
        day: replace(early, as_of_utc=gate_closure_utc(inputs.zone, day))
        for day, early in inputs.early_decisions.items()
    }
    changed = replace(inputs, forecasts=naive.forecasts, assumed_model_age_days=0.0, early_decisions=at_gate)
    return replace(setup, inputs=changed)
