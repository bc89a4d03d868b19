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
from spot.strategy.blocks.groups import BlockGroup, make_groups, phases_of
from spot.strategy.proposals.price_paths import price_paths
from spot.strategy.proposals.storage import PlannedBattery
from spot.strategy.proposals.view import MarketView, Proposal

_EPSILON = 1e-9
_PATHS_PER_CHOICE = 2
"""Every second path chooses the blocks: 250 of them choose as well as 500, in a third of the time."""


class StorageGroups(PlannedBattery):
    """The battery's plan as exclusive groups, of each of which the auction executes the best block."""

    strategy: Literal["storage_groups"] = "storage_groups"
    exchange: str = ""
    """Exchange whose order types hold; empty for the one of the zone that takes exclusive groups."""
    max_blocks: int = Field(default=12, ge=1)
    """Most blocks of a group; the exchange may take fewer."""
    max_orders: int = Field(default=96, ge=1)
    """Most blocks of all groups of a day: each is an order, and limits count it."""
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
        if not plan.exposure_mw.any():
            return plan
        rules = groups_of_zone(view.zone, view.delivery_day, self.exchange)
        why_not = self._why_named_hours(plan.exposure_mw, view, paths, rules)
        if why_not or rules is None:
            texts = tuple(f"{text}; named hours, because {why_not}" for text in plan.texts)
            return replace(plan, texts=texts)
        make = self._maker(paths, rules)
        groups = make(plan.exposure_mw, self.power_mw)
        costs = plan.costs_eur_per_mwh
        gains = path_gains(groups, paths, view.hours, costs, self.fills)
        uplift = float((gains - _gains(plan, paths, view.hours)).mean())
        traded = float(np.abs(plan.exposure_mw).sum() * view.hours)
        return replace(
            plan,
            groups=make,
            price_step_eur_per_mwh=rules.price_step_eur_per_mwh or 0.01,
            edge=plan.edge + np.where(plan.exposure_mw != 0, uplift / traded, 0.0),
            probability=np.full(len(plan.exposure_mw), float((gains > 0).mean())),
        )

    def _why_named_hours(
        self, plan: Floats, view: MarketView, paths: Floats, rules: BlockOrders | None
    ) -> str:
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
        n_phases = len(phases_of(plan))
        most = min(rules.most_groups or self.max_orders, self.max_orders)
        return f"its {n_phases} phases are more than {most} groups" if n_phases > most else ""

    def _maker(self, paths: Floats, rules: BlockOrders) -> Callable[[Floats, float], tuple[BlockGroup, ...]]:
        """What makes the groups of a plan with a largest power."""
        most = min(self.max_blocks, rules.most_blocks_per_group or self.max_blocks)
        return partial(_groups, paths=paths[::_PATHS_PER_CHOICE], battery=self, most_blocks=most)


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


def _gains(plan: Proposal, paths: Floats, hours: float) -> Floats:
    """(S,) gain of the plan in named hours on each path (S, P), EUR, costs taken off."""
    energy = plan.exposure_mw * hours
    bought, sold = plan.costs_eur_per_mwh
    costs = bought * np.maximum(energy, 0.0).sum() + sold * np.maximum(-energy, 0.0).sum()
    gains: Floats = -(paths @ energy) - costs
    return gains
