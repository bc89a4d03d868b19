"""A battery in the day-ahead auction: the best plan on the forecast, in whole volume steps.

Prices are in EUR/MWh, powers in MW.
"""

from functools import partial
from typing import Literal

import numpy as np
from pydantic import Field

from spot.arrays import Floats
from spot.strategy.interface import PricedDay
from spot.strategy.proposals.price_paths import price_paths
from spot.strategy.proposals.storage_plan import Battery, StoragePlan, optimise_storage, plan_of
from spot.strategy.proposals.view import LEVELS, MarketView, Proposal
from spot.strategy.proposals.volume_steps import StepMarket, in_volume_steps


class PlannedBattery(Battery):
    """A battery with one plan a day: the best on the forecast distribution, in whole volume steps."""

    risk_aversion: float = Field(default=0.0, ge=0, le=1)
    """Buys are valued at the mean plus this share of the distance to the 75 % quantile, sells at the mean
    minus that to the 25 % one.
    """
    window_days: int = Field(default=182, ge=14)
    """Days of history behind the risk. Chosen by hand: half a year, as for a spread."""

    @property
    def history_days(self) -> int:
        """The trailing window."""
        return self.window_days

    def planned(self, view: MarketView, paths: Floats) -> Proposal:
        """Charge where the forecast is low, discharge where it is high, in named hours at any price.

        It is flat where the difference does not pay wear, losses and fees. `paths` (S, P) of the price are
        its scenarios.
        """
        market = self.step_market(view)
        wanted = optimise_storage(market.buy_prices, market.sell_prices, view.hours, self)
        return self.proposed(view, paths, market, wanted.exposure_mw)

    def step_market(self, view: MarketView) -> StepMarket:
        """What a plan in steps is worth on the forecast, fees included."""
        fee = self.fees.on(view.delivery_day).day_ahead_fee_eur_per_mwh
        low, middle, high = (_at(view.quantiles, level) for level in (0.25, 0.5, 0.75))
        buy = view.mean + self.risk_aversion * (high - middle) + fee
        sell = view.mean - self.risk_aversion * (middle - low) - fee
        return StepMarket(buy_prices=buy, sell_prices=sell, hours=view.hours, battery=self)

    def proposed(self, view: MarketView, paths: Floats, market: StepMarket, wanted: Floats) -> Proposal:
        """The plan in whole steps that is best at the prices of `market` and near what is `wanted` (P,)."""
        fee = self.fees.on(view.delivery_day).day_ahead_fee_eur_per_mwh
        exposure = in_volume_steps(wanted, market)
        return Proposal(
            exposure_mw=exposure,
            limit_price=np.where(exposure > 0, np.inf, -np.inf),
            expected_reference=np.full(len(exposure), np.nan),
            edge=np.where(
                exposure > 0,
                -view.mean - fee,
                np.where(exposure < 0, view.mean - fee - self.degradation_eur_per_mwh, 0.0),
            ),
            risk=(_at(view.quantiles, 0.9) - _at(view.quantiles, 0.1)) / 2.0,
            probability=_gain_probability(exposure, paths, view.hours, fee, self),
            scenarios=-paths,
            are_paths=True,
            costs_eur_per_mwh=(fee, fee + self.degradation_eur_per_mwh),
            keeps_shape=True,
            recut=partial(in_volume_steps, market=market, keep_below=True),
            is_firm=True,
            texts=_texts(exposure, view, plan_of(exposure, view.hours, self)),
        )

    def perfect_foresight_eur(self, day: PricedDay) -> Floats:
        """EUR per unit, `(P,)`, of the best plan of the whole day, before volumes are rounded to steps.

        NaN on a day where a price is missing.
        """
        prices, fee = day.day_ahead, self.fees.on(day.delivery_day).day_ahead_fee_eur_per_mwh
        if not np.isfinite(prices).all():
            return np.full(len(prices), np.nan)
        plan = optimise_storage(prices + fee, prices - fee, day.hours, self)
        return day.hours * (
            (plan.discharge_mw - plan.charge_mw) * prices
            - fee * (plan.discharge_mw + plan.charge_mw)
            - self.degradation_eur_per_mwh * plan.discharge_mw
        )


class Storage(PlannedBattery):
    """The battery's plan on the forecast distribution in whole volume steps.

    Its orders accept any price, because half a plan is worth nothing.
    """

    strategy: Literal["storage"] = "storage"

    def propose(self, view: MarketView) -> Proposal:
        """The plan in named hours."""
        return self.planned(view, price_paths(view, self.window_days))


def _at(quantiles: Floats, level: float) -> Floats:
    return quantiles[:, int(np.argmin(np.abs(level - LEVELS)))]


def _gain_probability(exposure: Floats, paths: Floats, hours: float, fee: float, battery: Battery) -> Floats:
    """Share of the day's paths on which the whole plan gains; NaN without paths."""
    if not len(paths):
        return np.full(len(exposure), np.nan)
    costs = hours * (
        fee * np.abs(exposure).sum() + battery.degradation_eur_per_mwh * np.maximum(-exposure, 0).sum()
    )
    gains = -(paths @ exposure) * hours - costs
    return np.full(len(exposure), float((gains > 0).mean()))


def _texts(exposure: Floats, view: MarketView, plan: StoragePlan) -> tuple[str, ...]:
    rank = np.argsort(np.argsort(view.mean)) + 1
    return tuple(
        f"{_action(mw)}: forecast {mean:.1f} EUR/MWh, rank {place} of {len(rank)} from the"
        f" cheapest; the battery then holds {state:.2f} MWh"
        for mw, mean, place, state in zip(exposure, view.mean, rank, plan.state_mwh, strict=True)
    )


def _action(exposure_mw: float) -> str:
    if exposure_mw > 0:
        return "charge"
    return "discharge" if exposure_mw < 0 else "rest"
