"""Which days a backtest may judge: those with a forecast and with the prices that settle them.

A day that lacks one of them is left out. It does not count as a day without profit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from spot.risk.outcomes import REFERENCE_SERIES, zone_outcomes
from spot.strategy.interface import Strategy
from spot.walk.inputs import WalkInputs

SENSIBLE_SHARE = 0.8
"""Share of the days asked for that must be judged, else the figures say little about the span. Chosen by
hand; not tuned. `--partial` overrules it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The days asked for, and which of them can be judged."""

    asked: tuple[date, ...]
    judged: tuple[date, ...]
    """With forecast and prices, ascending."""
    n_forecast: int
    """Days with a forecast."""

    @property
    def is_sensible(self) -> bool:
        """Enough of the days can be judged."""
        return len(self.judged) >= SENSIBLE_SHARE * len(self.asked)

    @property
    def words(self) -> str:
        """How many of the days asked for the figures cover, in words."""
        n_priced = self.n_forecast - len(self.judged)
        unpriced = f", {n_priced} of them are not settled yet or have no second price" if n_priced else ""
        return f"{self.n_forecast} of {len(self.asked)} days have forecasts{unpriced}"


def assess_coverage(inputs: WalkInputs, days: Sequence[date], strategy: Strategy) -> Coverage:
    """Which of `days` have a champion's forecast, and the prices that settle `strategy`."""
    forecasts = inputs.forecasts.filter(pl.col("role") == "champion")
    forecast_days = set(forecasts["delivery_day"].unique().to_list())
    with_forecast = [day for day in days if day in forecast_days]
    outcomes = zone_outcomes(inputs.raw, zone=inputs.zone, settled_against=strategy.settled_against)
    if strategy.settled_against in REFERENCE_SERIES:
        outcomes = outcomes.filter(pl.col("reference_price_eur_per_mwh").is_not_null())
    priced = set(outcomes.drop_nulls("day_ahead_price_eur_per_mwh")["delivery_day"].unique().to_list())
    judged = tuple(day for day in with_forecast if day in priced)
    return Coverage(asked=tuple(days), judged=judged, n_forecast=len(with_forecast))
