"""Clearing price limits of the day-ahead and intraday markets, as dated data.

The harmonised limits of the coupled auction (SDAC) stand step by step below, each with its source. SIDC:
+-9,999 EUR/MWh (ACER decision 05/2017). EPEX SPOT applies the harmonised limits to CH; GB: -500 to 6,000
GBP/MWh (from memory). ERCOT: offer floor -250,
system-wide offer cap 9,000 USD/MWh (16 TAC 25.505), 5,000 from 2022 on (PUCT project 52631); a hub lies above
the cap where congestion adds to it, a tenth is allowed. PJM: offers count up to 2,000 USD/MWh (FERC order
831), two reserve penalty factors of 850 come on top; no floor is set, -1,000 is taken.
"""

from dataclasses import dataclass
from datetime import date

from spot.market.zones import find_zone


@dataclass(frozen=True, slots=True)
class PriceLimits:
    """Lowest and highest clearing price, EUR/MWh."""

    minimum_eur_per_mwh: float
    maximum_eur_per_mwh: float


@dataclass(frozen=True, slots=True)
class LocalPriceLimits:
    """Lowest and highest clearing price in the currency of the zone per MWh."""

    minimum: float
    maximum: float


_LONG_AGO = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class LimitStep:
    """Harmonised limits of the coupled auction from one delivery day on."""

    valid_from: date
    limits: PriceLimits
    source: str


HARMONISED_STEPS = (
    LimitStep(_LONG_AGO, PriceLimits(-500.0, 3000.0), "ACER decision 04/2017, in force before by agreement"),
    LimitStep(
        date(2022, 5, 11),
        PriceLimits(-500.0, 4000.0),
        "SDAC parties: +4,000 from the session of 10 May 2022, after 2,987.78 in FR on 4 April 2022",
    ),
    # A raise to 5,000 from 20 September 2022 was announced and suspended (EXAA, HEnEx, 13 September 2022).
    LimitStep(
        date(2026, 5, 29),
        PriceLimits(-600.0, 4000.0),
        "SDAC parties: -600 from the session of 28 May 2026; OMIE names delivery from 29 May 2026",
    ),
)
"""By first delivery day, oldest first."""
_LOCAL: dict[str, tuple[tuple[date, LocalPriceLimits], ...]] = {
    "GB": ((_LONG_AGO, LocalPriceLimits(-500.0, 6000.0)),),
    "PJM": ((_LONG_AGO, LocalPriceLimits(-1000.0, 3700.0)),),
    "ERCOT": (
        (_LONG_AGO, LocalPriceLimits(-250.0, 9900.0)),
        (date(2022, 1, 1), LocalPriceLimits(-250.0, 5500.0)),
    ),
}
"""By zone or operator, for zones that trade in another currency than EUR."""
INTRADAY_LIMITS = PriceLimits(-9999.0, 9999.0)


def day_ahead_price_limits(delivery_day: date, zone: str | None = None) -> PriceLimits:
    """The limits in force for delivery on `delivery_day`, EUR/MWh.

    The harmonised ones, also where no zone is named. A zone that trades in another currency has limits in
    that currency only (`local_price_limits`): its prices in EUR are bounded technically, like intraday ones.
    """
    if zone is not None and find_zone(zone).currency != "EUR" and not find_zone(zone).is_benchmark:
        return INTRADAY_LIMITS
    return next(step.limits for step in reversed(HARMONISED_STEPS) if step.valid_from <= delivery_day)


def local_price_limits(zone: str, delivery_day: date) -> LocalPriceLimits:
    """The limits in force in the zone for delivery on `delivery_day`, in its own currency per MWh."""
    rules = _LOCAL.get(find_zone(zone).operator or zone)
    if rules is None:
        harmonised = day_ahead_price_limits(delivery_day)
        return LocalPriceLimits(harmonised.minimum_eur_per_mwh, harmonised.maximum_eur_per_mwh)
    return next(limits for valid_from, limits in reversed(rules) if valid_from <= delivery_day)
