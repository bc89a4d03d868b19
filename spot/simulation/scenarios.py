"""Named regime changes with a date.

A monitor must see some of them (gas, solar, MTU) and must not take others for drift (a broken sensor).

Readings keep their unit, MW.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from spot.arrays import Floats
from spot.errors import ConfigurationError
from spot.market.delivery import day_ahead_mtu_minutes

ScenarioName = Literal["gas_shock", "solar_boom", "wind_parks", "mtu_change", "sensor_fault"]
SCENARIO_NAMES: tuple[str, ...] = get_args(ScenarioName)

GAS_SHOCK_FACTOR = 2.4
GAS_SHOCK_RAMP_DAYS = 3
COAL_SHOCK_FACTOR = 1.4
"""Factors on the fuel prices of a gas shock, and the days until it is reached. Chosen by hand."""
SOLAR_BOOM_FACTOR = 2.0
"""Factor on solar capacity. A doubling is a new regime and still plausible. A larger jump overnight looks
like a unit error and is treated as one.
"""
WIND_PARKS_SHARE = 0.6
"""Capacity of new wind parks as a share of mean load. Chosen by hand: a windy hour then meets half of the
load.
"""
RETIRED_PER_PARK = 0.15
"""Plants that run at any price and stop for the parks, as a share of the parks' capacity. Chosen by hand, so
that prices stay in a usual range.
"""
FAULT_PHASE_DAYS = 3
"""Days of each phase of a sensor fault. Chosen by hand."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One regime change, from `start_day` on and never before.

    - `gas_shock`: gas costs 2.4 times as much (reached over three days), coal 1.4 times;
    - `solar_boom`: solar capacity is twice as high;
    - `wind_parks`: wind parks of 0.6 of the zone's mean load go on line, and older plants stop for them. In a
      zone without wind a model has no input for it until it is trained anew;
    - `mtu_change`: products have 15 minutes from this day and hours before it, instead of the market's own
      date;
    - `sensor_fault`: published load forecasts and actuals are wrong until `end_day`: three days frozen, three
      zero, three times 1000, and so on. The market itself sees the truth, so prices do not change.
    """

    name: ScenarioName
    start_day: date
    end_day: date | None = None
    """Last day. Only a sensor is ever repaired."""

    def __post_init__(self) -> None:
        if self.name not in SCENARIO_NAMES:
            raise ConfigurationError(f"unknown scenario {self.name!r}: known are {', '.join(SCENARIO_NAMES)}")
        if self.end_day is not None and (self.name != "sensor_fault" or self.end_day < self.start_day):
            raise ConfigurationError(
                f"scenario {self.name}: an end day needs a sensor_fault and may not precede {self.start_day}"
            )


def start_of(scenarios: Sequence[Scenario], name: ScenarioName) -> date | None:
    """First day of the named scenario, none when it is not active."""
    return min((scenario.start_day for scenario in scenarios if scenario.name == name), default=None)


def mtu_minutes(zone: str, day: date, scenarios: Sequence[Scenario]) -> int:
    """Length of the market time unit of all products of the simulated zone on the day."""
    start = start_of(scenarios, "mtu_change")
    if start is None:
        return day_ahead_mtu_minutes(zone, day)
    return 15 if day >= start else 60


def faulty_readings(values: Floats, day_numbers: Floats, scenario: Scenario) -> Floats:
    """What the broken sensor publishes.

    `day_numbers` (n,) counts days since the fault began, negative before it.
    """
    faulty = values.copy()
    length = float("inf") if scenario.end_day is None else (scenario.end_day - scenario.start_day).days + 1
    is_faulty = (day_numbers >= 0) & (day_numbers < length)
    if is_faulty.any():
        phase = (day_numbers // FAULT_PHASE_DAYS) % 3
        for day in set(day_numbers[is_faulty & (phase == 0)].tolist()):
            rows = day_numbers == day
            faulty[rows] = values[rows][0]
        faulty[is_faulty & (phase == 1)] = 0.0
        faulty[is_faulty & (phase == 2)] *= 1000.0
    return faulty
