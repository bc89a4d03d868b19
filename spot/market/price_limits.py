"""Harmonised clearing price limits of the day-ahead and intraday markets, as dated data.

Source: ACER decisions on harmonised maximum and minimum clearing prices for SDAC (3,000 EUR/MWh until 10 May 2022, then 4,000; the
further raise to 5,000 was suspended in September 2022) and SIDC (+-9,999 EUR/MWh).
"""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class PriceLimits:
    """Lowest and highest clearing price, EUR/MWh."""

    minimum_eur_per_mwh: float
    maximum_eur_per_mwh: float


_DAY_AHEAD = (
    (date(2000, 1, 1), PriceLimits(-500.0, 3000.0)),
    (date(2022, 5, 11), PriceLimits(-500.0, 4000.0)),
)
INTRADAY_LIMITS = PriceLimits(-9999.0, 9999.0)


def day_ahead_price_limits(delivery_day: date) -> PriceLimits:
    """The limits in force for delivery on `delivery_day`."""
    return next(limits for valid_from, limits in reversed(_DAY_AHEAD) if valid_from <= delivery_day)
