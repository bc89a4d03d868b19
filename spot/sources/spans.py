"""Series for which a provider does not say how long a period is, or to which auction its prices belong."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from spot.arrays import Bools, Floats, Ints
from spot.errors import ContractError
from spot.market.delivery import day_ahead_mtu_minutes, delivery_day_of
from spot.sources.auction_unit import bounds_us, day_slices
from spot.sources.points import Points
from spot.sources.providers.json_series import US_PER_MINUTE


def before_their_day(starts_us: Ints, made_us: Ints, zone: str) -> Bools:
    """(N,) whether a value was made before its delivery day began.

    A forecast made during the day covers only the rest of it, so it is not a day-ahead forecast.
    """
    days = (
        delivery_day_of(zone, datetime.fromtimestamp(start / 1_000_000, UTC)) for start in starts_us.tolist()
    )
    began = np.array([bounds_us(zone, day)[0] for day in days], dtype=np.int64)
    return made_us < began


def load_forecast_points(starts_us: Ints, made_us: Ints, values: Floats, zone: str) -> Points:
    """Hourly load forecasts that were made before their delivery day.

    Starts and instants of making in microseconds since 1970 and values in MW are `(n,)` each.
    """
    keep = before_their_day(starts_us, made_us, zone)
    return Points(
        table="load_forecasts",
        series="load",
        starts_us=starts_us[keep],
        resolution_minutes=60,
        values=values[keep],
        available_us=made_us[keep],
    )


def day_ahead_points(starts_us: Ints, values: Floats, zone: str, what: str) -> Iterator[Points]:
    """Day-ahead prices in the length of period that each day is given in; nulls are left out.

    Starts in microseconds since 1970 and values in EUR/MWh are `(n,)` each. `assemble` turns them into the
    market time unit of the day, or refuses them.

    Raises:
        ContractError: the starts do not lie on a grid of 15, 30 or 60 minutes.
    """
    for day, part in day_slices(starts_us, zone):
        starts, prices = starts_us[part], values[part]
        step = (
            int(np.diff(starts).min()) // US_PER_MINUTE
            if len(starts) > 1
            else day_ahead_mtu_minutes(zone, day)
        )
        if step not in (15, 30, 60) or (starts % (step * US_PER_MINUTE)).any():
            raise ContractError(f"{what}: starts {step} minutes apart or off the full period on {day}")
        is_known = ~np.isnan(prices)
        yield Points(
            table="day_ahead_prices",
            series="day_ahead",
            starts_us=starts[is_known],
            resolution_minutes=step,
            values=prices[is_known],
        )
