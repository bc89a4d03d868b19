"""The naive rivals of a strategy.

The same walk, with a rule or a forecast that needs no model in its place.
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


def naive_rivals(setup: BacktestSetup, strategy: Strategy, days: Sequence[date]) -> dict[str, BacktestSetup]:
    """Name to backtest of each rival, which trades alone in the zone.

    Rules on the sign of a spread, else the strategy on the prices of last week.

    Raises:
        ForecastError: too few days of prices before the first day.
    """
    if strategy.naive_rules:
        return {
            rule: _alone(setup, strategy, spread_sources={strategy.strategy: NaiveSpread(rule)})
            for rule in strategy.naive_rules
        }
    return {NAIVE_FORECAST: _on_naive_forecast(setup, strategy, days)}


def _alone(setup: BacktestSetup, strategy: Strategy, **changes: Any) -> BacktestSetup:
    return replace(setup, inputs=replace(setup.inputs, strategies=(strategy,), **changes))


def _on_naive_forecast(setup: BacktestSetup, strategy: Strategy, days: Sequence[date]) -> BacktestSetup:
    """The strategy on forecasts that are made at the gate and have no age."""
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
    return _alone(
        setup,
        strategy,
        forecasts=naive.forecasts,
        assumed_model_age_days=0.0,
        early_decisions=at_gate,
    )
