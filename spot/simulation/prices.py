"""Prices of the simulated market.

The auction clears on forecasts. Later markets react to what turns out.

- Day-ahead: merit order at the consensus residual load, plus bidding noise that persists over hours and days.
- Intraday: day-ahead plus a steeper reaction to the corrected forecast, less a small premium. The auction
  underestimates midday sun and pays for safety in the evening, so the spread is mildly predictable from what
  is known at the gate.
- Imbalance: intraday plus a reaction to the remaining error with heavy tails.
"""

from dataclasses import dataclass

import numpy as np

from spot.arrays import Floats
from spot.market.price_limits import INTRADAY_LIMITS, day_ahead_price_limits
from spot.simulation.clock import MarketClock
from spot.simulation.noise import daily_index, daily_process, hourly_process, quarter_noise
from spot.simulation.supply import Supply
from spot.simulation.weather import ACTUAL, CONSENSUS, LATE, Weather

IMBALANCE_LIMIT_EUR_PER_MWH = 15_000.0
"""Bound of the simulated imbalance price. Chosen by hand: real extremes reach tens of thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """All arrays (N,), EUR/MWh except volume."""

    noiseless: Floats
    """The merit order's price for the consensus forecast, without noise."""
    day_ahead: Floats
    ida1: Floats
    vwap: Floats
    volume_mwh: Floats
    imbalance: Floats
    expected_spread: Floats
    """The part of intraday minus day-ahead that could be known at the gate with the simulator's formulas."""


def simulate_prices(clock: MarketClock, weather: Weather, supply: Supply, *, seed: int) -> Prices:
    """Day-ahead, intraday and imbalance prices of one zone."""
    zone, hours, size = clock.zone, clock.middle_hours, supply.mean_load_mw
    views = {name: view.residual_load_mw for name, view in weather.views.items()}
    believed = supply.flexible_demand(views[CONSENSUS], clock)
    noiseless = _quarter_hour_swing(clock, supply.price(believed))
    bids = (
        0.050 * hourly_process(seed, f"bids|{zone}", hours, 10.0)
        + 0.035 * daily_process(seed, f"bids|{zone}", 4.0)[daily_index(clock.epoch_days)]
    )
    level = 2.4 * hourly_process(seed, f"level|{zone}", hours, 6.0) + 0.7 * quarter_noise(
        seed, f"level|{zone}", clock.quarters
    )
    lowest, highest = _limits(clock)
    day_ahead = np.clip(
        _quarter_hour_swing(clock, supply.price(believed + bids * supply.dispatchable_mw)) + level,
        lowest,
        highest,
    )

    premium = _premium(clock, weather, size)
    slope = _local_slope(supply, believed)
    corrected = slope * (views[ACTUAL] - views[CONSENSUS]) * 0.75
    evening = slope * (views[LATE] - views[CONSENSUS]) * 0.5
    restless = 3.0 + 0.04 * np.abs(day_ahead)
    noise = restless * hourly_process(seed, f"intraday|{zone}", hours, 5.0) + 0.4 * restless * quarter_noise(
        seed, f"intraday|{zone}", clock.quarters
    )
    vwap = np.clip(
        day_ahead + premium + corrected + noise,
        INTRADAY_LIMITS.minimum_eur_per_mwh,
        INTRADAY_LIMITS.maximum_eur_per_mwh,
    )
    ida1 = np.clip(day_ahead + 0.4 * premium + evening + 0.4 * noise, lowest, highest)
    share = clock.resolution_minutes / 60.0
    volume = size * share * 0.06 * np.exp(0.35 * hourly_process(seed, f"volume|{zone}", hours, 12.0))
    return Prices(
        noiseless=noiseless, day_ahead=day_ahead, ida1=ida1, vwap=vwap, volume_mwh=volume,
        imbalance=_imbalance(clock, vwap, views[ACTUAL] - views[LATE], size, seed),
        expected_spread=premium,
    )  # fmt: skip


def _premium(clock: MarketClock, weather: Weather, size: float) -> Floats:
    """Known bias of the auction.

    It underestimates the midday sun, and buyers pay for safety in the evening ramp.
    """
    view = weather.views[CONSENSUS]
    evening = np.exp(-(((clock.local_hour - 19.0) / 1.8) ** 2))
    tightness = view.residual_load_mw / size
    return np.asarray(
        -8.0 * view.solar_mw / size
        - 4.5 * evening * np.maximum(tightness, 0.0)
        + 3.0 * np.maximum(0.7 - tightness, 0.0)
    )


def _local_slope(supply: Supply, demand_mw: Floats) -> Floats:
    """Steepness of the short-term curve, EUR/MWh per MW.

    Few plants can still react, so it never falls below a floor.
    """
    step = 0.03 * supply.mean_load_mw
    slope = (supply.price(demand_mw + step) - supply.price(demand_mw - step)) / (2 * step)
    return np.clip(1.2 * slope, 90.0 / supply.mean_load_mw, 900.0 / supply.mean_load_mw)


def _imbalance(clock: MarketClock, vwap: Floats, surprise_mw: Floats, size: float, seed: int) -> Floats:
    zone = clock.zone
    jolt = quarter_noise(seed, f"imbalance|{zone}", clock.quarters)
    weight = quarter_noise(seed, f"imbalance_tail|{zone}", clock.quarters)
    system_short = surprise_mw / size / 0.03 + 0.9 * jolt
    # A normal number times the exponential of another has the tails of settlement prices: mostly tens, now
    # and then thousands.
    reaction = 28.0 * system_short * np.exp(0.75 * weight)
    return np.clip(vwap + reaction, -IMBALANCE_LIMIT_EUR_PER_MWH, IMBALANCE_LIMIT_EUR_PER_MWH)


def _quarter_hour_swing(clock: MarketClock, price: Floats) -> Floats:
    """Quarter hours of one hour differ more than the hours around them suggest.

    Few plants ramp within an hour.
    """
    is_quarter = clock.resolution_minutes == 15
    if not is_quarter.any():
        return price
    swung = price.copy()
    hour = price[is_quarter].reshape(-1, 4)
    mean = hour.mean(axis=1, keepdims=True)
    swung[is_quarter] = (mean + 1.7 * (hour - mean)).ravel()
    return swung


def _limits(clock: MarketClock) -> tuple[Floats, Floats]:
    limits = [day_ahead_price_limits(day) for day in clock.days]
    lowest = np.array([limit.minimum_eur_per_mwh for limit in limits])[clock.day_row]
    highest = np.array([limit.maximum_eur_per_mwh for limit in limits])[clock.day_row]
    return lowest, highest
