"""The simulated market, which is the default source.

Everything can be tried and tested with known truth and without a key.

All products of a simulated zone have the market time unit of its day-ahead auction. Every value is a function
of (seed, zone, day), so one day and ten years give the same rows. All rows say `source="simulated"`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.table import UTC_INSTANT
from spot.simulation.clock import MarketClock, market_clock
from spot.simulation.noise import epoch_day
from spot.simulation.prices import Prices, simulate_prices
from spot.simulation.profiles import ZoneProfile, find_profile
from spot.simulation.scenarios import SOLAR_BOOM_FACTOR, WIND_PARKS_SHARE, Scenario, start_of
from spot.simulation.supply import Fuels, Supply, simulate_fuels, simulate_supply
from spot.simulation.tables import market_tables
from spot.simulation.weather import ACTUAL, CONSENSUS, Weather, simulate_weather


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedTruth:
    """What only the simulator knows. Tests and drift benchmarks compare with it; the chain never reads it."""

    periods: pl.DataFrame
    """One row per market time unit: weather, outages, fuel prices, marginal cost of gas plants, true and
    forecast residual load, the price without noise, and the predictable part of the intraday spread.
    """
    scenarios: tuple[Scenario, ...]

    @property
    def drift_days(self) -> dict[str, date]:
        """First day of every scenario that changes the market itself. A broken sensor does not."""
        return {
            scenario.name: scenario.start_day
            for scenario in self.scenarios
            if scenario.name != "sensor_fault"
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMarket:
    """One zone's raw tables, and the truth behind them."""

    zone: str
    tables: Mapping[str, pl.DataFrame]
    """Table name to rows under its raw contract, all vintages of the days asked for."""
    truth: SimulatedTruth

    def published_by(self, instant: datetime) -> dict[str, pl.DataFrame]:
        """The tables as published up to `instant` (aware UTC): what a fetch at that instant returns."""
        return {
            name: frame.filter(pl.col("available_at_utc") <= instant) for name, frame in self.tables.items()
        }


def simulate(
    zone: str, first_day: date, last_day: date, *, seed: int, scenarios: Sequence[Scenario] = ()
) -> SimulatedMarket:
    """The simulated market of `zone` from `first_day` to `last_day`, both included.

    Raises:
        ConfigurationError: the zone has no simulated market, or the days are outside the simulated world.
        ContractError: the range is empty.
    """
    profile = find_profile(zone)
    clock = market_clock(zone, first_day, last_day, scenarios)
    fuels = simulate_fuels(clock, seed=seed, scenarios=scenarios)
    supply = simulate_supply(profile, clock, fuels, seed=seed, scenarios=scenarios)
    weather = simulate_weather(
        profile,
        clock,
        seed=seed,
        solar_capacity=_solar_capacity(profile, clock, scenarios),
        onshore_capacity=_onshore_capacity(profile, clock, scenarios),
    )
    prices = simulate_prices(clock, weather, supply, seed=seed)
    return SimulatedMarket(
        zone=zone,
        tables=market_tables(clock, weather, prices, scenarios),
        truth=SimulatedTruth(
            periods=_truth(clock, weather, fuels, supply, prices), scenarios=tuple(scenarios)
        ),
    )


def _solar_capacity(profile: ZoneProfile, clock: MarketClock, scenarios: Sequence[Scenario]) -> Floats:
    """Installed solar (N,) as a share of mean load."""
    capacity = np.full(len(clock.start_minutes), profile.solar)
    start = start_of(scenarios, "solar_boom")
    if start is not None:
        capacity[clock.epoch_days >= epoch_day(start)] *= SOLAR_BOOM_FACTOR
    return capacity


def _onshore_capacity(profile: ZoneProfile, clock: MarketClock, scenarios: Sequence[Scenario]) -> Floats:
    """Installed wind on land (N,) as a share of mean load."""
    capacity = np.full(len(clock.start_minutes), profile.wind_onshore)
    start = start_of(scenarios, "wind_parks")
    if start is not None:
        capacity[clock.epoch_days >= epoch_day(start)] += WIND_PARKS_SHARE
    return capacity


def _truth(
    clock: MarketClock, weather: Weather, fuels: Fuels, supply: Supply, prices: Prices
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "delivery_day": pl.Series(clock.epoch_days.astype(np.int32)).cast(pl.Date),
            "delivery_start_utc": pl.Series(clock.start_minutes * 60_000_000).cast(UTC_INSTANT),
            "resolution_minutes": clock.resolution_minutes.astype(np.int32),
            "temperature_c": weather.temperature_c,
            "wind_factor_frac": weather.wind_factor_frac,
            "solar_factor_frac": weather.solar_factor_frac,
            "load_mw": weather.views[ACTUAL].load_mw,
            "residual_load_mw": weather.views[ACTUAL].residual_load_mw,
            "believed_residual_load_mw": weather.views[CONSENSUS].residual_load_mw,
            "outage_mw": supply.outage_mw,
            "gas_price_eur_per_mwh": fuels.gas,
            "coal_price_eur_per_mwh": fuels.coal,
            "carbon_price_eur_per_tonne": fuels.carbon,
            "gas_plant_cost_eur_per_mwh": supply.gas_cost_eur_per_mwh,
            "noiseless_price_eur_per_mwh": prices.noiseless,
            "expected_spread_eur_per_mwh": prices.expected_spread,
        }
    )
