"""A battery that lets the auction choose: its plan as exclusive groups of block orders.

The plan on the forecast says how often to charge and to discharge. Each phase of it is one exclusive group,
whose blocks trade the phase's energy in different hours of a window (`spot.strategy.blocks`). Where no
exchange of the zone takes such groups, or no paths of the day can be made, the plan is sent in named hours.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
from pydantic import Field

from spot.arrays import Floats
from spot.market.block_orders import BlockOrders, groups_of_zone
from spot.strategy.blocks.choices import path_gains
from spot.strategy.blocks.fills import FillRules
from spot.strategy.blocks.groups import BlockGroup, best_profiles, make_groups, phases_of
from spot.strategy.blocks.phases import PhaseMarket, phases_on_paths
from spot.strategy.proposals.price_paths import price_paths
from spot.strategy.proposals.storage import PlannedBattery
from spot.strategy.proposals.view import MarketView, Proposal

_EPSILON = 1e-9
_PATHS_PER_CHOICE = 2
"""Every second path chooses the blocks: 250 of them choose as well as 500, in a third of the time."""
_PATHS_PER_PHASE = 5
"""Every fifth path, 100 in all, chooses the phases. By hand: it is the slowest part of the decision."""
GroupMaker = Callable[[Floats, float], tuple[BlockGroup, ...]]
"""The exclusive groups of a plan (P,) with at most so much power in a unit, MW."""


class StorageGroups(PlannedBattery):
    """The battery's plan as exclusive groups, of each of which the auction executes the best block."""

    strategy: Literal["storage_groups"] = "storage_groups"
    exchange: str = ""
    """Exchange whose order types hold; empty for the one of the zone that takes exclusive groups."""
    max_blocks: int = Field(default=12, ge=1)
    """Most blocks of a group; the exchange may take fewer."""
    max_orders: int = Field(default=96, ge=1)
    """Most blocks of all groups of a day: each is an order, and limits count it."""
    phases: Literal["plan", "paths"] = "plan"
    """What says how often to charge: the plan on the mean, or the better of it and of the phases that are
    worth most on the day's paths. Not measured on real prices yet, so it is off.
    """
    fills: FillRules = FillRules()
    """How groups are assumed to be executed, for risk and in settlement on paper."""
    volume_step_mw: float = Field(default=0.1, gt=0)
    """A whole multiple of the exchange's step; every block is an order of its own."""

    @property
    def fill_rules(self) -> FillRules:
        """The settings `fills`."""
        return self.fills

    def propose(self, view: MarketView) -> Proposal:
        """The plan in exclusive groups, or in named hours where they cannot be made; the texts say why."""
        paths = price_paths(view, self.window_days)
        plan = self.planned(view, paths)
        rules = groups_of_zone(view.zone, view.delivery_day, self.exchange)
        why_not = self._why_named_hours(view, paths, rules)
        if why_not or rules is None:
            return _in_named_hours(plan, why_not)
        make = self._maker(paths, rules)
        if self.phases == "paths":
            both = (plan, self._on_paths(view, paths))
            plan = max(both, key=lambda one: float(self._gains(one, make, paths, view.hours).mean()))
        if not plan.exposure_mw.any():
            return plan
        n_phases, most = len(phases_of(plan.exposure_mw)), rules.most_groups or self.max_orders
        if n_phases > min(most, self.max_orders):
            return _in_named_hours(plan, f"its {n_phases} phases are more than {most} groups")
        gains = self._gains(plan, make, paths, view.hours)
        uplift = float((gains - _gains_of_named(plan, paths, view.hours)).mean())
        traded = float(np.abs(plan.exposure_mw).sum() * view.hours)
        return replace(
            plan,
            groups=make,
            price_step_eur_per_mwh=rules.price_step_eur_per_mwh or 0.01,
            edge=plan.edge + np.where(plan.exposure_mw != 0, uplift / traded, 0.0),
            probability=np.full(len(plan.exposure_mw), float((gains > 0).mean())),
        )

    def _on_paths(self, view: MarketView, paths: Floats) -> Proposal:
        """The plan of the phases that are worth most on the day's paths, in their likely units."""
        market = self.step_market(view)
        fee = self.fees.on(view.delivery_day).day_ahead_fee_eur_per_mwh
        missed = self.fills.rejected_share * self.fills.rejected_cost_eur_per_mwh
        costs = (fee + missed, fee + missed + self.degradation_eur_per_mwh)
        some = paths[::_PATHS_PER_PHASE]
        battery = PhaseMarket(
            hours=view.hours,
            power_mw=self.power_mw,
            energy_mwh=self.energy_mwh,
            charge_efficiency=self.charge_efficiency,
            discharge_efficiency=self.discharge_efficiency,
            most_cycles=self.max_cycles_per_day,
            start_frac=self.initial_charge_frac,
            costs_eur_per_mwh=costs,
        )
        wanted, buy, sell = np.zeros(len(view.mean)), market.buy_prices.copy(), market.sell_prices.copy()
        for phase in phases_on_paths(some, battery):
            inside = slice(phase.window.start, phase.window.stop)
            named = best_profiles(view.mean[None, inside], phase.side, phase.energy_mw, self.power_mw)[0]
            wanted[inside] += phase.side * named
            chosen = best_profiles(some[:, inside], phase.side, phase.energy_mw, self.power_mw)
            better = float((phase.side * (some[:, inside] * (named - chosen)).sum(axis=1)).mean())
            # Its units trade at better prices than the mean, since the auction chooses among them.
            prices, sign = (buy, -1.0) if phase.side > 0 else (sell, 1.0)
            prices[inside] += sign * better / phase.energy_mw
        return self.proposed(view, paths, replace(market, buy_prices=buy, sell_prices=sell), wanted)

    def _gains(self, plan: Proposal, make: GroupMaker, paths: Floats, hours: float) -> Floats:
        """(S,) gain of the plan's groups on each path."""
        groups = make(plan.exposure_mw, self.power_mw)
        return path_gains(groups, paths, hours, plan.costs_eur_per_mwh, self.fills)

    def _why_named_hours(self, view: MarketView, paths: Floats, rules: BlockOrders | None) -> str:
        """Why the plan cannot be sent as groups; empty where it can."""
        if rules is None:
            return f"no exchange of {view.zone} is known to take exclusive groups"
        if not len(paths):
            return "too few past days are known for paths of the day's prices"
        steps = self.volume_step_mw / rules.volume_step_mw
        if steps < 1.0 - _EPSILON or abs(steps - round(steps)) > _EPSILON:
            return (
                f"volume_step_mw {self.volume_step_mw:g} is no multiple of the {rules.volume_step_mw:g} MW of"
                f" {rules.exchange}"
            )
        return ""

    def _maker(self, paths: Floats, rules: BlockOrders) -> GroupMaker:
        """What makes the groups of a plan with a largest power."""
        most = min(self.max_blocks, rules.most_blocks_per_group or self.max_blocks)
        return partial(_groups, paths=paths[::_PATHS_PER_CHOICE], battery=self, most_blocks=most)


