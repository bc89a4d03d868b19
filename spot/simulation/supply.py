"""The supply side: fuel and carbon prices, outages and the merit order.

The merit order turns residual load into a price.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spot.arrays import Floats
from spot.simulation.clock import MarketClock
from spot.simulation.noise import daily_events, daily_index, daily_process, epoch_day
from spot.simulation.profiles import ZoneProfile
from spot.simulation.scenarios import (
    COAL_SHOCK_FACTOR,
    GAS_SHOCK_FACTOR,
    GAS_SHOCK_RAMP_DAYS,
    RETIRED_PER_PARK,
    WIND_PARKS_SHARE,
    Scenario,
    start_of,
)

_GAS_EFFICIENCY, _COAL_EFFICIENCY = 0.55, 0.41
"""MWh of electricity from one MWh of heat: round figures of a modern gas plant and an older coal plant."""
_GAS_TONNES, _COAL_TONNES, _LIGNITE_TONNES = 0.365, 0.83, 1.0
"""Tonnes of CO2 per MWh of electricity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuels:
    """Prices per period (N,): gas and coal in EUR per MWh of heat, carbon in EUR per tonne.

    The same in every zone.
    """

    gas: Floats
    coal: Floats
    carbon: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """A zone's merit order. Arrays (N,) or (N, B) for B plant blocks sorted by cost."""

    costs_eur_per_mwh: Floats
    capacity_mw: Floats
    outage_mw: Floats
    gas_cost_eur_per_mwh: Floats
    mean_load_mw: float
    storage_mw: float
    interconnection_mw: float
    inflexible_mw: Floats
    """Generation that runs at any price, (N,)."""
    typical_residual_mw: float
    dispatchable_mw: float
    """Nominal capacity of all blocks together."""

    def price(self, demand_mw: Floats) -> Floats:
        """Clearing price (N,) EUR/MWh at a demand on this zone's plants.

        The cost rises within each block from that of the block before it to its own.
        """
        low = np.maximum(0.0, -demand_mw) / self.mean_load_mw
        # Subsidised plants stop first. Beyond them, nobody is left who could stop.
        price = -150.0 * (1.0 - np.exp(-low / 0.6)) - 60.0 * low**2
        filled = np.zeros(len(demand_mw))
        previous = np.zeros(len(demand_mw))
        for block in range(self.costs_eur_per_mwh.shape[1]):
            capacity = self.capacity_mw[:, block]
            price += (self.costs_eur_per_mwh[:, block] - previous) * np.clip(
                (demand_mw - filled) / capacity, 0.0, 1.0
            )
            previous = self.costs_eur_per_mwh[:, block]
            filled = filled + capacity
        scarce = np.maximum(0.0, demand_mw - 0.97 * filled) / self.mean_load_mw
        return price + 700.0 * scarce + 22_000.0 * scarce**2

    def flexible_demand(self, residual_load_mw: Floats, clock: MarketClock) -> Floats:
        """Demand on plants that follow the price, in MW, `(periods,)`, after exchange and storage.

        Exchange with neighbours and storage both flatten the day.
        """
        reach = self.interconnection_mw
        traded = residual_load_mw - reach * np.tanh(
            0.45 * (residual_load_mw - self.typical_residual_mw) / reach
        )
        stored = np.clip(0.40 * (traded - clock.daily_mean(traded)), -self.storage_mw, self.storage_mw)
        return np.asarray(traded - stored - self.inflexible_mw)


