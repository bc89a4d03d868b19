"""Buy or sell base, peak, off-peak or single units against a reference price that the desk gives.

The plain directional signal.

Peak is 08:00 to 20:00 local time, Monday to Friday, as European power contracts define it (EEX contract
specifications).
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from spot.contracts.panel import Floats
from spot.market.zones import find_zone
from spot.strategy.proposals.view import MarketView, Proposal, probability_above
from spot.strategy.settings import PriceViewSettings
from spot.strategy.sizing import size_by_edge


@dataclass(frozen=True, slots=True)
class PriceViewStrategy:
    """Buys the auction where the forecast clears below the desk's price, sells where above.

    One decision per product.
    """

    settings: PriceViewSettings

    def propose(self, view: MarketView) -> Proposal:
        """Equal power over the units of the product, as one block order.

        Each unit on its own for the product `mtu`.

        Limits hour by hour would buy the cheap part of a base and leave the rest, which is no base, and would
        never lose against one price.
        """
        settings, fees = self.settings, self.settings.fees.on(view.delivery_day)
        costs = fees.day_ahead_fee_eur_per_mwh + fees.reference_fee_eur_per_mwh + fees.slippage_eur_per_mwh
        inside = product_units(settings.product, view.zone, view.starts_utc)
        reference = _reference(view, settings)
        gap = np.where(inside, reference - view.mean, np.nan)
        risk = np.where(inside, (view.quantiles[:, 6] - view.quantiles[:, 2]) / 2.0, np.nan)
        quantiles, own = view.quantiles, reference
        if (is_block := settings.product != "mtu") and inside.any():
            gap, risk, own = (
                np.where(inside, values[inside].mean(), np.nan) for values in (gap, risk, reference)
            )
            # Hours of a day err together: the quantiles of their mean are taken to be the mean of their
            # quantiles.
            quantiles = np.tile(view.quantiles[inside].mean(axis=0), (len(gap), 1))
        edge, side = np.abs(gap) - costs, np.nan_to_num(np.sign(gap))
        size = size_by_edge(
            edge,
            risk,
            max_mw=settings.max_mw,
            full_size_ratio=settings.full_size_ratio,
            min_edge_ratio=settings.min_edge_ratio,
        )
        above = probability_above(quantiles, own - side * costs)
        prices = view.past_days("day_ahead_price_eur_per_mwh", settings.window_days + 7)
        return Proposal(
            exposure_mw=side * size,
            limit_price=np.where(inside, reference - side * costs, np.nan),
            expected_reference=np.where(inside, reference, np.nan),
            edge=edge,
            risk=risk,
            probability=np.where(inside, np.where(side > 0, 1.0 - above, above), np.nan),
            scenarios=(
                reference - (view.mean + prices[7:] - prices[:-7])
                if len(prices) > 7
                else np.zeros((0, len(side)))
            ),
            keeps_shape=is_block,
            is_block=is_block,
            texts=_texts(view.mean, reference, inside, settings),
        )


def product_units(product: str, zone: str, starts_utc: tuple[datetime, ...]) -> npt.NDArray[np.bool_]:
    """(P,) which units belong to the product."""
    local = [start.astimezone(ZoneInfo(find_zone(zone).market_time_zone)) for start in starts_utc]
    is_peak = np.array([instant.weekday() < 5 and 8 <= instant.hour < 20 for instant in local])
    return {"peak": is_peak, "offpeak": ~is_peak}.get(product, np.ones(len(local), dtype=np.bool_))


def _reference(view: MarketView, settings: PriceViewSettings) -> Floats:
    if view.reference is not None:
        return view.reference
    return np.full(
        len(view.mean), np.nan if settings.reference_eur_per_mwh is None else settings.reference_eur_per_mwh
    )


def _texts(
    mean: Floats, reference: Floats, inside: npt.NDArray[np.bool_], settings: PriceViewSettings
) -> tuple[str, ...]:
    of_block = ""
    if settings.product != "mtu" and inside.any():
        if not np.isfinite(reference[inside]).all():
            return (f"flat: no reference price for every unit of {settings.product}",) * len(mean)
        of_block = (
            f" on the mean of {inside.sum()} units, one block: forecast {mean[inside].mean():.2f}, the desk's"
            f" {reference[inside].mean():.2f}"
        )
    return tuple(
        (
            f"{settings.product}{of_block}; this unit: forecast {m:.2f} against the desk's {r:.2f} EUR/MWh"
            if np.isfinite(r) and ok
            else f"flat: no reference price, or not in {settings.product}"
        )
        for m, r, ok in zip(mean, reference, inside, strict=True)
    )
