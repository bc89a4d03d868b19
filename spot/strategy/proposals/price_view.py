"""Buy or sell base, peak, off-peak or single units against a reference price that the desk gives.

This is the plain directional signal.

Peak is 08:00 to 20:00 local time, Monday to Friday, as European power contracts define it (EEX contract
specifications).

Prices are in EUR/MWh, powers in MW.
"""

from datetime import datetime
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from spot.arrays import Bools, Floats
from spot.market.clock import slots_of
from spot.market.delivery import delivery_day_of
from spot.strategy.interface import PricedDay, Strategy, better_side_eur
from spot.strategy.proposals.price_paths import price_paths
from spot.strategy.proposals.view import LEVELS, MarketView, Proposal, probability_above
from spot.strategy.sizing import size_by_edge


class PriceView(Strategy):
    """Buys in the auction where the forecast is below the desk's price, and sells where it is above.

    There is one decision per product.
    """

    strategy: Literal["price_view"] = "price_view"
    settled_against: Literal["reference_curve"] = "reference_curve"
    product: Literal["base", "peak", "offpeak", "mtu"] = "base"
    max_mw: float = Field(default=10.0, gt=0)
    full_size_ratio: float = Field(default=0.5, gt=0)
    min_edge_ratio: float = Field(default=0.1, ge=0)
    window_days: int = Field(default=182, ge=14)
    """Days of history behind the risk. Chosen by hand: half a year, as for a spread."""
    reference_eur_per_mwh: float | None = None
    """One price for every unit. A curve per unit that comes with the request takes precedence."""

    @model_validator(mode="after")
    def _not_absurd(self) -> "PriceView":
        if self.reference_eur_per_mwh is not None and abs(self.reference_eur_per_mwh) > 10_000:
            raise ValueError("reference price beyond 10,000 EUR/MWh")
        return self

    @property
    def history_days(self) -> int:
        """The trailing window."""
        return self.window_days

    def propose(self, view: MarketView) -> Proposal:
        """Equal power over the units of the product, as one block order.

        For the product `mtu`, each unit is an order of its own. Hourly limits on a base product would buy
        only its cheap hours. That is no base, and could never lose against one price.
        """
        costs = self.costs_eur_per_mwh(view.delivery_day)
        inside = product_units(self.product, view.zone, view.starts_utc)
        reference = self._reference(view)
        gap = np.where(inside, reference - view.mean, np.nan)
        risk = np.where(inside, (view.quantiles[:, 6] - view.quantiles[:, 2]) / 2.0, np.nan)
        paths = price_paths(view, self.window_days)
        quantiles, own = view.quantiles, reference
        if (is_block := self.product != "mtu") and inside.any():
            gap, own = (np.where(inside, values[inside].mean(), np.nan) for values in (gap, reference))
            block = _block_quantiles(view.quantiles[inside], paths[:, inside])
            quantiles = np.tile(block, (len(gap), 1))
            risk = np.where(inside, (block[6] - block[2]) / 2.0, np.nan)
        edge, side = np.abs(gap) - costs, np.nan_to_num(np.sign(gap))
        size = size_by_edge(
            edge,
            risk,
            max_mw=self.max_mw,
            full_size_ratio=self.full_size_ratio,
            min_edge_ratio=self.min_edge_ratio,
        )
        above = probability_above(quantiles, own - side * costs)
        return Proposal(
            exposure_mw=side * size,
            limit_price=np.where(inside, reference - side * costs, np.nan),
            expected_reference=np.where(inside, reference, np.nan),
            edge=edge,
            risk=risk,
            probability=np.where(inside, np.where(side > 0, 1.0 - above, above), np.nan),
            scenarios=reference - paths,
            are_paths=True,
            costs_eur_per_mwh=(costs, costs),
            keeps_shape=is_block,
            is_block=is_block,
            texts=_texts(view.mean, reference, inside, self.product),
        )

    def perfect_foresight_eur(self, day: PricedDay) -> Floats:
        """EUR per unit, `(P,)`, that a trader who knew the prices would have earned.

        For `mtu`, each unit takes its better side. A block takes the better side of its mean gap, where the
        mean gap exceeds the costs. NaN outside the product.
        """
        gaps, costs = day.second - day.day_ahead, self.costs_eur_per_mwh(day.delivery_day)
        if self.product == "mtu":
            return better_side_eur(gaps, costs, max_mw=self.max_mw, hours=day.hours)
        inside = np.isfinite(gaps)
        mean = float(gaps[inside].mean()) if inside.any() else 0.0
        worth = np.sign(mean) * gaps - costs if abs(mean) > costs else np.where(inside, 0.0, np.nan)
        return worth * self.max_mw * day.hours

    def _reference(self, view: MarketView) -> Floats:
        if view.reference is not None:
            return view.reference
        same = np.nan if self.reference_eur_per_mwh is None else self.reference_eur_per_mwh
        return np.full(len(view.mean), same)


def _block_quantiles(quantiles: Floats, paths: Floats) -> Floats:
    """(9,) quantiles of the mean price of a block's B units, from paths (N, B).

    Without paths they are the mean of the units' quantiles (B, 9), as if all units erred as one.
    """
    if not len(paths):
        means: Floats = quantiles.mean(axis=0)
        return means
    own: Floats = np.quantile(paths.mean(axis=1), LEVELS)
    return own


def product_units(product: str, zone: str, starts_utc: tuple[datetime, ...]) -> Bools:
    """(P,) which units belong to the product."""
    hours = slots_of(zone, starts_utc, 60)
    is_working_day = np.array([delivery_day_of(zone, start).weekday() < 5 for start in starts_utc])
    is_peak = is_working_day & (hours >= 8) & (hours < 20)
    return {"peak": is_peak, "offpeak": ~is_peak}.get(product, np.ones(len(starts_utc), dtype=np.bool_))


def _texts(mean: Floats, reference: Floats, inside: Bools, product: str) -> tuple[str, ...]:
    of_block = ""
    if product != "mtu" and inside.any():
        if not np.isfinite(reference[inside]).all():
            return (f"flat: no reference price for every unit of {product}",) * len(mean)
        of_block = (
            f" on the mean of {inside.sum()} units, one block: forecast {mean[inside].mean():.2f}, the desk's"
            f" {reference[inside].mean():.2f}"
        )
    return tuple(
        (
            f"{product}{of_block}; this unit: forecast {m:.2f} against the desk's {r:.2f} EUR/MWh"
            if np.isfinite(r) and ok
            else f"flat: no reference price, or not in {product}"
        )
        for m, r, ok in zip(mean, reference, inside, strict=True)
    )