def simulate_fuels(clock: MarketClock, *, seed: int, scenarios: Sequence[Scenario]) -> Fuels:
    """Mean-reverting fuel prices. They vary over years and do not drift away."""
    rows = daily_index(clock.epoch_days)

    def level(name: str, base: float, slow: float, fast: float) -> Floats:
        wander = slow * daily_process(seed, f"{name}_slow|europe", 300.0) + fast * daily_process(
            seed, f"{name}_fast|europe", 15.0
        )
        return np.asarray(base * np.exp(wander[rows]))

    ramp = np.zeros(len(rows))
    start = start_of(scenarios, "gas_shock")
    if start is not None:
        ramp = np.clip((clock.epoch_days - epoch_day(start) + 1) / GAS_SHOCK_RAMP_DAYS, 0.0, 1.0)
    return Fuels(
        gas=level("gas", 29.0, 0.16, 0.05) * (1.0 + (GAS_SHOCK_FACTOR - 1.0) * ramp),
        coal=level("coal", 12.0, 0.12, 0.03) * (1.0 + (COAL_SHOCK_FACTOR - 1.0) * ramp),
        carbon=level("carbon", 62.0, 0.12, 0.04),
    )


def simulate_supply(
    profile: ZoneProfile, clock: MarketClock, fuels: Fuels, *, seed: int, scenarios: Sequence[Scenario]
) -> Supply:
    """The zone's merit order: nuclear, lignite, hydro, coal, gas and peakers, each with its availability."""
    rows = daily_index(clock.epoch_days)
    summer = -np.cos(2 * np.pi * (clock.day_of_year - 15) / 365.25)
    gas = fuels.gas / _GAS_EFFICIENCY + _GAS_TONNES * fuels.carbon + 3.0
    coal = fuels.coal / _COAL_EFFICIENCY + _COAL_TONNES * fuels.carbon + 2.0
    lignite = 11.0 + _LIGNITE_TONNES * 0.78 * fuels.carbon
    wet = daily_process(seed, f"water|{profile.region}", 45.0)[rows]
    hydro_cost = np.clip(0.55 - 0.10 * wet, 0.2, 0.9) * gas
    lost = 0.30 * daily_events(seed, f"outage|{clock.zone}", 0.035, 0.80)[rows]
    maintenance = 0.95 - 0.05 * summer
    thermal = np.clip(maintenance - lost, 0.3, 1.0)
    plants = (
        (np.full(len(rows), 14.0), thermal),
        (lignite, thermal),
        (hydro_cost, 0.92 + 0.08 * np.tanh(wet)),
        (coal, thermal),
        (gas, thermal),
        (1.5 * gas + 25.0, np.ones(len(rows))),
    )
    # A kind of plant that the zone does not have must not leave a step of its cost in the curve.
    blocks = [
        (cost, 0.01 * part * profile.dispatchable * available)
        for part, (cost, available) in zip(profile.mix, plants, strict=True)
        if part > 0
    ]
    costs = np.stack([cost for cost, _ in blocks], axis=1)
    capacity = np.stack([share for _, share in blocks], axis=1) * profile.mean_load_mw
    order = np.argsort(costs, axis=1, kind="stable")
    return Supply(
        costs_eur_per_mwh=np.take_along_axis(costs, order, axis=1),
        capacity_mw=np.take_along_axis(capacity, order, axis=1),
        outage_mw=0.01
        * lost
        * (sum(profile.mix) - profile.mix[2] - profile.mix[5])
        * profile.dispatchable
        * profile.mean_load_mw,
        gas_cost_eur_per_mwh=gas,
        mean_load_mw=profile.mean_load_mw,
        storage_mw=profile.storage * profile.mean_load_mw,
        interconnection_mw=profile.interconnection * profile.mean_load_mw,
        inflexible_mw=_inflexible(profile, clock, scenarios) * profile.mean_load_mw,
        typical_residual_mw=profile.typical_residual * profile.mean_load_mw,
        dispatchable_mw=profile.dispatchable * profile.mean_load_mw,
    )


def _inflexible(profile: ZoneProfile, clock: MarketClock, scenarios: Sequence[Scenario]) -> Floats:
    """Generation that runs at any price (N,), as a share of mean load."""
    share = np.full(len(clock.start_minutes), profile.inflexible)
    start = start_of(scenarios, "wind_parks")
    if start is not None:
        share[clock.epoch_days >= epoch_day(start)] -= RETIRED_PER_PARK * WIND_PARKS_SHARE
    return share
