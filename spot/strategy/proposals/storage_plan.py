"""A battery in the day-ahead auction: a linear programme per day, solved by HiGHS.

Maximise sum_t h (p_sell[t] - w) d[t] - h p_buy[t] c[t] over charging c and discharging d (MW at the grid),
with the state of charge s[t] = s[t-1] + h (eta_c c[t] - d[t] / eta_d) in [0, E], s back at its start in the
evening, and h sum d <= cycles E. With efficiencies below one no optimum charges and discharges at once while
prices are positive; at negative prices it can, and then binaries forbid it. Method: Sioshansi et al.,
"Estimating the value of electricity storage in PJM" (Energy Economics, 2009); solver: Huangfu and Hall
(2018).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import bmat, csr_array, eye_array, hstack

from spot.arrays import Bools, Floats
from spot.errors import ForecastError
from spot.strategy.interface import Strategy

_TOLERATED = 1e-6
"""MW and MWh by which a plan that a person changed may miss a bound. Chosen by hand: far below a volume step.
"""
_NEGLIGIBLE_MW = 1e-7
"""Tolerance of HiGHS for constraints; what is below it is no power."""


class Battery(Strategy):
    """Settings of a strategy that owns a battery."""

    settled_against: Literal["nothing"] = "nothing"
    power_mw: float = Field(default=1.0, gt=0)
    """Power and energy of the battery. Chosen by hand: the battery of two hours that the tables of
    docs/trading.md have; a desk sets its own.
    """
    energy_mwh: float = Field(default=2.0, gt=0)
    charge_efficiency: float = Field(default=0.95, gt=0, le=1)
    """Energy stored per energy bought, and sold per energy taken out. Chosen by hand: about 90 % for both
    together; a desk sets its own.
    """
    discharge_efficiency: float = Field(default=0.95, gt=0, le=1)
    max_cycles_per_day: float = Field(default=2.0, gt=0)
    """Energy discharged per day over `energy_mwh`."""
    degradation_eur_per_mwh: float = Field(default=2.0, ge=0)
    """Wear, per MWh discharged."""
    initial_charge_frac: float = Field(default=0.0, ge=0, le=1)
    """State of charge at the start and the end of every day."""
    volume_step_mw: float = Field(default=0.001, gt=0)
    """Plans are made in whole steps that close. Auctions take 0.1 MW: of the value of 1 MW and 2 MWh that
    costs below 1 % in quarter hours, but 2 to 4 % in hours, where a step is a twentieth of the battery.
    """

    @property
    def wear_eur_per_mwh(self) -> float:
        """Wear of the battery, per MWh discharged."""
        return self.degradation_eur_per_mwh

    def why_impossible(self, exposure_mw: Floats, hours: float) -> str:
        """What a battery cannot do of orders (P,): too much power, too full or empty, not as it began."""
        if np.abs(exposure_mw).max() > self.power_mw + _TOLERATED:
            return f"the battery has {self.power_mw:g} MW, and {np.abs(exposure_mw).max():g} MW are asked"
        state = plan_of(exposure_mw, hours, self).state_mwh
        unit, start = 1 + int(np.argmin(state)), self.initial_charge_frac * self.energy_mwh
        if state.min() < -_TOLERATED:
            return f"the battery would be empty in unit {unit} of the day: leave out or change the charge too"
        unit = 1 + int(np.argmax(state))
        if state.max() > self.energy_mwh + _TOLERATED:
            return f"the battery would be above its {self.energy_mwh:g} MWh in unit {unit} of the day"
        step = hours * self.volume_step_mw
        if not start - _TOLERATED <= state[-1] <= start + step + _TOLERATED:
            return (
                f"the battery would end the day with {state[-1]:.3f} MWh, not with {start:g} as it began:"
                " change both sides of the plan"
            )
        return ""


@dataclass(frozen=True, slots=True)
class StoragePlan:
    """Charging and discharging power per unit, MW at the grid.

    And the state of charge after each unit, MWh.
    """

    charge_mw: Floats
    discharge_mw: Floats
    state_mwh: Floats

    @property
    def exposure_mw(self) -> Floats:
        """Bought minus sold power, in MW, `(P,)`."""
        return self.charge_mw - self.discharge_mw


def optimise_storage(buy_prices: Floats, sell_prices: Floats, hours: float, battery: Battery) -> StoragePlan:
    """The plan of greatest value for a day of P units of `hours` each.

    Prices (P,) in EUR/MWh, fees not included.

    Raises:
        ForecastError: a price is not finite, or the solver found no optimum.
    """
    bad = np.flatnonzero(~np.isfinite(buy_prices + sell_prices))
    if len(bad):
        raise ForecastError(f"storage: the price of unit {bad[0] + 1} is not finite")
    n_units = len(buy_prices)
    cost = hours * np.concatenate([buy_prices, battery.degradation_eur_per_mwh - sell_prices])
    rows, low, high = _constraints(n_units, hours, battery)
    largest = np.full(2 * n_units, battery.power_mw)
    power = _linear(cost, rows, low, high, largest)
    if np.minimum(power[:n_units], power[n_units:]).max() > _NEGLIGIBLE_MW:
        is_charging = _charging_units(cost, rows, low, high, battery.power_mw)
        # Solved again with the sides fixed: a binary is whole only to 1e-6, and both sides would keep a rest.
        power = _linear(cost, rows, low, high, largest * np.concatenate([is_charging, ~is_charging]))
    power = np.where(power < _NEGLIGIBLE_MW, 0.0, power)
    # Within its tolerances the solver may return a plan that loses a little; rest is always allowed.
    if float(cost @ power) >= 0.0:
        power = np.zeros(2 * n_units)
    charge, discharge = power[:n_units], power[n_units:]
    return StoragePlan(charge, discharge, _state(charge, discharge, hours, battery))


def plan_of(exposure_mw: Floats, hours: float, battery: Battery) -> StoragePlan:
    """The plan of orders (P,), bought power positive."""
    charge, discharge = np.maximum(exposure_mw, 0.0), np.maximum(-exposure_mw, 0.0)
    return StoragePlan(charge, discharge, _state(charge, discharge, hours, battery))


def plan_value_eur(plan: StoragePlan, prices: Floats, hours: float, battery: Battery) -> float:
    """Revenue of the plan at `prices` (P,) minus wear, fees not included."""
    return float(
        hours
        * (
            (plan.discharge_mw - plan.charge_mw) @ prices
            - battery.degradation_eur_per_mwh * plan.discharge_mw.sum()
        )
    )


def _state(charge: Floats, discharge: Floats, hours: float, battery: Battery) -> Floats:
    flow = hours * (battery.charge_efficiency * charge - discharge / battery.discharge_efficiency)
    state = battery.initial_charge_frac * battery.energy_mwh + np.cumsum(flow)
    return np.where(np.abs(state) < _NEGLIGIBLE_MW, 0.0, state)


def _constraints(n_units: int, hours: float, battery: Battery) -> tuple[csr_array, Floats, Floats]:
    """Rows over (c, d): state of charge after every unit, cycles."""
    running = np.tril(np.ones((n_units, n_units)))
    start = battery.initial_charge_frac * battery.energy_mwh
    state = np.hstack(
        [hours * battery.charge_efficiency * running, -hours / battery.discharge_efficiency * running]
    )
    cycles = np.concatenate([np.zeros(n_units), np.full(n_units, hours)])[None, :]
    low, high = np.full(n_units, -start), np.full(n_units, battery.energy_mwh - start)
    low[-1] = high[-1] = 0.0
    return (
        csr_array(np.vstack([state, cycles])),
        np.concatenate([low, [-np.inf]]),
        np.concatenate([high, [battery.max_cycles_per_day * battery.energy_mwh]]),
    )


def _linear(cost: Floats, rows: csr_array, low: Floats, high: Floats, largest_mw: Floats) -> Floats:
    """(2P,) the cheapest charging and discharging power within the constraints and `largest_mw` (2P,)."""
    finite_high, finite_low = np.isfinite(high), np.isfinite(low)
    solved = linprog(
        cost,
        A_ub=csr_array(bmat([[rows[finite_high]], [-rows[finite_low]]])),
        b_ub=np.concatenate([high[finite_high], -low[finite_low]]),
        bounds=np.column_stack([np.zeros(len(cost)), largest_mw]),
        method="highs",
    )
    if solved.status != 0:
        raise ForecastError(f"storage: no optimal plan: {solved.message}")
    return np.asarray(solved.x, dtype=np.float64)


def _charging_units(cost: Floats, rows: csr_array, low: Floats, high: Floats, power_mw: float) -> Bools:
    """(P,) units that may charge; the others may discharge.

    From the same programme with a binary per unit that allows either.
    """
    n_units = len(cost) // 2
    one = eye_array(n_units) * power_mw
    either = csr_array(bmat([[eye_array(n_units), None, -one], [None, eye_array(n_units), one]]))
    solved = milp(
        np.concatenate([cost, np.zeros(n_units)]),
        constraints=[
            LinearConstraint(hstack([rows, csr_array((rows.shape[0], n_units))]), low, high),
            LinearConstraint(
                either, -np.inf, np.concatenate([np.zeros(n_units), np.full(n_units, power_mw)])
            ),
        ],
        bounds=Bounds(0.0, np.concatenate([np.full(2 * n_units, power_mw), np.ones(n_units)])),
        integrality=np.concatenate([np.zeros(2 * n_units), np.ones(n_units)]),
    )
    if solved.status != 0 or solved.x is None:
        raise ForecastError(f"storage: no optimal plan with binaries: {solved.message}")
    return np.asarray(solved.x[2 * n_units :] > 0.5)
