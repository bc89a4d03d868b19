"""From an hourly forecast on the local clock to a forecast of a day's real periods."""

import numpy as np

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.forecast.days.clock_grid import ClockGrid, hours_to_periods, slots_to_periods
from spot.forecast.days.intra_hour import intra_hour_shape
from spot.forecast.interface import PriceForecast
from spot.market.price_limits import day_ahead_price_limits
from spot.market.zones import find_zone

_WIDTH_80 = 2.563
"""Width of the central 80 % of a normal distribution in standard deviations."""


def delivery_forecast(
    panel: DeliveryPanel, past: ClockGrid, *, point: Floats, quantiles: Floats, levels: tuple[float, ...]
) -> PriceForecast:
    """The forecast of the last day of `panel` from hourly values.

    Args:
        panel: its last row gives the day, the number of its periods and their length.
        past: known days, from which the shape inside the hour is learnt.
        point: (24,) hourly point forecast.
        quantiles: (24, Q) hourly quantiles at `levels`.
        levels: the Q levels.
    """
    day, n_periods, minutes = panel.last_day, int(panel.n_periods[-1]), int(panel.resolution_minutes[-1])
    if minutes < 60:
        shape = intra_hour_shape(past, point)
        hourly_error = np.maximum(_spread_of(quantiles, levels), 1e-3)
        widening = np.sqrt(1 + (shape.error / hourly_error[:, None]) ** 2)
        distance = quantiles - point[:, None]
        point = point[:, None] + shape.deviation
        quantiles = point[:, :, None] + widening[:, :, None] * distance[:, None, :]
    if find_zone(panel.zone).is_coupled:
        # The auction of the coupled market cannot clear beyond its limits, so no quantile lies there.
        limits = day_ahead_price_limits(day)
        point, quantiles = (
            np.clip(values, limits.minimum_eur_per_mwh, limits.maximum_eur_per_mwh)
            for values in (point, quantiles)
        )
    place = slots_to_periods if minutes < 60 else hours_to_periods
    return PriceForecast(
        zone=panel.zone,
        delivery_day=day,
        resolution_minutes=minutes,
        levels=levels,
        quantiles=np.sort(place(quantiles, panel.zone, day, n_periods, minutes), axis=1),
        point=place(point, panel.zone, day, n_periods, minutes),
    )


def _spread_of(quantiles: Floats, levels: tuple[float, ...]) -> Floats:
    """(24,) standard deviation that a normal distribution of the same central width would have."""
    low, high = int(np.argmin(np.abs(np.array(levels) - 0.1))), int(np.argmin(np.abs(np.array(levels) - 0.9)))
    return np.asarray((quantiles[:, high] - quantiles[:, low]) / _WIDTH_80)