def _in_named_hours(plan: Proposal, why: str) -> Proposal:
    return replace(plan, texts=tuple(f"{text}; named hours, because {why}" for text in plan.texts))


def _groups(
    plan: Floats, largest_mw: float, *, paths: Floats, battery: StorageGroups, most_blocks: int
) -> tuple[BlockGroup, ...]:
    """The groups of a plan (P,); every block in whole volume steps and within the power."""
    step = battery.volume_step_mw
    power = np.floor(min(largest_mw, battery.power_mw) / step + 1e-6) * step
    n_phases = max(1, len(phases_of(plan)))
    return make_groups(
        plan,
        paths,
        power_mw=max(float(np.round(power, 9)), float(np.abs(plan).max(initial=0.0))),
        max_blocks=max(1, min(most_blocks, battery.max_orders // n_phases)),
    )


def _gains_of_named(plan: Proposal, paths: Floats, hours: float) -> Floats:
    """(S,) gain of the plan in named hours on each path (S, P), EUR, costs taken off."""
    energy = plan.exposure_mw * hours
    bought, sold = plan.costs_eur_per_mwh
    costs = bought * np.maximum(energy, 0.0).sum() + sold * np.maximum(-energy, 0.0).sum()
    gains: Floats = -(paths @ energy) - costs
    return gains
