"""A battery in the day-ahead auction: a linear programme per day, solved by HiGHS.

Maximise sum_t h (p_sell[t] - w) d[t] - h p_buy[t] c[t] over charging c and discharging d (MW at the grid),
with the state of charge s[t] = s[t-1] + h (eta_c c[t] - d[t] / eta_d) in [0, E], s back at its start in the
evening, and h sum d <= cycles E. With efficiencies below one no optimum charges and discharges at once while
prices are positive; at negative prices it can, and then binaries forbid it. Method: Sioshansi et al.,
"Estimating the value of electricity storage in PJM" (Energy Economics, 2009); solver: Huangfu and Hall
(2018).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import bmat, csr_array, eye_array, hstack

from spot.contracts.panel import Floats
from spot.errors import ForecastError
from spot.strategy.proposals.view import LEVELS, MarketView, Proposal
from spot.strategy.proposals.volume_steps import StepMarket, in_volume_steps
from spot.strategy.settings import StorageSettings

_NEGLIGIBLE_MW = 1e-7


@dataclass(frozen=True, slots=True)
class StoragePlan:
    """Charging and discharging power per unit, MW at the grid, and the state of charge after each unit, MWh."""

    charge_mw: Floats
    discharge_mw: Floats
    state_mwh: Floats

    @property
    def exposure_mw(self) -> Floats:
        """Bought minus sold power."""
        return self.charge_mw - self.discharge_mw


def optimise_storage(
    buy_prices: Floats, sell_prices: Floats, hours: float, settings: StorageSettings
) -> StoragePlan:
    """The plan of greatest value for a day of P units of `hours` each.

    Prices (P,) in EUR/MWh, fees not included.

    Raises:
        ForecastError: a price is not finite, or the solver found no optimum.
    """
    if not (np.isfinite(buy_prices).all() and np.isfinite(sell_prices).all()):
        raise ForecastError("storage: a price is not finite")
    n_units = len(buy_prices)
    cost = hours * np.concatenate([buy_prices, settings.degradation_eur_per_mwh - sell_prices])
    rows, low, high = _constraints(n_units, hours, settings)
    finite_high, finite_low = np.isfinite(high), np.isfinite(low)
    solved = linprog(
        cost,
        A_ub=csr_array(bmat([[rows[finite_high]], [-rows[finite_low]]])),
        b_ub=np.concatenate([high[finite_high], -low[finite_low]]),
        bounds=(0.0, settings.power_mw),
        method="highs",
    )
    if solved.status != 0:
        raise ForecastError(f"storage: no optimal plan: {solved.message}")
    power = solved.x
    if np.minimum(power[:n_units], power[n_units:]).max() > _NEGLIGIBLE_MW:
        power = _with_binaries(cost, rows, low, high, settings.power_mw)
    power = np.where(power < _NEGLIGIBLE_MW, 0.0, power)
    charge, discharge = power[:n_units], power[n_units:]
    return StoragePlan(charge, discharge, _state(charge, discharge, hours, settings))


def plan_of(exposure_mw: Floats, hours: float, settings: StorageSettings) -> StoragePlan:
    """The plan of orders (P,), bought power positive."""
    charge, discharge = np.maximum(exposure_mw, 0.0), np.maximum(-exposure_mw, 0.0)
    return StoragePlan(charge, discharge, _state(charge, discharge, hours, settings))


def plan_value_eur(plan: StoragePlan, prices: Floats, hours: float, settings: StorageSettings) -> float:
    """Revenue of the plan at `prices` (P,) minus wear, fees not included."""
    return float(
        hours
        * (
            (plan.discharge_mw - plan.charge_mw) @ prices
            - settings.degradation_eur_per_mwh * plan.discharge_mw.sum()
        )
    )


def _state(charge: Floats, discharge: Floats, hours: float, settings: StorageSettings) -> Floats:
    flow = hours * (settings.charge_efficiency * charge - discharge / settings.discharge_efficiency)
    state = settings.initial_charge_frac * settings.energy_mwh + np.cumsum(flow)
    return np.where(np.abs(state) < _NEGLIGIBLE_MW, 0.0, state)


def _constraints(n_units: int, hours: float, settings: StorageSettings) -> tuple[csr_array, Floats, Floats]:
    """Rows over (c, d): state of charge after every unit, cycles."""
    running = np.tril(np.ones((n_units, n_units)))
    start = settings.initial_charge_frac * settings.energy_mwh
    state = np.hstack(
        [hours * settings.charge_efficiency * running, -hours / settings.discharge_efficiency * running]
    )
    cycles = np.concatenate([np.zeros(n_units), np.full(n_units, hours)])[None, :]
    low, high = np.full(n_units, -start), np.full(n_units, settings.energy_mwh - start)
    low[-1] = high[-1] = 0.0
    return (
        csr_array(np.vstack([state, cycles])),
        np.concatenate([low, [-np.inf]]),
        np.concatenate([high, [settings.max_cycles_per_day * settings.energy_mwh]]),
    )


def _with_binaries(cost: Floats, rows: csr_array, low: Floats, high: Floats, power_mw: float) -> Floats:
    """The same programme with a binary per unit that allows either charging or discharging."""
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
    return np.asarray(solved.x[: 2 * n_units], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class StorageStrategy:
    """The battery's plan on the forecast distribution in whole volume steps.

    Its orders take any price, since half a plan is worth nothing.
    """

    settings: StorageSettings

    def propose(self, view: MarketView) -> Proposal:
        """Charge where the forecast is low, discharge where it is high, flat where the difference does not pay wear, losses and fees."""
        settings, fee = self.settings, self.settings.fees.on(view.delivery_day).day_ahead_fee_eur_per_mwh
        low, middle, high = (_at(view.quantiles, level) for level in (0.25, 0.5, 0.75))
        buy = view.mean + settings.risk_aversion * (high - middle) + fee
        sell = view.mean - settings.risk_aversion * (middle - low) - fee
        market = StepMarket(buy_prices=buy, sell_prices=sell, hours=view.hours, settings=settings)
        exposure = in_volume_steps(optimise_storage(buy, sell, view.hours, settings).exposure_mw, market)
        prices = view.past_days("day_ahead_price_eur_per_mwh", settings.window_days + 7)
        return Proposal(
            exposure_mw=exposure,
            limit_price=np.where(exposure > 0, np.inf, -np.inf),
            expected_reference=np.full(len(exposure), np.nan),
            edge=np.where(
                exposure > 0,
                -view.mean - fee,
                np.where(exposure < 0, view.mean - fee - settings.degradation_eur_per_mwh, 0.0),
            ),
            risk=(_at(view.quantiles, 0.9) - _at(view.quantiles, 0.1)) / 2.0,
            probability=_gain_probability(exposure, view, prices, fee, settings),
            scenarios=(
                -(view.mean + prices[7:] - prices[:-7]) if len(prices) > 7 else np.zeros((0, len(exposure)))
            ),
            keeps_shape=True,
            recut=partial(in_volume_steps, market=market, keep_below=True),
            is_firm=True,
            texts=_texts(exposure, view, plan_of(exposure, view.hours, settings)),
        )


def _at(quantiles: Floats, level: float) -> Floats:
    return quantiles[:, int(np.argmin(np.abs(level - LEVELS)))]


def _gain_probability(
    exposure: Floats, view: MarketView, prices: Floats, fee: float, settings: StorageSettings
) -> Floats:
    """Share of past days, moved to today's forecast, on which the whole plan gains; NaN without a past."""
    if len(prices) <= 7:
        return np.full(len(exposure), np.nan)
    scenarios = view.mean + prices[7:] - prices[:-7]
    costs = view.hours * (
        fee * np.abs(exposure).sum() + settings.degradation_eur_per_mwh * np.maximum(-exposure, 0).sum()
    )
    gains = -(scenarios @ exposure) * view.hours - costs
    return np.full(len(exposure), float((gains > 0).mean()))


def _texts(exposure: Floats, view: MarketView, plan: StoragePlan) -> tuple[str, ...]:
    rank = np.argsort(np.argsort(view.mean)) + 1
    words = {1: "charge", -1: "discharge", 0: "rest"}
    return tuple(
        f"{words[int(np.sign(mw))]}: forecast {mean:.1f} EUR/MWh, rank {place} of {len(rank)} from the"
        f" cheapest; the battery then holds {state:.2f} MWh"
        for mw, mean, place, state in zip(exposure, view.mean, rank, plan.state_mwh, strict=True)
    )
