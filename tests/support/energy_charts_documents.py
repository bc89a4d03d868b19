"""Documents as Energy-Charts sends them."""

import json
from datetime import date

from spot.market.delivery import delivery_starts_utc


def prices_json(day: date) -> bytes:
    """Prices of a day of FR: 40 EUR/MWh in its first unit, one more in each next one."""
    starts = [int(start.timestamp()) for start in delivery_starts_utc("FR", day)]
    return json.dumps(
        {
            "unix_seconds": starts,
            "price": [40.0 + at for at in range(len(starts))],
            "unit": "EUR/MWh",
            "deprecated": False,
        }
    ).encode()
