"""Codes of the ENTSO-E Transparency Platform that the parser and the client share.

Sources: ENTSO-E code list (document, process, business and asset types); "Transparency Platform RESTful API
user guide"; EIC approved codes. Where an area settles imbalances as a whole, its control block is asked
instead of its bidding zone.
"""

from spot.market.zones import ZONES, find_zone

DAY_AHEAD_PRICES = "A44"
TOTAL_LOAD = "A65"
WIND_SOLAR_FORECAST = "A69"
GENERATION_BY_TYPE = "A75"
IMBALANCE_PRICES = "A85"
IMBALANCE_VOLUMES = "A86"
PRODUCTION_OUTAGES = "A77"
GENERATION_OUTAGES = "A80"
NET_POSITION = "A25"
PHYSICAL_FLOWS = "A11"
SCHEDULED_EXCHANGES = "A09"
TRANSFER_CAPACITIES = "A61"

PROCESS_DAY_AHEAD = "A01"
PROCESS_REALISED = "A16"
PROCESS_CURRENT = "A18"
PROCESS_INTRADAY = "A40"

GENERATION_SERIES: dict[str, str] = {"B16": "solar", "B18": "wind_offshore", "B19": "wind_onshore"}

_SETTLEMENT_AREAS: dict[str, str] = {"DE_LU": "10YCB-GERMANY--8"}
_ZONE_OF_EIC: dict[str, str] = {zone.eic: name for name, zone in ZONES.items()}


def settlement_area(zone: str) -> str:
    """EIC of the area whose imbalance prices hold in `zone`."""
    return _SETTLEMENT_AREAS.get(zone) or find_zone(zone).eic


def zone_of_eic(eic: str) -> str | None:
    """Name of the bidding zone with this EIC, or None where it is not one of ours."""
    return _ZONE_OF_EIC.get(eic)
