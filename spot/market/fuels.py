"""Fuels and emission allowances whose daily prices a model may read, and for whom they are quoted."""

from collections.abc import Mapping
from types import MappingProxyType

from spot.market.zones import find_zone

TABLE = "fuel_prices"
FUEL_ZONE = "DE_LU"
"""Zone under which files bring the European prices in; the other coupled zones read the same."""
FUELS: Mapping[str, str] = MappingProxyType(
    {
        "gas_vtp": "fuel_gas_eur_per_mwh",
        "eua_auction": "fuel_carbon_eur_per_t",
        "brent": "fuel_oil_usd_per_bbl",
    }
)
"""Series of `fuel_prices` to the feature that is made of it."""
YOUNGEST_DAYS_BEFORE = 2
"""Days between the newest quotation that a feature takes and the delivery day: D-2 or earlier, and only what
was known at the gate.
"""
OLDEST_DAYS_BEFORE = 23
"""A quotation of an earlier day counts as missing: three weeks cover the longest pause of auctions."""


def fuels_near(zone: str) -> tuple[str, ...]:
    """The series that `zone` reads by default: all for zones of the coupled European auction."""
    return tuple(FUELS) if find_zone(zone).is_coupled else ()
