"""A strategy: day-ahead against the intraday price of last week at the same time of day."""

from typing import Literal

import numpy as np
from pydantic import Field

from spot.arrays import Floats
from spot.strategy.interface import PricedDay, Strategy, better_side_eur
from spot.strategy.proposals.view import MarketView, Proposal


class LastWeek(Strategy):
    """Buys where last week's intraday price lay above today's forecast by more than the costs.

    Sells where it lay below.
    """

    strategy: Literal["example_last_week"] = "example_last_week"
    settled_against: Literal["intraday_vwap"] = "intraday_vwap"
    max_mw: float = Field(default=1.0, gt=0)
    n_days: int = Field(default=7, ge=1)
    """Complete days behind the expected intraday price; with fewer the strategy is flat."""
    scenario_days: int = Field(default=60, ge=30)
    """Days behind the risk scenarios: where a value at risk is limited, too few of them deny the position."""

    @property
    def history_days(self) -> int:
        """The averaged days and the scenarios.

        And days whose intraday prices are not all known at the gate.
        """
        return max(self.n_days, self.scenario_days) + 3

    def propose(self, view: MarketView) -> Proposal:
        """Full size on the side of the expected spread, where it pays the costs."""
        days = view.past_days("reference_price_eur_per_mwh", self.history_days)
        past = days[-self.n_days :]
        known = len(past) == self.n_days
        expected = past.mean(axis=0) if known else np.full(len(view.mean), np.nan)
        spread = expected - view.mean
        edge = np.abs(spread) - self.costs_eur_per_mwh(view.delivery_day)
        side = np.where(edge > 0, np.sign(spread), 0.0)
        return Proposal(
            exposure_mw=side * self.max_mw,
            limit_price=np.where(side > 0, np.inf, -np.inf),
            expected_reference=expected,
            edge=edge,
            risk=past.std(axis=0) if known else np.full(len(view.mean), np.nan),
            probability=np.full(len(view.mean), np.nan),
            scenarios=days - view.mean,
            texts=tuple(
                (
                    f"intraday price of the last {self.n_days} days {price:.1f}, forecast {mean:.1f} EUR/MWh"
                    if known
                    else f"flat: intraday prices of {len(past)} days are known, {self.n_days} are needed"
                )
                for price, mean in zip(expected, view.mean, strict=True)
            ),
        )

    def perfect_foresight_eur(self, day: PricedDay) -> Floats:
        """The better side of each unit at full size where it pays."""
        costs = self.costs_eur_per_mwh(day.delivery_day)
        return better_side_eur(day.second - day.day_ahead, costs, max_mw=self.max_mw, hours=day.hours)
